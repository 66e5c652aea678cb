// SPDX-License-Identifier: Apache-2.0
//! Checks of commands on their own, and answers without a group.
#include "broker/groups/group_checks.hpp"

#include <algorithm>
#include <set>

#include "base/limits.hpp"
#include "broker/groups/group_changes.hpp"

namespace fantail::broker {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};

bool is_short(std::string_view text) { return text.size() <= limits::group_text_size_max; }

GroupOutcome check_join(const JoinGroup& join, const GroupLimits& bounds) {
    if (join.session_timeout_ms < bounds.session_timeout_min_ms ||
        join.session_timeout_ms > bounds.session_timeout_max_ms)
        return GroupOutcome::invalid_session_timeout;
    const bool names_fit = is_short(join.client_id) && is_short(join.client_host) && is_short(join.protocol_type) &&
                           (!join.instance || is_short(*join.instance));
    if (!names_fit || bytes_of(join.protocols) > limits::group_member_bytes_max) return GroupOutcome::too_large;
    std::set<std::string_view> names;
    for (const GroupProtocol& each : join.protocols) {
        if (!is_short(each.name)) return GroupOutcome::too_large;
        if (!names.insert(each.name).second) return GroupOutcome::inconsistent_protocol;
    }
    return GroupOutcome::ok;
}

GroupOutcome check_beat(const AssignedHeartbeat& beat) {
    if (!is_short(beat.client_id) || !is_short(beat.client_host) || !is_short(beat.user))
        return GroupOutcome::too_large;
    const auto fits = [](const std::optional<std::string>& text) { return !text || is_short(*text); };
    if (!fits(beat.instance) || !fits(beat.rack) || !fits(beat.pattern)) return GroupOutcome::too_large;
    std::size_t bytes = 0;
    if (beat.topics)
        for (const std::string& topic : *beat.topics) bytes += sizeof(std::string) + topic.size();
    const bool owns_much = beat.owned && beat.owned->size() > limits::group_partitions_max;
    return bytes > limits::group_member_bytes_max || owns_much ? GroupOutcome::too_large : GroupOutcome::ok;
}

GroupAnswer all_left(const LeaveGroup& leave, GroupOutcome why) {
    return GroupLeft{GroupOutcome::ok, std::vector<GroupOutcome>(leave.members.size(), why)};
}

OffsetsFetched nothing_fetched(const FetchOffsets& fetch) {
    OffsetsFetched answer;
    if (!fetch.logs) return answer;
    for (const QueueId log : *fetch.logs) answer.offsets.push_back({.log = log});
    return answer;
}

}  // namespace

GroupOutcome check_command(std::string_view group, const GroupAction& action, const GroupLimits& limits) {
    if (!is_short(group)) return GroupOutcome::invalid_group;
    const bool of_members = std::holds_alternative<JoinGroup>(action) || std::holds_alternative<SyncGroup>(action) ||
                            std::holds_alternative<GroupHeartbeat>(action) ||
                            std::holds_alternative<LeaveGroup>(action);
    // Offsets were once kept under the empty name, and still may be.
    if (group.empty() && of_members) return GroupOutcome::invalid_group;
    const auto* join = std::get_if<JoinGroup>(&action);
    if (join) return check_join(*join, limits);
    const auto* beat = std::get_if<AssignedHeartbeat>(&action);
    return beat ? check_beat(*beat) : GroupOutcome::ok;
}

bool makes_group(const GroupAction& action) {
    if (const auto* join = std::get_if<JoinGroup>(&action)) return join->member.empty();
    if (const auto* commit = std::get_if<CommitOffsets>(&action)) return commit->generation < 0;
    if (const auto* beat = std::get_if<AssignedHeartbeat>(&action)) return beat->epoch == epoch_joins;
    return std::holds_alternative<EnlistInGroup>(action);
}

GroupAnswer refusal(const GroupAction& action, GroupOutcome why) {
    return std::visit(
        Overloaded{
            [&](const JoinGroup& join) -> GroupAnswer { return GroupJoined{.outcome = why, .member = join.member}; },
            [&](const SyncGroup&) -> GroupAnswer { return GroupSynced{.outcome = why}; },
            [&](const LeaveGroup&) -> GroupAnswer { return GroupLeft{why, {}}; },
            [&](const CommitOffsets&) -> GroupAnswer { return OffsetsCommitted{why, {}}; },
            [&](const DeleteOffsets&) -> GroupAnswer { return OffsetsCommitted{why, {}}; },
            [&](const CommitInTransaction&) -> GroupAnswer { return OffsetsCommitted{why, {}}; },
            [&](const FetchOffsets&) -> GroupAnswer { return OffsetsFetched{why, {}}; },
            [&](const DescribeGroup&) -> GroupAnswer { return GroupDescribed{.outcome = why}; },
            [&](const DescribeAssigned&) -> GroupAnswer { return AssignedDescribed{.outcome = why}; },
            [&](const AssignedHeartbeat& beat) -> GroupAnswer {
                return AssignedHeard{.outcome = why, .member = beat.member};
            },
            [&](const auto&) -> GroupAnswer { return GroupDone{why}; },
        },
        action);
}

GroupAnswer answer_of_none(const GroupAction& action) {
    return std::visit(
        Overloaded{
            [&](const LeaveGroup& leave) -> GroupAnswer { return all_left(leave, GroupOutcome::unknown_member); },
            [&](const FetchOffsets& fetch) -> GroupAnswer { return nothing_fetched(fetch); },
            [&](const JoinGroup&) -> GroupAnswer { return refusal(action, GroupOutcome::unknown_member); },
            [&](const SyncGroup&) -> GroupAnswer { return refusal(action, GroupOutcome::unknown_member); },
            [&](const CommitInTransaction&) -> GroupAnswer {
                return refusal(action, GroupOutcome::invalid_transaction);
            },
            [&](const GroupHeartbeat&) -> GroupAnswer { return refusal(action, GroupOutcome::unknown_member); },
            [&](const auto&) -> GroupAnswer { return refusal(action, GroupOutcome::not_found); },
        },
        action);
}

}  // namespace fantail::broker
