// SPDX-License-Identifier: Apache-2.0
//! Finds the group that a command is for, keeps the time of all, and recovers them.
#include "broker/groups/group_table.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "broker/groups/group_checks.hpp"

namespace fantail::broker {

void GroupTable::handle(const Origin& origin, GroupCommand&& command, const Now& now) {
    FANTAIL_ASSERT(command.action != nullptr);
    context_.now = now;
    GroupAction& action = *command.action;
    const GroupOutcome outcome = check_command(command.group, action, context_.limits);
    if (outcome != GroupOutcome::ok) {
        context_.answer(origin, refusal(action, outcome));
        return;
    }
    const auto group = find_or_make(command.group, action);
    if (group == groups_.end()) {
        const bool full = makes_group(action);
        context_.answer(origin, full ? refusal(action, GroupOutcome::full) : answer_of_none(action));
        return;
    }
    std::visit([&](auto& each) { group->second.carry_out(origin, std::move(each)); }, action);
    finish(group);
}

GroupTable::Groups::iterator GroupTable::find_or_make(const std::string& name, const GroupAction& action) {
    const auto at = groups_.find(name);
    if (at != groups_.end() || !makes_group(action) || groups_.size() >= limits::groups_max) return at;
    if (next_sweep_ == MonoTime::never()) next_sweep_ = context_.now.mono.plus_ms(limits::group_sweep_ms);
    return groups_.try_emplace(name, name, context_).first;
}

/// Notes when the group wants to be woken, or forgets it.
void GroupTable::finish(Groups::iterator group) {
    const std::string_view name = group->first;
    const bool blank = group->second.blank();
    const MonoTime wanted = blank ? MonoTime::never() : group->second.wake_at();
    const auto known = waking_.find(name);
    const MonoTime noted = known == waking_.end() ? MonoTime::never() : known->second;
    if (wanted != noted) {
        timers_.erase({noted, name});
        if (wanted == MonoTime::never()) {
            waking_.erase(name);
        } else {
            waking_[name] = wanted;
            timers_.emplace(wanted, name);
        }
    }
    if (blank) groups_.erase(group);
}

void GroupTable::list(std::vector<GroupListing>& out) const {
    for (const auto& [name, group] : groups_) out.push_back(group.listing());
}

void GroupTable::log_removed(QueueId log) {
    const auto& kept = context_.store.groups();
    const bool used = std::any_of(kept.begin(), kept.end(), [log](const auto& each) {
        return each.second.offsets.contains(log) || each.second.is_pending(log);
    });
    if (used) context_.write(LogGoneChange{log}, true);
}

void GroupTable::on_tick(const Now& now) {
    context_.now = now;
    std::vector<std::string_view> due;
    for (const auto& [time, name] : timers_) {
        if (time > now.mono) break;
        due.push_back(name);
    }
    for (const std::string_view name : due) {
        const auto group = groups_.find(name);
        group->second.on_tick();
        finish(group);
    }
    if (next_sweep_ <= now.mono) sweep();
}

void GroupTable::sweep() {
    for (auto at = groups_.begin(); at != groups_.end();) {
        const auto group = at++;
        group->second.expire_offsets();
        finish(group);
    }
    next_sweep_ = groups_.empty() ? MonoTime::never() : context_.now.mono.plus_ms(limits::group_sweep_ms);
}

MonoTime GroupTable::deadline() const {
    return timers_.empty() ? next_sweep_ : std::min(next_sweep_, timers_.begin()->first);
}

Result<void> GroupTable::apply(ByteView bytes) {
    FANTAIL_TRY(const GroupChange change, decode_group_change(bytes));
    context_.store.apply(change);
    return {};
}

void GroupTable::recovered(const Now& now, const std::function<bool(QueueId)>& exists) {
    context_.now = now;
    context_.store.drop_unfinished();
    std::set<QueueId> gone;
    for (const auto& [name, kept] : context_.store.groups()) {
        for (const auto& [log, offset] : kept.offsets) {
            if (!exists(log)) gone.insert(log);
        }
        for (const auto& [producer, pending] : kept.pending) {
            for (const auto& [log, offset] : pending.offsets) {
                if (!exists(log)) gone.insert(log);
            }
        }
    }
    for (const QueueId log : gone) context_.write(LogGoneChange{log}, true);
    for (const auto& [name, kept] : context_.store.groups()) {
        const auto group = groups_.try_emplace(name, name, context_).first;
        group->second.restore(kept);
        finish(group);
    }
    if (!groups_.empty()) next_sweep_ = now.mono.plus_ms(limits::group_sweep_ms);
}

}  // namespace fantail::broker
