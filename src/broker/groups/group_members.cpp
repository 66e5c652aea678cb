// SPDX-License-Identifier: Apache-2.0
//! The members of a group: who they are, who leads, and which protocol they share by.
#include <algorithm>
#include <memory>

#include "base/assert.hpp"
#include "broker/groups/group.hpp"

namespace fantail::broker {

void Group::restore(const KeptGroup& kept) {
    generation_ = kept.generation;
    protocol_type_ = kept.protocol_type;
    protocol_ = kept.protocol;
    for (const auto& [id, each] : kept.members) {
        Member& member = add(each.facts);
        member.assignment = each.assignment;
        keep_alive(member);
    }
    for (const auto& [producer, pending] : kept.pending) enlisted_[producer] = pending.epoch;
    assigned_.restore();
    if (members_.empty()) return;
    state_ = GroupState::stable;
    leader_ = members_.contains(kept.leader) ? kept.leader : members_.begin()->first;
}

bool Group::blank() const {
    return state_ == GroupState::empty && pending_.empty() && enlisted_.empty() &&
           context_.store.find(name_) == nullptr;
}

Group::Member* Group::find(std::string_view id) {
    const auto at = members_.find(id);
    return at == members_.end() ? nullptr : &at->second;
}

const Group::Member* Group::predecessor(const JoinGroup& command) const {
    std::string_view id = command.member;
    if (id.empty() && command.instance) {
        const auto known = instances_.find(*command.instance);
        if (known != instances_.end()) id = known->second;
    }
    const auto at = members_.find(id);
    return at == members_.end() ? nullptr : &at->second;
}

GroupOutcome Group::check_member(std::string_view id, const std::optional<std::string>& instance) const {
    if (instance) {
        const auto known = instances_.find(*instance);
        if (known == instances_.end()) return GroupOutcome::unknown_member;
        if (known->second != id) return GroupOutcome::fenced_instance;
    }
    return members_.contains(id) ? GroupOutcome::ok : GroupOutcome::unknown_member;
}

Group::Member& Group::add(MemberFactsRef facts) {
    static const SharedBytes nothing = std::make_shared<const Bytes>();
    const std::string& id = facts->member;
    pending_.erase(id);
    if (facts->instance) instances_.insert_or_assign(*facts->instance, id);
    if (leader_.empty()) leader_ = id;
    count_protocols(*facts, true);
    Member& member = members_[id];
    member.assignment = nothing;
    member.facts = std::move(facts);
    return member;
}

void Group::set_facts(Member& member, MemberFactsRef facts) {
    count_protocols(*member.facts, false);
    count_protocols(*facts, true);
    member.facts = std::move(facts);
}

void Group::remove(std::string_view id, GroupOutcome why) {
    const auto at = members_.find(id);
    if (at == members_.end()) return;
    Member& member = at->second;
    // Whoever still waits learns that it is out, so that it joins anew.
    answer_join(member, {.outcome = why});
    answer_sync(member, {.outcome = why});
    count_protocols(*member.facts, false);
    if (member.facts->instance) {
        const auto known = instances_.find(*member.facts->instance);
        if (known != instances_.end() && known->second == id) instances_.erase(known);
    }
    const bool led = leader_ == id;
    members_.erase(at);
    if (led) leader_ = members_.empty() ? std::string() : members_.begin()->first;
}

Group::Member& Group::replace(std::string_view former, MemberFactsRef facts) {
    const bool led = leader_ == former;
    Member* old = find(former);
    FANTAIL_ASSERT(old != nullptr);
    const SharedBytes assignment = old->assignment;
    remove(former, GroupOutcome::fenced_instance);
    Member& member = add(std::move(facts));
    member.assignment = assignment;
    if (led) leader_ = member.facts->member;
    return member;
}

void Group::count_protocols(const MemberFacts& facts, bool more) {
    bytes_ = more ? bytes_ + facts.bytes() : bytes_ - facts.bytes();
    for (const GroupProtocol& each : facts.protocols) {
        std::uint32_t& count = supporters_[each.name];
        count = more ? count + 1 : count - 1;
        if (count == 0) supporters_.erase(each.name);
    }
}

void Group::await_join(Member& member, const Origin& origin) {
    // A member that asks twice has given up on the first request; it is still owed an answer.
    answer_join(member, {.outcome = GroupOutcome::rebalance_in_progress, .member = member.facts->member});
    member.join = origin;
    ++joining_;
}

void Group::answer_join(Member& member, GroupJoined answer) {
    if (!member.join) return;
    context_.answer(*member.join, std::move(answer));
    member.join.reset();
    --joining_;
}

void Group::answer_sync(Member& member, GroupSynced answer) {
    if (!member.sync) return;
    const Origin origin = *member.sync;
    member.sync.reset();
    if (answer.outcome == GroupOutcome::ok) context_.answer_after(stable_lsn_, origin, std::move(answer));
    else context_.answer(origin, std::move(answer));
    keep_alive(member);
}

void Group::keep_alive(Member& member) { arm(member.session_end, member.facts->session_timeout_ms); }

/// Who waits for an answer shows no other sign of life.
MonoTime Group::expires_at(const Member& member) const {
    if (!member.fresh && (member.join || member.sync)) return MonoTime::never();
    return member.session_end;
}

std::string Group::select_protocol() const {
    std::map<std::string_view, std::size_t> votes;
    for (const auto& [id, member] : members_) {
        for (const GroupProtocol& each : member.facts->protocols) {
            const auto known = supporters_.find(each.name);
            if (known == supporters_.end() || known->second != members_.size()) continue;
            ++votes[each.name];
            break;
        }
    }
    const auto most =
        std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == votes.end() ? protocol_ : std::string(most->first);
}

std::vector<GroupMemberMetadata> Group::metadata() const {
    std::vector<GroupMemberMetadata> all;
    all.reserve(members_.size());
    for (const auto& [id, member] : members_) {
        const GroupProtocol* protocol = member.facts->protocol(protocol_);
        all.push_back({id, member.facts->instance, protocol ? protocol->metadata : Bytes()});
    }
    return all;
}

}  // namespace fantail::broker
