// SPDX-License-Identifier: Apache-2.0
//! A link's traffic: sending, reading, decoding.
#include "lib/link.hpp"

#include <algorithm>

#include "lib/engine.hpp"
#include "sys/stream.hpp"

namespace fantail::lib {

static constexpr std::uint64_t encoded_bytes_max = 1u << 20;  ///< beyond it messages wait in their own form
static constexpr std::uint64_t encoded_bytes_refill = 256u << 10;
static constexpr std::uint64_t flush_bytes = 64u << 10;  ///< so much output is not held back
static constexpr std::size_t read_size_min = 16u << 10;
static constexpr int reads_a_turn_max = 4;

bool Link::at_high_water() const {
    const std::uint32_t most = engine_.settings().send_high_water;
    return most != 0 && queued() >= most && !engine_.settings().conflate;
}

bool Link::has_room() {
    if (!is_connector_ && (is_broken_ || phase_ != Phase::ready)) return false;  // over: only what it sent is left
    if (engine_.settings().immediate && phase_ != Phase::ready) {
        is_starved_ = true;
        return false;
    }
    if (!at_high_water()) return true;
    if (phase_ == Phase::ready && !is_broken_) flush();
    is_starved_ = at_high_water();
    return !is_starved_;
}

bool Link::send(message& m) {
    if (!has_room()) return false;
    if (!may_encode_now()) {
        pending_.push(std::move(m));
        return true;
    }
    session_->encode(m, out_);
    m = {};
    has_encoded();
    return true;
}

bool Link::send_shared(patterns::Fanout& fanout) {
    if (!has_room()) return false;
    const std::uint32_t form = may_encode_now() ? session_->form() : 0;
    if (form == 0 || (fanout.form != 0 && fanout.form != form)) {
        message copy = fanout.m.share();
        return send(copy);
    }
    if (fanout.form == 0) {
        message copy = fanout.m.share();
        session_->encode(copy, fanout.encoded);
        fanout.form = form;
    }
    if (!out_.append_copy(fanout.encoded)) {
        message copy = fanout.m.share();
        session_->encode(copy, out_);
    }
    has_encoded();
    return true;
}

bool Link::may_encode_now() const {
    return phase_ == Phase::ready && !is_broken_ && pending_.empty() && out_.bytes() < encoded_bytes_max &&
           !(engine_.settings().conflate && !out_.empty());
}

void Link::has_encoded() {
    engine_.has_output(*this);
    if (out_.bytes() >= flush_bytes) engine_.flush_soon();
}

void Link::subscribe(byte_view prefix, bool add) {
    if (phase_ != Phase::ready || is_broken_) return;
    session_->subscribe(prefix, add, out_);
    engine_.has_output(*this);
    engine_.flush_soon();
}

void Link::tell(byte_view command) {
    if (phase_ != Phase::ready || is_broken_) return;
    session_->tell_lane(command, out_);
    engine_.has_output(*this);
}

void Link::refill() {
    message m;
    while (out_.bytes() < encoded_bytes_refill && pending_.pop(m)) session_->encode(m, out_);
}

void Link::flush() {
    while (!is_broken_ && phase_ >= Phase::handshake) {
        if (phase_ == Phase::ready && !pending_.empty()) refill();
        if (out_.empty()) break;
        ByteView pieces[sys::write_pieces_max];
        const std::size_t n = out_.gather(pieces);
        std::size_t total = 0;
        for (std::size_t i = 0; i < n; ++i) total += pieces[i].size();
        const auto sent = sys::write_stream(fd_.get(), std::span(pieces, n));
        if (!sent) return broke(event::type::disconnected, sent.error());
        out_.consumed(*sent);
        if (*sent < total) break;
    }
    if (is_broken_ || phase_ < Phase::handshake) return;
    set_interest(interest_.in, !out_.empty());
    if (is_starved_ && !at_high_water()) {
        is_starved_ = false;
        engine_.pattern().writable(*this);
    }
}

void Link::on_ready(bool readable, bool writable) {
    if (is_broken_) return;
    if (phase_ == Phase::connecting) return on_connected();
    if (writable && phase_ >= Phase::handshake) flush();
    if (readable && phase_ >= Phase::handshake && !is_broken_) read();
}

void Link::read() {
    if (is_stopped) return set_interest(false, interest_.out);
    for (int i = 0; i < reads_a_turn_max && !is_broken_ && !is_stopped; ++i) {
        if (!read_once()) return;
    }
}

std::string Link::end_reason(std::string what) const {
    if (phase_ != Phase::handshake) return what;
    return what + " in the handshake; " + session_->expectation();
}

/// False if there is nothing more for now.
bool Link::read_once() {
    if (MutableBytes body = session_->body_room(); !body.empty()) return read_body(body);
    if (!chunk_) chunk_ = engine_.chunks().take();
    if (chunk_begin_ > 0) std::memmove(chunk_.get(), chunk_.get() + chunk_begin_, chunk_end_ - chunk_begin_);
    chunk_end_ -= std::exchange(chunk_begin_, 0);
    const MutableBytes room{chunk_.get() + chunk_end_,
                            std::min(read_size_, patterns::ChunkPool::chunk_size - chunk_end_)};
    const std::size_t got = receive(room);
    if (got == 0) return false;
    chunk_end_ += got;
    decode();
    return got == room.size();
}

bool Link::read_body(MutableBytes room) {
    const std::size_t got = receive(room);
    if (got == 0) return false;
    const auto done = session_->on_body(got, engine_.now(), out_);
    if (!done) return broke(event::type::rejected, done.error()), false;
    if (!in.empty()) engine_.tell_readable(*this);
    return got == room.size();
}

/// How much was read; 0 after an end or error, which it deals with, too.
std::size_t Link::receive(MutableBytes room) {
    const auto got = sys::read_stream(fd_.get(), room);
    if (!got) broke(event::type::disconnected, {got.error().code, end_reason(got.error().message)});
    else if (got->at_end)
        broke(event::type::disconnected, {ErrorCode::unavailable, end_reason("the peer has closed the connection")});
    else return got->bytes;
    return 0;
}

void Link::decode() {
    const auto used = session_->on_bytes({chunk_.get() + chunk_begin_, chunk_end_ - chunk_begin_}, engine_.now(), out_);
    const bool is_now_ready = phase_ == Phase::handshake && session_->is_ready();
    if (is_now_ready) on_session_ready();
    engine_.note_deadline(session_->deadline());
    if (!out_.empty()) engine_.has_output(*this), engine_.flush_soon();
    if (!used) {
        const bool failed_early = phase_ == Phase::handshake;
        if (failed_early) flush();
        return broke(failed_early ? event::type::handshake_failed : event::type::rejected, used.error());
    }
    chunk_begin_ += *used;
    if (chunk_begin_ == chunk_end_) {
        chunk_begin_ = chunk_end_ = 0;
        engine_.chunks().give(std::move(chunk_));
    }
    // While bodies are large, little of them is read here, to be copied, and the rest straight to its place.
    read_size_ =
        session_->body_room().empty() ? std::min(read_size_ * 2, patterns::ChunkPool::chunk_size) : read_size_min;
    const bool is_full = in.full();
    if (!in.empty()) engine_.tell_readable(*this);
    if (is_full && chunk_begin_ < chunk_end_) engine_.has_stopped(*this);
}

bool Link::resume() {
    if (is_broken_ || phase_ < Phase::handshake) return false;
    if (chunk_begin_ < chunk_end_) decode();
    if (!is_broken_ && !is_stopped) set_interest(true, interest_.out);
    return !in.empty();
}

void Link::set_interest(bool in_too, bool out_too) {
    const sys::Interest wanted{.in = in_too, .out = out_too};
    if (wanted == interest_) return;
    const auto tag = reinterpret_cast<std::uint64_t>(static_cast<Pollable*>(this));
    // A descriptor in nobody's interest is taken out: its end would be reported all the same, and again and again.
    const bool was_in = interest_.in || interest_.out;
    const bool is_in = in_too || out_too;
    if (was_in && is_in) engine_.poll().modify(fd_.get(), tag, wanted);
    if (was_in && !is_in) engine_.poll().remove(fd_.get());
    interest_ = wanted;
    if (was_in || !is_in) return;
    if (const auto added = engine_.poll().add(fd_.get(), tag, wanted); !added) {
        interest_ = {.in = false};
        broke(event::type::disconnected, added.error());
    }
}

}  // namespace fantail::lib
