// SPDX-License-Identifier: Apache-2.0
//! A group of the kind that assigns by itself, as the rest of the broker sees it.
#include "broker/groups/group.hpp"

namespace fantail::broker {

GroupKind Group::kind() const {
    if (has_classic_members()) return GroupKind::classic;
    const KeptGroup* kept = context_.store.find(name_);
    return kept && kept->assigned ? GroupKind::assigned : GroupKind::classic;
}

GroupListing Group::listing() const {
    if (kind() == GroupKind::assigned) return {name_, {}, assigned_.state(), GroupKind::assigned};
    return {name_, protocol_type_, state_, GroupKind::classic};
}

void Group::carry_out(const Origin& origin, AssignedHeartbeat&& command) {
    if (has_classic_members()) {
        context_.answer(origin, AssignedHeard{.outcome = GroupOutcome::not_found, .member = std::move(command.member)});
        return;
    }
    if (context_.overloaded()) {
        context_.answer(origin,
                        AssignedHeard{.outcome = GroupOutcome::overloaded, .member = std::move(command.member)});
        return;
    }
    AssignedHeard answer = assigned_.heartbeat(std::move(command));
    if (assigned_.any()) {
        generation_ = 0;
        protocol_type_.clear();
        protocol_.clear();
    }
    context_.answer_after(assigned_.written(), origin, std::move(answer));
}

void Group::carry_out(const Origin& origin, DescribeAssigned&&) {
    if (kind() != GroupKind::assigned) context_.answer(origin, AssignedDescribed{.outcome = GroupOutcome::not_found});
    else context_.answer(origin, assigned_.describe());
}

}  // namespace fantail::broker
