// SPDX-License-Identifier: Apache-2.0
//! How a group gets from one generation to the next, and what happens when time is up.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/groups/group.hpp"

namespace fantail::broker {

void Group::rebalance_or_complete() {
    if (state_ == GroupState::preparing_rebalance) complete_if_all_joined();
    else prepare();
}

void Group::prepare() {
    for (auto& [id, member] : members_) {
        answer_sync(member, {.outcome = GroupOutcome::rebalance_in_progress});
        member.owes_sync = false;
    }
    sync_deadline_ = MonoTime::never();
    first_rebalance_ = state_ == GroupState::empty;
    state_ = GroupState::preparing_rebalance;
    if (first_rebalance_) {
        joined_meanwhile_ = false;
        const std::int32_t delay_ms = context_.limits.initial_rebalance_delay_ms;
        patience_ms_ = std::max(rebalance_timeout_ms() - delay_ms, 0);
        arm(join_deadline_, delay_ms);
        return;
    }
    if (all_joined()) complete_join();
    else arm(join_deadline_, rebalance_timeout_ms());
}

void Group::complete_if_all_joined() {
    if (state_ == GroupState::preparing_rebalance && !first_rebalance_ && all_joined()) complete_join();
}

void Group::on_join_deadline() {
    if (first_rebalance_ && joined_meanwhile_ && patience_ms_ > 0) {
        joined_meanwhile_ = false;
        const std::int64_t delay_ms = std::min<std::int64_t>(context_.limits.initial_rebalance_delay_ms, patience_ms_);
        patience_ms_ -= delay_ms;
        arm(join_deadline_, delay_ms);
        return;
    }
    complete_join();
}

void Group::complete_join() {
    join_deadline_ = MonoTime::never();
    std::vector<std::string> late;
    for (const auto& [id, member] : members_) {
        if (!member.join && !member.facts->instance) late.push_back(id);
    }
    for (const std::string& id : late) remove(id, GroupOutcome::unknown_member);
    if (!members_.empty() && !elect_leader()) {
        // Only static members are left, and none came back: their sessions decide.
        arm(join_deadline_, rebalance_timeout_ms());
        return;
    }
    first_rebalance_ = false;
    ++generation_;
    if (!members_.empty()) {
        begin_generation();
        return;
    }
    state_ = GroupState::empty;
    protocol_.clear();
    if (context_.store.find(name_)) stable_lsn_ = write_generation();
}

bool Group::elect_leader() {
    const Member* leader = find(leader_);
    if (leader && leader->join) return true;
    for (const auto& [id, member] : members_) {
        if (!member.join) continue;
        leader_ = id;
        return true;
    }
    return false;
}

void Group::begin_generation() {
    protocol_ = select_protocol();
    state_ = GroupState::completing_rebalance;
    for (auto& [id, member] : members_) {
        answer_join(member, joined(member));
        member.fresh = false;
        member.owes_sync = true;
        keep_alive(member);
    }
    arm(sync_deadline_, rebalance_timeout_ms());
}

void Group::on_sync_deadline() {
    sync_deadline_ = MonoTime::never();
    std::vector<std::string> late;
    for (const auto& [id, member] : members_) {
        if (member.owes_sync) late.push_back(id);
    }
    if (late.empty()) return;
    for (const std::string& id : late) remove(id, GroupOutcome::unknown_member);
    prepare();
}

void Group::expire_member(std::string_view id) {
    remove(id, GroupOutcome::unknown_member);
    rebalance_or_complete();
}

void Group::on_tick() {
    const MonoTime now = context_.now.mono;
    if (assigned_.wake_at() <= now) assigned_.on_tick();
    std::erase_if(pending_, [&](const auto& each) { return each.second <= now; });
    std::vector<std::string> silent;
    for (const auto& [id, member] : members_) {
        if (expires_at(member) <= now) silent.push_back(id);
    }
    for (const std::string& id : silent) {
        // The rebalance that one of them began may have removed the others.
        const Member* member = find(id);
        if (member && expires_at(*member) <= now) expire_member(id);
    }
    complete_if_all_joined();
    if (join_deadline_ <= now) on_join_deadline();
    if (sync_deadline_ <= now) on_sync_deadline();
    wake_at_ = std::min(join_deadline_, sync_deadline_);
    for (const auto& [id, member] : members_) wake_at_ = std::min(wake_at_, expires_at(member));
    for (const auto& [id, end] : pending_) wake_at_ = std::min(wake_at_, end);
}

std::int32_t Group::rebalance_timeout_ms() const {
    std::int32_t longest = 0;
    for (const auto& [id, member] : members_) longest = std::max(longest, member.facts->rebalance_timeout_ms);
    return longest;
}

/// Heartbeats move their timers on all the time: the group wakes at the earliest time that ever was, and looks again.
void Group::arm(MonoTime& timer, std::int64_t after_ms) {
    timer = context_.now.mono.plus_ms(after_ms);
    wake_at_ = std::min(wake_at_, timer);
}

Lsn Group::write_generation() {
    constexpr std::size_t part_size = limits::change_size_max - (64u << 10);
    GenerationChange part{name_, generation_, protocol_type_, protocol_, leader_, context_.now.wall, true, false, {}};
    std::size_t size = 0;
    for (const auto& [id, member] : members_) {
        const std::size_t more = member.facts->bytes() + member.assignment->size();
        if (!part.members.empty() && size + more > part_size) {
            context_.write(part);
            part.first = false;
            part.members.clear();
            size = 0;
        }
        part.members.push_back({member.facts, member.assignment});
        size += more;
    }
    part.last = true;
    return context_.write(part);
}

}  // namespace fantail::broker
