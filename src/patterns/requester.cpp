// SPDX-License-Identifier: Apache-2.0
//! The asking side of request and reply.
#include "patterns/request_reply.hpp"

namespace fantail::patterns {

/// Set in every request id: it ends the envelope where envelopes are of words.
static constexpr std::uint32_t id_mark = 0x8000'0000;

void Requester::attach(Peer& peer) {
    if (peer.has_word_envelopes) correlate_ = true;
    in_.add(peer);
    out_.add(peer);
    out_.activate(peer);
}

void Requester::ready(Peer& peer) {
    peer.is_ready = true;
    message probe;
    if (probe_ && !peer.has_word_envelopes) static_cast<void>(peer.send(probe));
    if (resend_ms_ > 0 && state_ == State::waiting && asked_ == nullptr) resend();
}

void Requester::lost(Peer& peer) {
    peer.is_ready = false;
    if (state_ != State::waiting || asked_ != &peer) return;
    if (resend_ms_ > 0) return resend();
    state_ = State::gone;
}

void Requester::detach(Peer& peer) {
    out_.remove(peer);
    in_.remove(peer);
    lost(peer);
    if (asked_ == &peer) asked_ = nullptr;
}

/// To a peer whose connection stands; if there is none, ready() comes back to it.
void Requester::resend() {
    resend_at_ = now().plus_ms(resend_ms_);
    asked_ = nullptr;
    for (std::size_t tries = out_.size(); tries > 0 && out_.has_active(); --tries) {
        Peer& peer = out_.current();
        out_.advance();
        if (!peer.is_ready) continue;
        message again = kept_.share();
        if (!peer.send(again)) continue;
        asked_ = &peer;
        return;
    }
}

void Requester::on_tick() {
    if (state_ == State::waiting && now() >= resend_at_) resend();
}

Outcome Requester::send(message& m) {
    if (state_ != State::idle && !relaxed_) return Outcome::wrong_state;
    m.add_first(part{});
    if (correlate_) {
        part id = part::with_size(4);
        store_be(id.data(), (request_id_ + 1) | id_mark);
        m.add_first(std::move(id));
    }
    if (resend_ms_ > 0) kept_ = m.share();
    Peer* peer = out_.send(m);
    if (peer == nullptr) {
        m.take_first();
        if (correlate_) m.take_first();
        return Outcome::would_block;
    }
    ++request_id_;
    asked_ = peer;
    has_number_ = correlate_;
    state_ = State::waiting;
    if (resend_ms_ > 0) resend_at_ = now().plus_ms(resend_ms_);
    return Outcome::done;
}

bool Requester::is_late(const message& m) const {
    return has_number_ && m[0].size() == 4 && load_be<std::uint32_t>(m[0].data()) != (request_id_ | id_mark);
}

bool Requester::take_envelope(message& m) const {
    const std::size_t delimiter = has_number_ ? 1 : 0;
    if (m.size() < delimiter + 2 || !m[delimiter].empty() || (has_number_ && m[0].size() != 4)) return false;
    for (std::size_t i = 0; i <= delimiter; ++i) m.take_first();
    return true;
}

void Requester::forget() {
    state_ = State::idle;
    asked_ = nullptr;
    kept_ = {};
    resend_at_ = MonoTime::never();
}

Outcome Requester::receive(message& m) {
    if (state_ == State::idle) return Outcome::wrong_state;
    while (Peer* from = in_.receive(m)) {
        // What others send, and what comes late, was not asked for. A request that was sent again may be answered by whoever had it.
        if ((from != asked_ && resend_ms_ == 0) || is_late(m)) continue;
        if (!take_envelope(m)) {
            from->reject("a reply without the empty part that ends its envelope");
            continue;
        }
        forget();
        return Outcome::done;
    }
    if (state_ == State::waiting) return Outcome::would_block;
    forget();
    return Outcome::peer_gone;
}

}  // namespace fantail::patterns
