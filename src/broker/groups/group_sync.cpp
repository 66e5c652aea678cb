// SPDX-License-Identifier: Apache-2.0
//! What members do in a generation: hear what they are assigned, show that they live, and leave.
#include <algorithm>
#include <memory>

#include "base/limits.hpp"
#include "broker/groups/group.hpp"

namespace fantail::broker {

void Group::carry_out(const Origin& origin, SyncGroup&& command) {
    const GroupOutcome outcome = check_sync(command);
    if (outcome != GroupOutcome::ok) {
        context_.answer(origin, GroupSynced{.outcome = outcome});
        return;
    }
    Member& member = *find(command.member);
    member.owes_sync = false;
    if (state_ == GroupState::stable) {
        keep_alive(member);
        context_.answer_after(stable_lsn_, origin, synced(member));
        return;
    }
    answer_sync(member, {.outcome = GroupOutcome::rebalance_in_progress});
    member.sync = origin;
    if (leader_ == command.member) assign(std::move(command.assignments));
}

GroupOutcome Group::check_sync(const SyncGroup& command) const {
    if (state_ == GroupState::empty) return GroupOutcome::unknown_member;
    const GroupOutcome known = check_member(command.member, command.instance);
    if (known != GroupOutcome::ok) return known;
    if (command.generation != generation_) return GroupOutcome::illegal_generation;
    if (command.protocol_type.value_or(protocol_type_) != protocol_type_) return GroupOutcome::inconsistent_protocol;
    if (command.protocol.value_or(protocol_) != protocol_) return GroupOutcome::inconsistent_protocol;
    if (state_ == GroupState::preparing_rebalance) return GroupOutcome::rebalance_in_progress;
    const bool large = std::any_of(command.assignments.begin(), command.assignments.end(), [](const auto& each) {
        return each.assignment.size() > limits::group_assignment_bytes_max;
    });
    return large ? GroupOutcome::too_large : GroupOutcome::ok;
}

GroupSynced Group::synced(const Member& member) const {
    return {GroupOutcome::ok, protocol_type_, protocol_, *member.assignment};
}

void Group::assign(std::vector<MemberAssignment>&& assignments) {
    const auto nothing = std::make_shared<const Bytes>();
    for (auto& [id, member] : members_) member.assignment = nothing;
    for (MemberAssignment& each : assignments) {
        Member* member = find(each.member);
        if (member) member->assignment = std::make_shared<const Bytes>(std::move(each.assignment));
    }
    state_ = GroupState::stable;
    stable_lsn_ = write_generation();
    for (auto& [id, member] : members_) answer_sync(member, synced(member));
}

void Group::carry_out(const Origin& origin, GroupHeartbeat&& command) {
    GroupOutcome outcome = check_member(command.member, command.instance);
    if (outcome == GroupOutcome::ok && command.generation != generation_) outcome = GroupOutcome::illegal_generation;
    if (outcome == GroupOutcome::ok) {
        keep_alive(*find(command.member));
        if (state_ == GroupState::preparing_rebalance) outcome = GroupOutcome::rebalance_in_progress;
    }
    context_.answer(origin, GroupDone{outcome});
}

void Group::carry_out(const Origin& origin, LeaveGroup&& command) {
    GroupLeft answer;
    for (const LeavingMember& each : command.members) answer.members.push_back(let_go(each));
    const bool any = std::find(answer.members.begin(), answer.members.end(), GroupOutcome::ok) != answer.members.end();
    context_.answer(origin, std::move(answer));
    if (any && state_ != GroupState::empty) rebalance_or_complete();
}

GroupOutcome Group::let_go(const LeavingMember& leaving) {
    if (assigned_.any()) return assigned_.let_go(leaving.member, leaving.instance);
    std::string id = leaving.member;
    if (pending_.erase(id) > 0) return GroupOutcome::ok;
    if (id.empty() && leaving.instance) {
        // Somebody else sends it away, by the name that it keeps.
        const auto known = instances_.find(*leaving.instance);
        if (known == instances_.end()) return GroupOutcome::unknown_member;
        id = known->second;
    }
    const GroupOutcome known = check_member(id, leaving.instance);
    if (known == GroupOutcome::ok) remove(id, GroupOutcome::unknown_member);
    return known;
}

}  // namespace fantail::broker
