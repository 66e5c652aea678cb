// SPDX-License-Identifier: Apache-2.0
//! A lane's sender and its journal on disk: what is written when, and how a new life goes on.
#include "patterns/lane_sender.hpp"

namespace fantail::patterns {

using Kept = LaneStore::Kept;

static Outcome outcome_of(Kept kept) {
    switch (kept) {
        case Kept::yes: return Outcome::done;
        case Kept::no_room: return Outcome::no_room;
        case Kept::too_large: return Outcome::invalid;
        case Kept::broken: return Outcome::broken;
    }
    return Outcome::broken;
}

LaneSender::LaneSender(LaneSettings settings)
    : settings_(std::move(settings)), journal_(settings_.journal), store_(settings_.store) {
    if (store_ != nullptr) go_on_with(store_->take_found());
}

void LaneSender::go_on_with(LaneStore::Found found) {
    const LaneState& state = found.state;
    journal_.begin_at(found.first);
    for (message& m : found.messages) journal_.append(std::move(m));
    for (const LaneMark& mark : state.marks) {
        if (mark.number < journal_.first() || mark.number >= journal_.end()) continue;
        journal_.at(mark.number).attempts = mark.attempts;
        if (mark.is_dead) static_cast<void>(journal_.bury(mark.number));
    }
    sent_to_ = state.sent_to;
    if (sent_to_ == LaneState::SentTo::receiver) receiver_ = state.receiver;
    next_ = journal_.first();
    durable_end_ = journal_.end();
    // What was sent is not written down each time: all of it may have been, if there was anybody to send it to.
    sent_end_ = sent_to_ == LaneState::SentTo::nobody ? journal_.first() : journal_.end();
    doubtful_end_ = std::min(state.doubtful_end, journal_.end());
}

Outcome LaneSender::take(message& m, bool is_awaited) {
    if (journal_.full()) {
        if (commit_due_ != MonoTime::never() && commit() == Kept::yes) pump();
        return Outcome::would_block;
    }
    const Kept kept = keep(m, is_awaited);
    // What could not be made durable may have made others so.
    pump();
    return outcome_of(kept);
}

Kept LaneSender::keep(message& m, bool is_awaited) {
    Kept kept = store_ == nullptr ? Kept::yes : store_->append(m);
    if (store_ != nullptr) durable_end_ = store_->durable_end();
    is_broken_ = is_broken_ || kept == Kept::broken;
    if (kept != Kept::yes) return kept;
    journal_.append(std::move(m));
    m = {};
    if (store_ == nullptr) {
        durable_end_ = journal_.end();
        return kept;
    }
    if (is_awaited || store_->waiting_bytes() >= commit_bytes) kept = commit();
    else if (commit_due_ == MonoTime::never()) commit_due_ = now().plus_ms(commit_ms);
    if (!is_awaited || kept == Kept::yes) return Kept::yes;
    m = journal_.take_back();
    store_->take_back();
    return kept;
}

Kept LaneSender::commit() {
    const Kept kept = store_->commit();
    durable_end_ = store_->durable_end();
    is_broken_ = is_broken_ || kept == Kept::broken;
    commit_due_ = kept == Kept::no_room ? now().plus_ms(commit_again_ms) : MonoTime::never();
    return kept;
}

Outcome LaneSender::flush() {
    if (store_ == nullptr) return Outcome::done;
    const Kept kept = commit();
    pump();
    return outcome_of(kept);
}

LaneProgress LaneSender::progress() const {
    return {.taken = journal_.end().value - 1, .durable = durable_end_.value - 1};
}

void LaneSender::finish() {
    if (store_ == nullptr) return;
    static_cast<void>(store_->commit());
    if (save_due_ != MonoTime::never()) static_cast<void>(save());
    store_->close();
    store_ = nullptr;
}

/// The store need not know at once: what is sent again for it is dropped by its receiver, or marked as redelivered.
void LaneSender::has_changed() {
    if (store_ == nullptr) return;
    store_->forget_before(journal_.first());
    if (save_due_ == MonoTime::never()) save_due_ = now().plus_ms(save_ms);
}

/// True: there is no store, or it knows now.
bool LaneSender::save() {
    if (store_ == nullptr) return true;
    save_due_ = MonoTime::never();
    const Kept kept = store_->save(state());
    is_broken_ = is_broken_ || kept == Kept::broken;
    return kept == Kept::yes;
}

LaneState LaneSender::state() {
    LaneState state{.id = settings_.id, .sent_to = sent_to_, .receiver = receiver_.value_or(LaneId{})};
    state.acked = LaneNumber(journal_.first().value - 1);
    state.doubtful_end = doubtful_end_;
    const LaneNumber end = std::min({sent_end_, journal_.end(), journal_.first().plus(marks_looked_at_max)});
    for (LaneNumber number = journal_.first(); number < end; number = number.plus(1)) {
        const LaneJournal::Entry& entry = journal_.at(number);
        if (entry.attempts == 0 && !entry.is_dead) continue;
        if (state.marks.size() == LaneState::marks_max) break;
        state.marks.push_back({.number = number, .attempts = entry.attempts, .is_dead = entry.is_dead});
    }
    return state;
}

}  // namespace fantail::patterns
