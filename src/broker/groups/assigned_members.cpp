// SPDX-License-Identifier: Apache-2.0
//! Heartbeats of members that the group assigns: who they are, what they say, and when they are gone.
#include "broker/groups/assigned_members.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "broker/groups/member_id.hpp"
#include "broker/groups/partitions.hpp"
#include "broker/groups/topic_pattern.hpp"

namespace fantail::broker {

namespace {

AssignedHeard refused(const AssignedHeartbeat& beat, GroupOutcome why) {
    return {.outcome = why, .member = beat.member, .epoch = 0, .heartbeat_ms = 0};
}

/// The member as it says that it is now. Who joins has nothing, whatever it had.
AssignedMember said_by(const AssignedHeartbeat& beat, const AssignedMember* before) {
    AssignedMember out = before ? *before : AssignedMember{};
    out.id = beat.member;
    out.client_id = beat.client_id;
    out.client_host = beat.client_host;
    out.user = beat.user;
    out.vhost = beat.vhost;
    if (beat.instance) out.instance = beat.instance;
    if (beat.rack) out.rack = beat.rack;
    if (beat.rebalance_timeout_ms) out.rebalance_timeout_ms = *beat.rebalance_timeout_ms;
    if (beat.topics) {
        out.topics = *beat.topics;
        std::ranges::sort(out.topics);
        const auto twice = std::ranges::unique(out.topics);
        out.topics.erase(twice.begin(), twice.end());
    }
    if (beat.pattern) out.pattern = *beat.pattern;
    if (beat.assignor) out.assignor = *beat.assignor;
    if (beat.epoch != epoch_joins) return out;
    out.epoch = epoch_joins;
    out.previous_epoch = epoch_joins;
    out.state = AssignedState::stable;
    out.revoked.clear();
    return out;
}

bool chooses_alike(const AssignedMember* before, const AssignedMember& now) {
    return before && before->topics == now.topics && before->pattern == now.pattern && before->user == now.user &&
           before->vhost == now.vhost;
}

/// Whether it tells all of itself: then it wants to be told all too.
bool is_full(const AssignedHeartbeat& beat) {
    return beat.rebalance_timeout_ms && (beat.topics || beat.pattern) && beat.owned;
}

}  // namespace

const KeptAssigned* AssignedMembers::kept() const {
    const KeptGroup* group = context_.store.find(group_);
    return group && group->assigned ? &*group->assigned : nullptr;
}

AssignedMemberRef AssignedMembers::find(std::string_view id) const {
    const KeptAssigned* all = kept();
    if (!all) return nullptr;
    const auto at = all->members.find(id);
    return at == all->members.end() ? nullptr : at->second;
}

AssignedMemberRef AssignedMembers::holder(const std::string& instance) const {
    const auto at = instances_.find(instance);
    return at == instances_.end() ? nullptr : find(at->second);
}

void AssignedMembers::restore() {
    const KeptAssigned* all = kept();
    if (!all) return;
    topics_hash_ = all->topics_hash;
    for (const auto& [id, member] : all->members) {
        index(*member, true);
        Live& live = live_[id];
        arm(live.session_end, context_.limits.assigned_session_timeout_ms);
        if (member->state == AssignedState::revoking) arm(live.rebalance_end, member->rebalance_timeout_ms);
    }
}

// ------------------------------------------------------------------------------------------------------------ heartbeats

AssignedHeard AssignedMembers::heartbeat(AssignedHeartbeat&& beat) {
    if (beat.epoch < 0) return leave(beat);
    if (beat.member.empty()) beat.member = random_uuid(context_.host);
    const Sender sender = beat.epoch == epoch_joins ? joining(beat) : sending(beat);
    if (sender.outcome != GroupOutcome::ok) return refused(beat, sender.outcome);
    const AssignedMember* before = sender.before.get();
    const GroupOutcome sound = check_facts(beat, before);
    if (sound != GroupOutcome::ok) return refused(beat, sound);

    const AssignedMember said = said_by(beat, before);
    if (!has_room(said, before)) return refused(beat, GroupOutcome::full);
    const bool alike = chooses_alike(before, said);
    const bool looked = look_again(!alike);
    if (before && before->id != said.id) live_.erase(before->id);
    const bool chooses = !alike || !live_[said.id].topics;
    if (chooses) choose(said);
    // Most heartbeats change nothing: they must not cost what the group is large.
    const bool changed = (looked || chooses) && measure();
    // The epoch first: a member that is written without it would wait for ever for what it is to have.
    const KeptAssigned* all = kept();
    if (!alike || changed || !all)
        write_epoch(all ? all->epoch + 1 : 1, all ? all->assignment_epoch : 0, all ? all->assignor : Assignor::none);
    if (!before || said != *before) put(std::make_shared<const AssignedMember>(said), before);
    if (kept()->epoch > kept()->assignment_epoch) assign_anew();

    const AssignedMemberRef current = find(said.id);
    AssignedMember next = reconciled(*current, beat.owned);
    Live& live = live_[said.id];
    arm(live.session_end, context_.limits.assigned_session_timeout_ms);
    const bool revokes = next.state == AssignedState::revoking;
    const bool goes_on = current->state == AssignedState::revoking && current->epoch == next.epoch;
    if (!revokes) live.rebalance_end = MonoTime::never();
    else if (!goes_on || live.rebalance_end == MonoTime::never()) arm(live.rebalance_end, next.rebalance_timeout_ms);

    AssignedHeard answer{.member = next.id, .epoch = next.epoch};
    answer.heartbeat_ms = context_.limits.assigned_heartbeat_ms;
    if (beat.epoch == epoch_joins || is_full(beat) || !before || before->partitions != next.partitions)
        answer.partitions = next.partitions;
    if (next != *current) put(std::make_shared<const AssignedMember>(std::move(next)), current.get());
    return answer;
}

AssignedMembers::Sender AssignedMembers::joining(const AssignedHeartbeat& beat) const {
    const AssignedMemberRef same = find(beat.member);
    if (!beat.instance) return {GroupOutcome::ok, same};
    const AssignedMemberRef former = holder(*beat.instance);
    if (!former || former->id == beat.member) return {GroupOutcome::ok, same};
    if (former->epoch != epoch_pauses) return {GroupOutcome::unreleased_instance};
    // Its id is another member's.
    if (same) return {GroupOutcome::fenced_instance};
    return {GroupOutcome::ok, former};
}

AssignedMembers::Sender AssignedMembers::sending(const AssignedHeartbeat& beat) const {
    const AssignedMemberRef member = beat.instance ? holder(*beat.instance) : find(beat.member);
    if (!member) return {GroupOutcome::unknown_member};
    if (member->id != beat.member) return {GroupOutcome::fenced_instance};
    if (beat.epoch == member->epoch) return {GroupOutcome::ok, member};
    // It may not have heard of its new epoch; but then it cannot have what that one gave it.
    const bool missed = beat.epoch < member->epoch && beat.epoch == member->previous_epoch && beat.owned &&
                        std::ranges::includes(member->partitions, *beat.owned);
    return missed ? Sender{GroupOutcome::ok, member} : Sender{GroupOutcome::fenced_epoch};
}

GroupOutcome AssignedMembers::check_facts(const AssignedHeartbeat& beat, const AssignedMember* before) const {
    if (!before && live_.size() >= context_.limits.members_max) return GroupOutcome::full;
    if (!beat.pattern || beat.pattern->empty() || patterns_.contains(*beat.pattern)) return GroupOutcome::ok;
    if (patterns_.size() >= limits::group_patterns_max) return GroupOutcome::invalid_pattern;
    return TopicPattern::compile(*beat.pattern) ? GroupOutcome::ok : GroupOutcome::invalid_pattern;
}

/// Members that are there may always say less than before.
bool AssignedMembers::has_room(const AssignedMember& said, const AssignedMember* before) const {
    const std::size_t was = before ? before->bytes() : 0;
    return said.bytes() <= was || bytes_ - was + said.bytes() <= limits::group_bytes_max;
}

AssignedHeard AssignedMembers::leave(const AssignedHeartbeat& beat) {
    const AssignedMemberRef member = beat.instance ? holder(*beat.instance) : find(beat.member);
    if (!member) return refused(beat, GroupOutcome::unknown_member);
    if (member->id != beat.member) return refused(beat, GroupOutcome::fenced_instance);
    if (beat.epoch == epoch_pauses && beat.instance) pause(*member);
    else remove({member});
    return {.outcome = GroupOutcome::ok, .member = beat.member, .epoch = beat.epoch};
}

GroupOutcome AssignedMembers::let_go(std::string_view id, const std::optional<std::string>& instance) {
    const AssignedMemberRef member = instance ? holder(*instance) : find(id);
    if (!member) return GroupOutcome::unknown_member;
    if (!id.empty() && member->id != id) return GroupOutcome::fenced_instance;
    remove({member});
    return GroupOutcome::ok;
}

/// What it has stays its own until its session ends.
void AssignedMembers::pause(const AssignedMember& member) {
    AssignedMember paused = member;
    paused.epoch = epoch_pauses;
    paused.state = AssignedState::stable;
    paused.revoked.clear();
    live_.at(member.id).rebalance_end = MonoTime::never();
    put(std::make_shared<const AssignedMember>(std::move(paused)), &member);
}

void AssignedMembers::remove(const std::vector<AssignedMemberRef>& members) {
    for (const AssignedMemberRef& member : members) {
        live_.erase(member->id);
        index(*member, false);
    }
    (void)measure();
    const KeptAssigned& all = *kept();
    write_epoch(all.epoch + 1, all.assignment_epoch, all.assignor);
    for (const AssignedMemberRef& member : members) written_ = context_.write(AssignedGoneChange{group_, member->id});
}

void AssignedMembers::put(AssignedMemberRef member, const AssignedMember* before) {
    const std::string former = before && before->id != member->id ? before->id : std::string();
    if (before) index(*before, false);
    index(*member, true);
    written_ = context_.write(AssignedMemberChange{group_, former, std::move(member)});
}

void AssignedMembers::index(const AssignedMember& member, bool add) {
    const auto count = [add](auto& counts, const auto& key) {
        if (add) ++counts[key];
        else if (--counts[key] == 0) counts.erase(key);
    };
    bytes_ = add ? bytes_ + member.bytes() : bytes_ - member.bytes();
    for (const TopicPartition& each : member.partitions) count(owners_, each);
    for (const TopicPartition& each : member.revoked) count(owners_, each);
    if (!member.pattern.empty()) count(patterns_, member.pattern);
    if (!member.instance) return;
    if (add) instances_.insert_or_assign(*member.instance, member.id);
    else instances_.erase(*member.instance);
}

void AssignedMembers::write_epoch(std::int32_t epoch, std::int32_t assignment_epoch, Assignor assignor) {
    // At the last epoch there is, the group stays as it is until it is deleted.
    written_ = context_.write(AssignedEpochChange{group_, std::min(epoch, group_epoch_max), assignment_epoch, assignor,
                                                  topics_hash_, context_.now.wall});
}

// -------------------------------------------------------------------------------------------------------- what is told

GroupOutcome AssignedMembers::check(std::string_view id, std::int32_t epoch) const {
    const AssignedMemberRef member = find(id);
    if (!member) return GroupOutcome::unknown_member;
    return member->epoch == epoch ? GroupOutcome::ok : GroupOutcome::stale_epoch;
}

GroupState AssignedMembers::state() const {
    const KeptAssigned* all = kept();
    if (!all || all->members.empty()) return GroupState::empty;
    if (all->epoch > all->assignment_epoch) return GroupState::assigning;
    const bool done = std::ranges::all_of(all->members, [&](const auto& each) {
        return each.second->state == AssignedState::stable && each.second->epoch == all->assignment_epoch;
    });
    return done ? GroupState::stable : GroupState::reconciling;
}

AssignedDescribed AssignedMembers::describe() const {
    const KeptAssigned* all = kept();
    if (!all) return {.outcome = GroupOutcome::not_found};
    AssignedDescribed out{.state = state(), .epoch = all->epoch, .assignment_epoch = all->assignment_epoch};
    out.assignor = all->assignor == Assignor::none ? Assignor::uniform : all->assignor;
    for (const auto& [id, member] : all->members)
        out.members.push_back({id, member->instance, member->rack, member->client_id, member->client_host,
                               member->epoch, member->topics, member->pattern, member->partitions, member->target});
    return out;
}

bool AssignedMembers::subscribed(std::string_view topic) const {
    const KeptAssigned* all = kept();
    if (!all) return false;
    return std::ranges::any_of(all->members, [&](const auto& each) {
        const AssignedMember& member = *each.second;
        if (std::ranges::binary_search(member.topics, topic)) return true;
        if (member.pattern.empty()) return false;
        const auto pattern = TopicPattern::compile(member.pattern);
        return pattern && pattern->matches(topic);
    });
}

// ---------------------------------------------------------------------------------------------------------------- time

void AssignedMembers::on_tick() {
    const MonoTime now = context_.now.mono;
    std::vector<AssignedMemberRef> late;
    for (const auto& [id, live] : live_)
        if (std::min(live.session_end, live.rebalance_end) <= now) late.push_back(find(id));
    if (!late.empty()) remove(late);
    wake_at_ = MonoTime::never();
    for (const auto& [id, live] : live_) wake_at_ = std::min({wake_at_, live.session_end, live.rebalance_end});
}

/// Heartbeats move their timers on all the time: the group wakes at the earliest time that ever was, and looks again.
void AssignedMembers::arm(MonoTime& timer, std::int64_t after_ms) {
    timer = context_.now.mono.plus_ms(after_ms);
    wake_at_ = std::min(wake_at_, timer);
}

}  // namespace fantail::broker
