// SPDX-License-Identifier: Apache-2.0
//! A link's life: connecting, handshake, loss, the next attempt.
#include <algorithm>

#include "lib/engine.hpp"
#include "lib/link.hpp"
#include "sys/random.hpp"
#include "sys/stream.hpp"

namespace fantail::lib {

static constexpr std::uint32_t doublings_max = 16;

static patterns::QueueLimits pending_limits(const Engine& engine) {
    // The high-water mark is kept by the link, over this queue and what is encoded.
    return {.messages_max = 0, .bytes_max = ~0ull, .conflate = engine.settings().conflate};
}

Link::Link(Engine& engine, sys::Fd fd, Endpoint endpoint)
    : Connection(engine.input_limits()),
      engine_(engine),
      endpoint_(std::move(endpoint)),
      is_connector_(false),
      fd_(std::move(fd)),
      pending_(pending_limits(engine)),
      out_(engine.chunks()) {
    engine_.watches(1);
    peer_address_ = sys::peer_address(fd_.get()).text();
    has_word_envelopes = endpoint_.wire == Wire::sp;
}

Link::Link(Engine& engine, Endpoint endpoint)
    : Connection(engine.input_limits()),
      engine_(engine),
      endpoint_(std::move(endpoint)),
      is_connector_(true),
      pending_(pending_limits(engine)),
      out_(engine.chunks()) {
    engine_.watches(1);
    has_word_envelopes = endpoint_.wire == Wire::sp;
}

Link::~Link() {
    close_connection();
    engine_.watches(-1);
}

void Link::begin() {
    if (is_connector_) return try_connect();
    engine_.report({.what = event::type::accepted, .endpoint = endpoint_.text, .peer = peer_address_});
    open_session();
}

void Link::try_connect() {
    next_attempt_ = MonoTime::never();
    const sys::Address& to = endpoint_.addresses[next_address_++ % endpoint_.addresses.size()];
    peer_address_ = to.is_unix() ? endpoint_.text : to.text();
    auto fd = sys::connect_stream(to, engine_.stream_options());
    if (!fd) return broke(event::type::connect_failed, fd.error());
    fd_ = std::move(*fd);
    phase_ = Phase::connecting;
    const std::int64_t timeout_ms = engine_.settings().connect_timeout.count();
    if (timeout_ms > 0) {
        connect_until_ = engine_.now().plus_ms(timeout_ms);
        engine_.note_deadline(connect_until_);
    }
    set_interest(false, true);
}

void Link::on_connected() {
    connect_until_ = MonoTime::never();
    if (const auto connected = sys::stream_connected(fd_.get()); !connected) {
        return broke(event::type::connect_failed, connected.error());
    }
    engine_.report({.what = event::type::connected, .endpoint = endpoint_.text, .peer = peer_address_});
    open_session();
}

std::unique_ptr<patterns::WireSession> Link::make_session() {
    if (endpoint_.wire == Wire::zmtp) return std::make_unique<zmtp::Session>(engine_.zmtp_config(), in);
    const auto framing = endpoint_.transport == Transport::ipc ? sp::Framing::ipc : sp::Framing::tcp;
    const auto side = is_connector_ ? sp::Side::connected : sp::Side::accepted;
    return std::make_unique<sp::Session>(engine_.sp_config(), in, framing, side);
}

void Link::open_session() {
    phase_ = Phase::handshake;
    was_ready_ = false;
    session_ = make_session();
    session_->start(engine_.now(), out_);
    engine_.note_deadline(session_->deadline());
    set_interest(true, false);
    flush();
}

void Link::on_session_ready() {
    phase_ = Phase::ready;
    was_ready_ = true;
    failures_ = 0;
    routing_id = session_->routing_id();
    lane = session_->lane();
    engine_.report({.what = event::type::ready, .endpoint = endpoint_.text, .peer = peer_address_});
    engine_.attach(*this);
    engine_.pattern().ready(*this);
    is_starved_ = false;
    engine_.pattern().writable(*this);
    if (!pending_.empty()) engine_.has_output(*this), engine_.flush_soon();
}

void Link::reject(const char* reason) { broke(event::type::rejected, {ErrorCode::precondition_failed, reason}); }

void Link::broke(event::type what, Error error) {
    if (is_broken_) return;
    is_broken_ = true;
    const bool early = phase_ == Phase::handshake && what == event::type::disconnected;
    loss_ = early ? event::type::handshake_failed : what;
    loss_reason_ = std::move(error.message);
    loss_is_refusal_ = error.code == ErrorCode::not_authenticated;
    engine_.has_broken(*this);
}

void Link::close_connection() {
    if (fd_) set_interest(false, false);
    fd_.close();
    session_.reset();
    out_.clear();
    engine_.chunks().give(std::move(chunk_));
    chunk_begin_ = chunk_end_ = 0;
    phase_ = Phase::idle;
}

void Link::settle_loss() {
    engine_.report(
        {.what = loss_, .endpoint = endpoint_.text, .peer = peer_address_, .reason = std::move(loss_reason_)});
    close_connection();
    is_broken_ = false;
    connect_until_ = MonoTime::never();
    if (std::exchange(was_ready_, false)) {
        engine_.tick_pattern();
        engine_.pattern().lost(*this);
    }
    if (!is_connector_) return;
    next_attempt_ = engine_.now().plus_ms(next_delay_ms());
    engine_.note_deadline(next_attempt_);
}

std::int64_t Link::next_delay_ms() {
    const auto& pace = engine_.settings().reconnect;
    const std::int64_t longest = std::max(pace.delay_min, pace.delay_max).count();
    const std::uint32_t doublings = std::min(failures_++, doublings_max);
    std::int64_t delay = loss_is_refusal_ ? longest : std::min(pace.delay_min.count() << doublings, longest);
    delay = std::max<std::int64_t>(delay, 1);
    // Up to a quarter off, so that peers of one that was restarted do not all come at once.
    return delay - static_cast<std::int64_t>(sys::random_u64() % (static_cast<std::uint64_t>(delay) / 4 + 1));
}

MonoTime Link::deadline() const {
    if (phase_ == Phase::idle) return next_attempt_;
    return session_ ? session_->deadline() : connect_until_;
}

void Link::on_timer(MonoTime now) {
    if (is_broken_ || now < deadline()) return;
    if (phase_ == Phase::idle) return try_connect();
    if (!session_)
        return broke(event::type::connect_failed, {ErrorCode::unavailable, "it took longer than connect_timeout"});
    if (const auto fine = session_->on_timer(now, out_); !fine) return broke(event::type::disconnected, fine.error());
    flush();
}

void Link::finish() {
    if (phase_ < Phase::handshake || is_broken_) return;
    // What the peer sent and nobody will read is taken from the kernel: closing over it would reset the connection, and
    // the peer could lose what it has not read yet.
    sys::finish_stream(fd_.get());
    std::uint8_t gone[16 << 10];
    for (int i = 0; i < 64; ++i) {
        const auto got = sys::read_stream(fd_.get(), gone);
        if (!got || got->bytes == 0) return;
    }
}

}  // namespace fantail::lib
