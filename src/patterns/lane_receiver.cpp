// SPDX-License-Identifier: Apache-2.0
//! A lane's receiver: duplicates, acknowledgement, giving again.
#include "patterns/lane_receiver.hpp"

#include <algorithm>

namespace fantail::patterns {

void LaneReceiver::ready(Peer& peer) {
    if (const auto id = parse_lane_property(peer.lane)) return open(peer, *id);
    if (!settings_.takes_plain) return peer.reject("a peer without lanes");
    sources_[&peer] = {};
}

void LaneReceiver::open(Peer& peer, const LaneId& id) {
    if (!lanes_.contains(id)) forget_oldest();
    const auto [at, is_new] = lanes_.try_emplace(id);
    Lane& lane = at->second;
    if (lane.peer != nullptr && lane.peer != &peer) {
        // The sender knows better which of its connections stands.
        Peer& old = *lane.peer;
        absorb(old);
        sources_.erase(&old);
        old.reject("its lane has a new connection");
    }
    lane.peer = &peer;
    lane.round = 0;
    lane.has_begun = false;
    lane.last_seen = ++seen_;
    sources_[&peer] = {.id = id, .lane = &lane};
    peer.tell(encode(LaneResume{.is_known = !is_new,
                                .delivered = lane.delivered,
                                .acked = lane.acked,
                                .given = lane.given,
                                .window = settings_.window,
                                .message_size_max = settings_.message_size_max}));
}

/// Makes room for one more lane, if one without a connection can go: should its sender come back, what it has not heard an acknowledgement
/// of is given once more.
void LaneReceiver::forget_oldest() {
    if (lanes_.size() < std::max<std::size_t>(settings_.lanes_max, 1)) return;
    auto oldest = lanes_.end();
    for (auto at = lanes_.begin(); at != lanes_.end(); ++at) {
        if (at->second.peer != nullptr) continue;
        if (oldest == lanes_.end() || at->second.last_seen < oldest->second.last_seen) oldest = at;
    }
    if (oldest != lanes_.end()) lanes_.erase(oldest);
}

/// Delivers what has come over a connection that is no more: its sender may be no more, too. Or it has sent the same to another
/// receiver, whose program may be given it first.
void LaneReceiver::absorb(Peer& peer) {
    message m;
    while (peer.in.pop(m)) {
        if (!take(peer, m)) continue;
        LaneGiven given = given_of(m);
        given.is_redelivered = true;
        m[0] = encode(given);
        held_.push(std::exchange(m, {}));
    }
}

void LaneReceiver::lost(Peer& peer) {
    absorb(peer);
    const auto at = sources_.find(&peer);
    if (at == sources_.end()) return;
    if (at->second.lane != nullptr) {
        at->second.lane->peer = nullptr;
        at->second.lane->last_seen = ++seen_;
    }
    sources_.erase(at);
}

void LaneReceiver::detach(Peer& peer) {
    lost(peer);
    in_.remove(peer);
}

Outcome LaneReceiver::receive(message& m) {
    if (const auto last = std::exchange(last_, std::nullopt))
        static_cast<void>(settle({.lane = last->lane, .number = last->number.value}));
    if (held_.pop(m)) return give(m), Outcome::done;
    while (Peer* from = in_.receive(m)) {
        if (take(*from, m)) return give(m), Outcome::done;
    }
    return Outcome::would_block;
}

void LaneReceiver::give(const message& m) {
    if (settings_.is_automatic) last_ = given_of(m);
}

/// Whether `m` is to be given; then it has its LaneGiven.
bool LaneReceiver::take(Peer& peer, message& m) {
    const auto at = sources_.find(&peer);
    if (at == sources_.end()) return false;
    if (at->second.lane != nullptr) return take_frame(peer, at->second, m);
    m.add_first(encode(LaneGiven{}));
    return true;
}

bool LaneReceiver::take_frame(Peer& peer, const Source& source, message& m) {
    const auto frame = decode_lane_frame(m[0].bytes());
    if (!frame || (m.size() < 2 && !frame->is_skipped)) {
        peer.reject("a message without a lane's frame");
        return false;
    }
    Lane& lane = *source.lane;
    if (!is_next(peer, lane, *frame)) return false;
    lane.has_begun = true;
    lane.delivered = frame->number;
    lane.given = std::max(lane.given, frame->number);
    if (frame->is_skipped) return false;
    m[0] = encode(LaneGiven{.lane = *source.id, .is_redelivered = frame->is_redelivered, .number = frame->number});
    return true;
}

bool LaneReceiver::is_next(Peer& peer, Lane& lane, const LaneFrame& frame) const {
    if (frame.round != lane.round) return false;       // sent before it was wanted again
    if (frame.number <= lane.delivered) return false;  // a duplicate
    if (!lane.has_begun || frame.number == lane.delivered.plus(1)) return true;
    peer.reject("a gap in its lane");
    return false;
}

Outcome LaneReceiver::settle(const Settlement& settlement) {
    const LaneNumber number(settlement.number);
    if (number.value == 0) return settlement.again ? Outcome::invalid : Outcome::done;
    LaneId id;
    if (settlement.lane.size() != id.size()) return Outcome::invalid;
    std::ranges::copy(settlement.lane, id.begin());
    const auto at = lanes_.find(id);
    if (at == lanes_.end() || number > at->second.delivered) return Outcome::invalid;
    Lane& lane = at->second;
    if (!settlement.again) return acknowledge(lane, number), Outcome::done;
    if (number <= lane.acked) return Outcome::invalid;
    give_again(id, lane, number);
    return Outcome::done;
}

void LaneReceiver::acknowledge(Lane& lane, LaneNumber number) const {
    if (number <= lane.acked) return;
    lane.acked = number;
    if (lane.peer != nullptr) lane.peer->tell(encode(LaneAck{number}));
}

void LaneReceiver::give_again(const LaneId& id, Lane& lane, LaneNumber number) {
    if (last_ && last_->lane == id && last_->number >= number) last_.reset();
    message m;
    for (std::size_t left = held_.size(); left > 0 && held_.pop(m); --left) {
        const LaneGiven given = given_of(m);
        if (given.lane != id || given.number < number) held_.push(std::exchange(m, {}));
    }
    const LaneRetry retry{.number = number, .given = lane.given};
    lane.delivered = LaneNumber(number.value - 1);
    lane.has_begun = false;
    if (lane.peer == nullptr) return;
    ++lane.round;
    lane.peer->tell(encode(retry));
}

}  // namespace fantail::patterns
