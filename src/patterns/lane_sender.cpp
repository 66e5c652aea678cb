// SPDX-License-Identifier: Apache-2.0
//! A lane's sender: who is sent to, from where on, and what is given up.
#include "patterns/lane_sender.hpp"

#include <algorithm>

namespace fantail::patterns {

static constexpr std::uint32_t doublings_max = 20;
static constexpr std::uint64_t encryption_overhead = 33;  ///< of the last part, which a connection counts too

/// Why it is a dead letter.
static std::string after(std::uint32_t attempts) { return "after " + std::to_string(attempts) + " attempts"; }

LaneSender::Port& LaneSender::port_of(Peer& peer) {
    const auto at = std::ranges::find(ports_, &peer, &Port::peer);
    FANTAIL_ASSERT(at != ports_.end());
    return *at;
}

void LaneSender::ready(Peer& peer) {
    Port& port = port_of(peer);
    port.receiver = parse_lane_property(peer.lane);
    if (!port.receiver && !settings_.takes_plain) return peer.reject("a peer without lanes");
    port.is_ready = true;
    choose();
}

void LaneSender::lost(Peer& peer) {
    port_of(peer) = {.peer = &peer};
    // What waits for the next connection would arrive there before the receiver has said where to go on.
    peer.forget_queued();
    if (active_ != &peer) return;
    active_ = nullptr;
    has_begun_ = false;
    paused_until_ = MonoTime::never();
    choose();
}

void LaneSender::detach(Peer& peer) {
    lost(peer);
    std::erase_if(ports_, [&peer](const Port& port) { return port.peer == &peer; });
}

void LaneSender::readable(Peer& peer) {
    message m;
    while (peer.in.pop(m)) {
        if (m.tag() == static_cast<std::uint32_t>(Inbound::lane)) on_command(peer, m.bytes());
    }
}

void LaneSender::on_command(Peer& peer, byte_view bytes) {
    Port& port = port_of(peer);
    if (!port.is_ready || !port.receiver) return;
    const auto command = decode_lane_command(bytes);
    if (!command) return peer.reject("a malformed command of a lane");
    if (const auto* resume = std::get_if<LaneResume>(&*command)) on_resume(port, *resume);
    if (const auto* ack = std::get_if<LaneAck>(&*command)) on_ack(port, ack->acked);
    if (const auto* retry = std::get_if<LaneRetry>(&*command)) on_retry(port, *retry);
}

void LaneSender::on_resume(Port& port, const LaneResume& resume) {
    if (port.resume) return port.peer->reject("it resumes a lane twice");
    if (resume.acked > resume.delivered || resume.delivered > resume.given || resume.given >= sent_end_)
        return port.peer->reject("it resumes a lane where that has never been");
    port.resume = resume;
    doubtful_end_ = std::max(doubtful_end_, resume.given.plus(1));
    take_acked(resume.acked);
    choose();
    pump();
}

/// Whoever says so: what a peer that was active before has acknowledged is done.
void LaneSender::on_ack(Port& port, LaneNumber acked) {
    if (acked >= sent_end_) return port.peer->reject("it acknowledges what was not sent");
    take_acked(acked);
    pump();
}

void LaneSender::on_retry(Port& port, const LaneRetry& retry) {
    if (retry.number.value == 0 || retry.number >= sent_end_ || !port.resume)
        return port.peer->reject("it wants again what was not sent");
    ++port.round;
    if (active_ != port.peer) {
        port.resume->delivered = std::min(port.resume->delivered, LaneNumber(retry.number.value - 1));
        return;
    }
    round_ = port.round;
    has_begun_ = false;
    next_ = std::max(retry.number, journal_.first());
    doubtful_end_ = std::max(doubtful_end_, std::min(retry.given.plus(1), sent_end_));
    if (retry.number < journal_.first()) return pump();
    LaneJournal::Entry& entry = journal_.at(retry.number);
    ++entry.attempts;
    has_changed();
    if (entry.is_dead) return pump();
    if (!is_too_often(entry.attempts)) {
        paused_until_ = now().plus_ms(pause_ms(entry.attempts));
        return;
    }
    bury(retry.number, after(entry.attempts));
    pump();
}

std::int64_t LaneSender::pause_ms(std::uint32_t attempts) const {
    const std::uint32_t doublings = std::min(attempts - 1, doublings_max);
    return std::clamp<std::int64_t>(settings_.retry_ms_min << doublings, 0, settings_.retry_ms_max);
}

void LaneSender::on_tick() {
    if (now() >= commit_due_) {
        commit();
        pump();
    }
    if (now() >= save_due_) static_cast<void>(save());
    if (now() < paused_until_) return;
    paused_until_ = MonoTime::never();
    pump();
}

void LaneSender::choose() {
    if (active_ != nullptr) return;
    const auto at = std::ranges::find_if(ports_, &Port::is_usable);
    if (at != ports_.end()) activate(*at);
}

void LaneSender::activate(Port& port) {
    const bool is_known = port.resume && port.resume->is_known;
    const bool goes_on = is_known && receiver_ == port.receiver;
    if (!goes_on && !begin_with(port)) return;
    active_ = port.peer;
    is_plain_ = !port.receiver;
    size_max_ = is_plain_ ? 0 : port.resume->message_size_max;
    window_ = is_plain_ ? ~0u : std::max(port.resume->window, 1u);
    round_ = port.round;
    has_begun_ = false;
    next_ = journal_.first();
    if (is_known) next_ = std::max(next_, port.resume->delivered.plus(1));
    if (journal_.first() < sent_end_) {
        const std::uint64_t again = next_ < sent_end_ ? sent_end_.value - next_.value : 0;
        report(LaneNews::resumed, "from message " + std::to_string(next_.value) + " on, " + std::to_string(again) +
                                      " of them sent before");
    }
    pump();
}

/// False: the store does not take it down, so nobody is sent to.
bool LaneSender::begin_with(const Port& port) {
    if (is_broken_) return false;
    count_loss();
    receiver_ = port.receiver;
    sent_to_ = port.receiver ? LaneState::SentTo::receiver : LaneState::SentTo::plain_peer;
    if (save()) return true;
    receiver_.reset();
    return false;
}

/// What was sent has gone to a receiver that is no more, or that another one stands in for: its program may have seen
/// all of it, and may have been lost over the first.
void LaneSender::count_loss() {
    doubtful_end_ = sent_end_;
    if (journal_.empty() || journal_.first() >= sent_end_) return;
    LaneJournal::Entry& head = journal_.at(journal_.first());
    if (!head.is_dead && is_too_often(++head.attempts)) bury(journal_.first(), after(head.attempts));
    next_ = sent_end_;
    drop_dead();
}

void LaneSender::bury(LaneNumber number, const std::string& why) {
    const std::uint32_t attempts = journal_.at(number).attempts;
    message m = journal_.bury(number);
    report(LaneNews::dead_lettered, "message " + std::to_string(number.value) + " " + why);
    if (settings_.dead_letter) settings_.dead_letter(std::move(m), attempts);
    // Once it has been handed over: rather twice than never.
    static_cast<void>(save());
}

/// Whether the active peer would end its connection over it, now and for ever.
bool LaneSender::is_too_large(const message& m) const {
    if (size_max_ == 0) return false;
    const std::uint64_t parts = m.size() + 1;
    return m.bytes_total() + LaneFrame::size + parts * LaneJournal::part_overhead + encryption_overhead > size_max_;
}

void LaneSender::take_acked(LaneNumber acked) {
    if (acked < journal_.first()) return;
    journal_.drop_before(acked.plus(1));
    has_changed();
    if (!has_begun_) next_ = std::max(next_, journal_.first());
    drop_dead();
}

/// The receiver has been told that there is nothing of these numbers, and nobody acknowledges them.
void LaneSender::drop_dead() {
    while (!journal_.empty() && journal_.first() < next_ && journal_.at(journal_.first()).is_dead) {
        journal_.drop_before(journal_.first().plus(1));
        has_changed();
    }
}

bool LaneSender::may_send() const {
    if (next_ < journal_.first()) return true;
    return next_ < durable_end_ && next_.value - journal_.first().value < window_;
}

/// A peer that makes room says so from inside of send(): the messages keep their order because only one pump runs.
void LaneSender::pump() {
    if (is_pumping_ || active_ == nullptr || paused_until_ != MonoTime::never()) return;
    is_pumping_ = true;
    while (may_send() && send_next()) {}
    is_pumping_ = false;
    drop_dead();
}

bool LaneSender::send_next() {
    if (is_plain_) return send_plain();
    // Another receiver may have acknowledged what this one was to be sent next: a round has no gaps, so it is told.
    bool is_skipped = next_ < journal_.first() || journal_.at(next_).is_dead;
    if (!is_skipped && is_too_large(journal_.at(next_).m)) {
        bury(next_, "of " + std::to_string(journal_.at(next_).m.bytes_total()) + " bytes: its receiver takes " +
                        std::to_string(size_max_));
        is_skipped = true;
    }
    part header = encode(
        LaneFrame{.is_redelivered = next_ < doubtful_end_, .is_skipped = is_skipped, .round = round_, .number = next_});
    message frame;
    if (is_skipped) {
        frame = message(std::move(header));
    } else {
        frame = journal_.at(next_).m.share();
        frame.add_first(std::move(header));
    }
    if (!active_->send(frame)) return false;
    has_begun_ = true;
    next_ = next_.plus(1);
    sent_end_ = std::max(sent_end_, next_);
    return true;
}

/// To a peer that acknowledges nothing: what it has taken is done.
bool LaneSender::send_plain() {
    next_ = std::max(next_, journal_.first());
    if (next_ >= durable_end_) return false;
    LaneJournal::Entry& entry = journal_.at(next_);
    if (!entry.is_dead && !active_->send(entry.m)) return false;
    next_ = next_.plus(1);
    sent_end_ = std::max(sent_end_, next_);
    journal_.drop_before(next_);
    has_changed();
    return true;
}

void LaneSender::report(LaneNews what, const std::string& detail) const {
    if (settings_.report) settings_.report(what, detail);
}

}  // namespace fantail::patterns
