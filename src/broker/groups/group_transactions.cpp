// SPDX-License-Identifier: Apache-2.0
//! Offsets that are committed in transactions: they wait for the end.
#include "broker/groups/group.hpp"

namespace fantail::broker {

void Group::carry_out(const Origin& origin, EnlistInGroup&& command) {
    const auto [at, added] = enlisted_.try_emplace(command.producer.id, command.producer.epoch);
    at->second = std::max(at->second, command.producer.epoch);
    context_.answer(origin, GroupDone{});
}

void Group::carry_out(const Origin& origin, CommitInTransaction&& command) {
    const GroupOutcome outcome = check_transaction(command);
    if (outcome != GroupOutcome::ok) {
        context_.answer(origin, OffsetsCommitted{outcome, {}});
        return;
    }
    if (Member* member = find(command.member)) keep_alive(*member);
    OffsetsCommitted answer;
    std::vector<OffsetToCommit> taken = admit(std::move(command.offsets), answer.logs);
    if (!taken.empty()) {
        PendingOffsetsChange part{name_, context_.now.wall, command.producer, {}};
        offsets_lsn_ = write_offsets(std::move(part), std::move(taken));
    }
    context_.answer_after(offsets_lsn_, origin, std::move(answer));
}

GroupOutcome Group::check_transaction(const CommitInTransaction& command) const {
    if (context_.overloaded()) return GroupOutcome::overloaded;
    // Clients that know nothing of generations here say nothing of them.
    const bool by_member = command.generation >= 0 || !command.member.empty() || command.instance;
    if (by_member && assigned_.any()) {
        const GroupOutcome known = assigned_.check(command.member, command.generation);
        if (known == GroupOutcome::stale_epoch) return GroupOutcome::illegal_generation;
        if (known != GroupOutcome::ok) return known;
    } else if (by_member) {
        const GroupOutcome known = check_member(command.member, command.instance);
        if (known != GroupOutcome::ok) return known;
        if (command.generation != generation_) return GroupOutcome::illegal_generation;
    }
    const auto enlisted = enlisted_.find(command.producer.id);
    if (enlisted == enlisted_.end() || enlisted->second < command.producer.epoch)
        return GroupOutcome::invalid_transaction;
    return enlisted->second > command.producer.epoch ? GroupOutcome::fenced_producer : GroupOutcome::ok;
}

void Group::carry_out(const Origin& origin, EndInGroup&& command) {
    enlisted_.erase(command.producer.id);
    const KeptGroup* kept = context_.store.find(name_);
    if (kept && kept->pending.contains(command.producer.id))
        offsets_lsn_ = context_.write(PendingEndedChange{name_, command.producer.id, command.commit});
    context_.answer_after(offsets_lsn_, origin, GroupDone{});
}

}  // namespace fantail::broker
