// SPDX-License-Identifier: Apache-2.0
//! One connection's protocol as the runtime sees it, whichever wire it is.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "patterns/message_queue.hpp"
#include "patterns/output_queue.hpp"

namespace fantail::patterns {

/// Pure: bytes and the time go in, bytes come out, nothing blocks. Received messages, and subscriptions and commands of lanes
/// as tagged ones, go to a queue; when that is full, bytes are left where they are. After an error every call is over; what
/// `out` holds then may still be sent.
class WireSession {
public:
    WireSession() = default;
    WireSession(const WireSession&) = delete;
    WireSession& operator=(const WireSession&) = delete;
    virtual ~WireSession() = default;

    /// Begins the handshake.
    virtual void start(MonoTime now, OutputQueue& out) = 0;
    /// Takes bytes from the peer. Returns how many were used: what is left (less than a frame that is to be gathered, unless the
    /// queue is full) comes again, with more behind it. Errors: malformed, too_large, unsupported, precondition_failed,
    /// not_authenticated (trying again soon is pointless): the connection ends. Hot.
    [[nodiscard]] virtual Result<std::size_t> on_bytes(ByteView bytes, MonoTime now, OutputQueue& out) = 0;
    /// While a large body is on its way: where its next bytes go; empty otherwise. Fill from the front, then call on_body().
    [[nodiscard]] virtual MutableBytes body_room() = 0;
    [[nodiscard]] virtual Result<void> on_body(std::size_t size, MonoTime now, OutputQueue& out) = 0;

    /// The handshake is complete: messages may be sent.
    [[nodiscard]] virtual bool is_ready() const = 0;
    /// What the peer calls itself, once ready; empty if nothing.
    [[nodiscard]] virtual std::string routing_id() const = 0;
    /// Its property of lanes, once ready; empty if it has none, or there are no lanes on this wire.
    [[nodiscard]] virtual std::string lane() const { return {}; }
    /// What is spoken here, for people who wonder why a handshake failed: `the mechanism here is CURVE`.
    [[nodiscard]] virtual std::string expectation() const = 0;

    /// Appends a message, whose large bodies are moved from. Ready only. Hot.
    virtual void encode(message& m, OutputQueue& out) = 0;
    /// Sessions of the same form encode a message to the same bytes; 0: none is as another.
    [[nodiscard]] virtual std::uint32_t form() const = 0;
    /// Appends a subscription, if the wire has any. Ready only.
    virtual void subscribe(byte_view prefix, bool add, OutputQueue& out) = 0;
    /// Appends a lane's command. Only to a peer with a lane.
    virtual void tell_lane(byte_view command, OutputQueue& out) { static_cast<void>(command), static_cast<void>(out); }

    /// When on_timer() is due.
    [[nodiscard]] virtual MonoTime deadline() const = 0;
    /// Errors: unavailable: the handshake takes too long, or the peer gives no sign of life.
    [[nodiscard]] virtual Result<void> on_timer(MonoTime now, OutputQueue& out) = 0;
};

}  // namespace fantail::patterns
