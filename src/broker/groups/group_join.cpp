// SPDX-License-Identifier: Apache-2.0
//! How members join a group, and join again.
#include <algorithm>
#include <memory>

#include "base/limits.hpp"
#include "broker/groups/group.hpp"
#include "broker/groups/member_id.hpp"

namespace fantail::broker {

namespace {

MemberFactsRef facts_of(JoinGroup&& command, std::string id) {
    auto facts = std::make_shared<MemberFacts>();
    facts->member = std::move(id);
    facts->instance = std::move(command.instance);
    facts->client_id = std::move(command.client_id);
    facts->client_host = std::move(command.client_host);
    facts->session_timeout_ms = command.session_timeout_ms;
    facts->rebalance_timeout_ms = std::max(command.rebalance_timeout_ms, 0);
    facts->protocols = std::move(command.protocols);
    return facts;
}

/// Whether the member reads other topics than before, as far as it says.
bool other_topics(const GroupProtocol* before, const GroupProtocol* now) {
    return before && now && before->topics && now->topics && *before->topics != *now->topics;
}

}  // namespace

void Group::carry_out(const Origin& origin, JoinGroup&& command) {
    if (assigned_.any()) {
        refuse_join(origin, command.member, GroupOutcome::inconsistent_protocol);
    } else if (!has_room(command)) {
        // The last of too many to come back are out.
        pending_.erase(command.member);
        remove(command.member, GroupOutcome::full);
        refuse_join(origin, {}, GroupOutcome::full);
        complete_if_all_joined();
    } else if (!shares_with(command)) {
        refuse_join(origin, command.member, GroupOutcome::inconsistent_protocol);
    } else if (command.member.empty()) {
        join_new(origin, std::move(command));
    } else {
        join_again(origin, std::move(command));
    }
}

bool Group::has_room(const JoinGroup& command) const {
    const Member* before = predecessor(command);
    if (!before && bytes_ >= limits::group_bytes_max) return false;
    if (!before && pending_.size() >= context_.limits.members_max && !pending_.contains(command.member)) return false;
    if (state_ == GroupState::empty) return true;
    // While members come back, those that have not are counted out.
    if (state_ == GroupState::preparing_rebalance)
        return (before && before->join) || joining_ < context_.limits.members_max;
    return before || members_.size() < context_.limits.members_max;
}

bool Group::shares_with(const JoinGroup& command) const {
    if (command.protocol_type.empty() || command.protocols.empty()) return false;
    if (members_.empty()) return true;
    if (command.protocol_type != protocol_type_) return false;
    const Member* before = predecessor(command);
    const std::size_t others = members_.size() - (before ? 1 : 0);
    for (const GroupProtocol& each : command.protocols) {
        const auto known = supporters_.find(each.name);
        std::size_t count = known == supporters_.end() ? 0 : known->second;
        if (before && before->facts->protocol(each.name)) --count;
        if (count == others) return true;
    }
    return false;
}

void Group::refuse_join(const Origin& origin, std::string member, GroupOutcome why) {
    context_.answer(origin, GroupJoined{.outcome = why, .member = std::move(member)});
}

void Group::join_new(const Origin& origin, JoinGroup&& command) {
    std::string id = new_id(command.instance ? *command.instance : command.client_id);
    if (command.instance) {
        if (predecessor(command)) take_static_back(origin, std::move(command), std::move(id));
        else take_member(origin, std::move(command), std::move(id));
        return;
    }
    if (!command.may_require_member_id) {
        take_member(origin, std::move(command), std::move(id));
        return;
    }
    // A client that never hears of the id that it got would join again and again: it must come back with it first.
    arm(pending_[id], command.session_timeout_ms);
    refuse_join(origin, std::move(id), GroupOutcome::member_id_required);
}

void Group::join_again(const Origin& origin, JoinGroup&& command) {
    if (pending_.contains(command.member) && !command.instance) {
        std::string id = command.member;
        take_member(origin, std::move(command), std::move(id));
        return;
    }
    const GroupOutcome known = check_member(command.member, command.instance);
    if (known != GroupOutcome::ok) {
        refuse_join(origin, std::move(command.member), known);
        return;
    }
    Member& member = *find(command.member);
    const bool same = member.facts->protocols == command.protocols;
    // A leader joins again to have partitions shared anew; a follower that changes nothing has only missed the answer.
    const bool repeats = (state_ == GroupState::completing_rebalance && same) ||
                         (state_ == GroupState::stable && same && leader_ != command.member);
    if (repeats) context_.answer(origin, joined(member));
    else update(origin, member, std::move(command));
}

void Group::take_member(const Origin& origin, JoinGroup&& command, std::string id) {
    if (members_.empty()) protocol_type_ = command.protocol_type;
    if (first_rebalance_) joined_meanwhile_ = true;
    Member& member = add(facts_of(std::move(command), std::move(id)));
    member.fresh = true;
    await_join(member, origin);
    // Its client may be gone: what it waits for must not take for ever.
    arm(member.session_end, limits::group_first_join_ms);
    rebalance_or_complete();
}

void Group::take_static_back(const Origin& origin, JoinGroup&& command, std::string id) {
    const bool may_skip = command.may_skip_assignment;
    const std::string former = instances_.at(*command.instance);
    const MemberFactsRef before = find(former)->facts;
    const std::string leader = leader_;
    Member& member = replace(former, facts_of(std::move(command), std::move(id)));
    keep_alive(member);
    // Written during a rebalance too: after a crash its process must not be taken for the fenced one.
    const KeptGroup* kept = context_.store.find(name_);
    if (kept && kept->members.contains(former))
        stable_lsn_ = context_.write(MemberChange{name_, former, {member.facts, member.assignment}});
    const bool same = state_ == GroupState::stable && select_protocol() == protocol_ &&
                      !other_topics(before->protocol(protocol_), member.facts->protocol(protocol_));
    if (!same) {
        await_join(member, origin);
        rebalance_or_complete();
        return;
    }
    GroupJoined answer = joined(member);
    answer.skip_assignment = may_skip && leader_ == member.facts->member;
    if (!may_skip) {
        // Such a client would assign if it were told that it leads, and nobody would wait for it.
        answer.leader = leader;
        answer.members.clear();
    }
    context_.answer_after(stable_lsn_, origin, std::move(answer));
}

void Group::update(const Origin& origin, Member& member, JoinGroup&& command) {
    std::string id = member.facts->member;
    command.instance = member.facts->instance;
    set_facts(member, facts_of(std::move(command), std::move(id)));
    await_join(member, origin);
    rebalance_or_complete();
}

GroupJoined Group::joined(const Member& member) const {
    GroupJoined answer;
    answer.generation = generation_;
    answer.protocol_type = protocol_type_;
    answer.protocol = protocol_;
    answer.leader = leader_;
    answer.member = member.facts->member;
    if (leader_ == answer.member) answer.members = metadata();
    return answer;
}

std::string Group::new_id(std::string_view stem) { return std::string(stem) + "-" + random_uuid(context_.host); }

}  // namespace fantail::broker
