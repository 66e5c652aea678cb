// SPDX-License-Identifier: Apache-2.0
//! Sending, and signs of life.
#include <algorithm>

#include "protocols/zmtp/session.hpp"

namespace fantail::zmtp {

static constexpr std::size_t ping_context_max = 16;
static constexpr std::uint64_t pong_backlog_max = 1u << 20;  ///< unsent bytes

void Session::encode(message& m, OutputQueue& out) {
    const std::size_t parts = m.size();
    for (std::size_t i = 0; i < parts; ++i) {
        part& body = m[i];
        const std::uint8_t flags = i + 1 < parts ? flag_more : 0;
        const std::size_t size = body.size();
        if (encrypts_) {
            mechanism_->seal(body.bytes(), flags, out);
            continue;
        }
        if (size <= short_body_max) [[likely]] {
            std::uint8_t* at = out.room(2 + size);
            at[0] = flags;
            at[1] = static_cast<std::uint8_t>(size);
            std::memcpy(at + 2, body.data(), size);
            out.commit(2 + size);
            continue;
        }
        out.commit(put_header(out.room(header_size_max), flags, size));
        out.append_body(std::move(body));
    }
    out.end_message();
}

void Session::subscribe(byte_view prefix, bool add, OutputQueue& out) {
    if (has_groups(config_.kind)) return send_command(add ? "JOIN" : "LEAVE", prefix, out);
    if (peer_greeting_.has_commands()) return send_command(add ? "SUBSCRIBE" : "CANCEL", prefix, out);
    Bytes body(1, add ? 1 : 0);
    append(body, prefix);
    if (encrypts_) return mechanism_->seal(body, 0, out);
    out.commit(put_header(out.room(header_size_max), 0, body.size()));
    out.append(body);
}

/// After the handshake: as a command in clear text, else sealed like a message.
void Session::send_command(std::string_view name, ByteView data, OutputQueue& out) {
    if (!encrypts_) return put_command(out, name, data);
    Bytes body(1, static_cast<std::uint8_t>(name.size()));
    append(body, as_bytes(name));
    append(body, data);
    mechanism_->seal(body, Mechanism::sealed_command, out);
}

void Session::heard(MonoTime now) {
    heard_ = now;
    pong_until_ = MonoTime::never();
}

MonoTime Session::deadline() const {
    if (state_ != State::traffic) return handshake_until_;
    MonoTime next = pong_until_;
    if (peer_ttl_ms_ > 0) next = std::min(next, heard_.plus_ms(peer_ttl_ms_));
    const bool pings = config_.heartbeat_interval_ms > 0 && peer_greeting_.has_commands();
    if (pings && pong_until_ == MonoTime::never()) next = std::min(next, heard_.plus_ms(config_.heartbeat_interval_ms));
    return next;
}

Result<void> Session::on_timer(MonoTime now, OutputQueue& out) {
    if (now < deadline()) return {};
    if (state_ != State::traffic) return fail(ErrorCode::unavailable, "the handshake took longer than its time-out");
    if (now >= pong_until_) return fail(ErrorCode::unavailable, "no answer to a heartbeat");
    if (peer_ttl_ms_ > 0 && now >= heard_.plus_ms(peer_ttl_ms_)) {
        return fail(ErrorCode::unavailable, "nothing came within the time to live of the peer's heartbeat");
    }
    const std::int64_t timeout =
        config_.heartbeat_timeout_ms > 0 ? config_.heartbeat_timeout_ms : config_.heartbeat_interval_ms;
    pong_until_ = now.plus_ms(timeout);
    std::uint8_t ttl[2];
    store_be(ttl, static_cast<std::uint16_t>(std::clamp<std::int64_t>(config_.heartbeat_ttl_ms / 100, 0, 0xFFFF)));
    send_command("PING", ttl, out);
    return {};
}

Result<void> Session::on_ping(ByteView data, OutputQueue& out) {
    Reader in(data);
    peer_ttl_ms_ = std::int64_t{in.u16()} * 100;
    if (in.failed() || in.left() > ping_context_max) return fail(ErrorCode::malformed, "malformed PING");
    // What waits to be sent is as good a sign of life, and a peer that only asks and never reads fills no memory.
    if (out.bytes() < pong_backlog_max) send_command("PONG", in.rest(), out);
    return {};
}

}  // namespace fantail::zmtp
