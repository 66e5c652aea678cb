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

std::set<QueueId> committed_logs(const KeptGroup& kept) {
    std::set<QueueId> logs;
    for (const auto& [log, each] : kept.offsets) logs.insert(log);
    return logs;
}

/// Where an offset is committed, or would be by an open transaction.
std::set<QueueId> known_logs(const KeptGroup& kept) {
    std::set<QueueId> logs = committed_logs(kept);
    for (const auto& [producer, pending] : kept.pending)
        for (const auto& [log, each] : pending.offsets) logs.insert(log);
    return logs;
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

    OffsetsCommitted answer;
    std::vector<OffsetToCommit> taken = admit(std::move(command.offsets), answer.logs);
    if (!taken.empty()) offsets_lsn_ = write_offsets(OffsetsChange{name_, context_.now.wall, {}}, std::move(taken));
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

std::vector<OffsetToCommit> Group::admit(std::vector<OffsetToCommit>&& offsets,
                                         std::vector<GroupOutcome>& outcomes) const {
    // Any one offset must fit into a change, whatever is configured.
    const std::size_t metadata_max =
        std::min(context_.limits.offset_metadata_bytes_max, limits::group_member_bytes_max);
    const KeptGroup* kept = context_.store.find(name_);
    std::size_t count = 0;
    if (kept) {
        count = kept->offsets.size();
        for (const auto& [producer, pending] : kept->pending) count += pending.offsets.size();
    }
    std::vector<OffsetToCommit> taken;
    for (OffsetToCommit& each : offsets) {
        const bool known = kept && kept->offsets.contains(each.log);
        GroupOutcome& one = outcomes.emplace_back(GroupOutcome::ok);
        if (each.metadata.size() > metadata_max) one = GroupOutcome::metadata_too_large;
        else if (!known && ++count > limits::group_offsets_max) one = GroupOutcome::full;
        else taken.push_back(std::move(each));
    }
    return taken;
}

GroupOutcome Group::check_commit(const CommitOffsets& command) const {
    if (context_.overloaded()) return GroupOutcome::overloaded;
    if (assigned_.any()) return assigned_.check(command.member, command.generation);
    if (command.generation < 0 && state_ == GroupState::empty) return GroupOutcome::ok;
    const GroupOutcome known = check_member(command.member, command.instance);
    if (known != GroupOutcome::ok) return known;
    if (command.generation != generation_) return GroupOutcome::illegal_generation;
    // It will be assigned anew and must not go on as if it owned what it did.
    return state_ == GroupState::completing_rebalance ? GroupOutcome::rebalance_in_progress : GroupOutcome::ok;
}

template <class Change>
Lsn Group::write_offsets(Change part, std::vector<OffsetToCommit>&& offsets) {
    constexpr std::size_t part_size = limits::change_size_max / 2;
    constexpr std::size_t numbers_size = 32;  // of one offset, at most
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
template Lsn Group::write_offsets(PendingOffsetsChange part, std::vector<OffsetToCommit>&& offsets);

Lsn Group::remove_offsets(std::vector<QueueId> logs, bool lazy) {
    return context_.write(OffsetsGoneChange{name_, std::move(logs)}, lazy);
}

void Group::carry_out(const Origin& origin, FetchOffsets&& command) {
    const bool by_member = command.member || command.epoch >= 0;
    if (by_member && kind() == GroupKind::assigned) {
        const GroupOutcome known = assigned_.check(command.member.value_or(""), command.epoch);
        if (known != GroupOutcome::ok) return context_.answer(origin, OffsetsFetched{known, {}});
    }
    OffsetsFetched answer;
    const KeptGroup* kept = context_.store.find(name_);
    const auto unstable = [&](QueueId log) { return command.require_stable && kept && kept->is_pending(log); };
    const auto add = [&](QueueId log) {
        const bool known = kept && kept->offsets.contains(log);
        if (unstable(log)) answer.offsets.push_back({.log = log, .outcome = GroupOutcome::unstable_offset});
        else answer.offsets.push_back(known ? told(log, kept->offsets.at(log)) : CommittedOffset{.log = log});
    };
    if (command.logs) std::ranges::for_each(*command.logs, add);
    else if (kept) std::ranges::for_each(command.require_stable ? known_logs(*kept) : committed_logs(*kept), add);
    // A consumer that began at an offset which a crash then takes back would skip what is committed next.
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

void Group::carry_out(const Origin& origin, DescribeGroup&&) {
    if (kind() == GroupKind::assigned)
        return context_.answer(origin, GroupDescribed{.outcome = GroupOutcome::not_found});
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
    if (state_ != GroupState::empty || assigned_.any()) {
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
        const bool used = subscribed(each.topic) || assigned_.subscribed(each.topic);
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
    if (!kept || state_ != GroupState::empty || assigned_.any() || !kept->pending.empty()) return;
    const std::int64_t before_ms = context_.now.wall.ms - context_.limits.offset_retention_ms;
    // The time counts from the last use: of a group with members, until they left.
    const bool had_members = !kept->protocol_type.empty() || kept->assigned;
    const std::int64_t used_ms = had_members ? kept->since.ms : before_ms;
    std::vector<QueueId> old;
    for (const auto& [log, each] : kept->offsets) {
        if (std::max(each.committed_at.ms, used_ms) <= before_ms) old.push_back(log);
    }
    if (old.size() == kept->offsets.size()) context_.write(GroupGoneChange{name_}, true);
    else if (!old.empty()) remove_offsets(std::move(old), true);
}

}  // namespace fantail::broker
