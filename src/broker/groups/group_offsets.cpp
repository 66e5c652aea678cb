// SPDX-License-Identifier: Apache-2.0
//! The offsets that a group commits, how long they stay, and what is told of the group.
#include <algorithm>
#include <set>

#include "base/limits.hpp"
#include "broker/groups/group.hpp"

namespace fantail::broker {

namespace {

CommittedOffset told(QueueId log, const KeptOffset& kept) {
    return {log, GroupOutcome::ok, kept.offset, kept.leader_epoch, kept.metadata, kept.committed_at};
}

}  // namespace

void Group::carry_out(const Origin& origin, CommitOffsets&& command) {
    const GroupOutcome outcome = check_commit(command);
    if (outcome != GroupOutcome::ok) {
        context_.answer(origin, OffsetsCommitted{outcome, {}});
        return;
    }
    Member* member = find(command.member);
    if (member && state_ != GroupState::completing_rebalance) keep_alive(*member);

    // Any one offset must fit into a change, whatever is configured.
    const std::size_t metadata_max =
        std::min(context_.limits.offset_metadata_bytes_max, limits::group_member_bytes_max);
    const KeptGroup* kept = context_.store.find(name_);
    std::size_t count = kept ? kept->offsets.size() : 0;
    OffsetsCommitted answer;
    std::vector<OffsetToCommit> taken;
    for (OffsetToCommit& each : command.offsets) {
        const bool known = kept && kept->offsets.contains(each.log);
        GroupOutcome& one = answer.logs.emplace_back(GroupOutcome::ok);
        if (each.metadata.size() > metadata_max) one = GroupOutcome::metadata_too_large;
        else if (!known && ++count > limits::group_offsets_max) one = GroupOutcome::full;
        else taken.push_back(std::move(each));
    }
    if (!taken.empty()) offsets_lsn_ = write_offsets(std::move(taken));
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

GroupOutcome Group::check_commit(const CommitOffsets& command) const {
    if (context_.overloaded()) return GroupOutcome::overloaded;
    if (command.generation < 0 && state_ == GroupState::empty) return GroupOutcome::ok;
    const GroupOutcome known = check_member(command.member, command.instance);
    if (known != GroupOutcome::ok) return known;
    if (command.generation != generation_) return GroupOutcome::illegal_generation;
    // It will be assigned anew and must not go on as if it owned what it did.
    return state_ == GroupState::completing_rebalance ? GroupOutcome::rebalance_in_progress : GroupOutcome::ok;
}

Lsn Group::write_offsets(std::vector<OffsetToCommit>&& offsets) {
    constexpr std::size_t part_size = limits::change_size_max / 2;
    constexpr std::size_t numbers_size = 32;  // of one offset, at most
    OffsetsChange part{name_, context_.now.wall, {}};
    std::size_t size = 0;
    for (OffsetToCommit& each : offsets) {
        if (size > part_size) {
            context_.write(part);
            part.offsets.clear();
            size = 0;
        }
        size += numbers_size + each.metadata.size();
        part.offsets.push_back(std::move(each));
    }
    return context_.write(part);
}

Lsn Group::remove_offsets(std::vector<QueueId> logs, bool lazy) {
    return context_.write(OffsetsGoneChange{name_, std::move(logs)}, lazy);
}

void Group::carry_out(const Origin& origin, FetchOffsets&& command) {
    OffsetsFetched answer;
    const KeptGroup* kept = context_.store.find(name_);
    if (command.logs) {
        for (const QueueId log : *command.logs) {
            const bool known = kept && kept->offsets.contains(log);
            answer.offsets.push_back(known ? told(log, kept->offsets.at(log)) : CommittedOffset{.log = log});
        }
    } else if (kept) {
        for (const auto& [log, each] : kept->offsets) answer.offsets.push_back(told(log, each));
    }
    // A consumer that began at an offset which a crash then takes back would skip what is committed next.
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

void Group::carry_out(const Origin& origin, DescribeGroup&&) {
    const bool stable = state_ == GroupState::stable;
    GroupDescribed answer{GroupOutcome::ok, state_, protocol_type_, stable ? protocol_ : "", generation_, {}};
    for (const auto& [id, member] : members_) {
        const MemberFacts& facts = *member.facts;
        GroupMemberFigures& figures = answer.members.emplace_back();
        figures.member = id;
        figures.instance = facts.instance;
        figures.client_id = facts.client_id;
        figures.client_host = facts.client_host;
        if (!stable) continue;
        const GroupProtocol* protocol = facts.protocol(protocol_);
        if (protocol) figures.metadata = protocol->metadata;
        figures.assignment = *member.assignment;
    }
    context_.answer(origin, std::move(answer));
}

void Group::carry_out(const Origin& origin, DeleteGroup&&) {
    if (state_ != GroupState::empty) {
        context_.answer(origin, GroupDone{GroupOutcome::not_empty});
        return;
    }
    pending_.clear();
    Lsn after;
    if (context_.store.find(name_)) after = context_.write(GroupGoneChange{name_});
    context_.answer_after(after, origin, GroupDone{});
}

void Group::carry_out(const Origin& origin, DeleteOffsets&& command) {
    if (state_ != GroupState::empty && !knows_topics()) {
        context_.answer(origin, OffsetsCommitted{GroupOutcome::not_empty, {}});
        return;
    }
    const KeptGroup* kept = context_.store.find(name_);
    OffsetsCommitted answer;
    std::set<QueueId> gone;
    for (const OffsetToDelete& each : command.offsets) {
        const bool used = subscribed(each.topic);
        answer.logs.push_back(used ? GroupOutcome::subscribed : GroupOutcome::ok);
        if (!used && kept && kept->offsets.contains(each.log)) gone.insert(each.log);
    }
    if (!gone.empty()) offsets_lsn_ = remove_offsets({gone.begin(), gone.end()}, false);
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

/// Whether every member says which topics it reads.
bool Group::knows_topics() const {
    return std::all_of(members_.begin(), members_.end(), [this](const auto& each) {
        const GroupProtocol* protocol = each.second.facts->protocol(protocol_);
        return protocol && protocol->topics;
    });
}

bool Group::subscribed(std::string_view topic) const {
    return std::any_of(members_.begin(), members_.end(), [&](const auto& each) {
        const GroupProtocol* protocol = each.second.facts->protocol(protocol_);
        return protocol && protocol->topics &&
               std::find(protocol->topics->begin(), protocol->topics->end(), topic) != protocol->topics->end();
    });
}

void Group::expire_offsets() {
    const KeptGroup* kept = context_.store.find(name_);
    if (!kept || state_ != GroupState::empty) return;
    const std::int64_t before_ms = context_.now.wall.ms - context_.limits.offset_retention_ms;
    // The time counts from the last use: of a group with members, until they left.
    const std::int64_t used_ms = kept->protocol_type.empty() ? before_ms : kept->since.ms;
    std::vector<QueueId> old;
    for (const auto& [log, each] : kept->offsets) {
        if (std::max(each.committed_at.ms, used_ms) <= before_ms) old.push_back(log);
    }
    if (old.size() == kept->offsets.size()) context_.write(GroupGoneChange{name_}, true);
    else if (!old.empty()) remove_offsets(std::move(old), true);
}

}  // namespace fantail::broker
