// SPDX-License-Identifier: Apache-2.0
//! A protocol session: bytes, events and ticks in; bytes and commands out. No socket, clock or thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"
#include "broker/api.hpp"

namespace fantail::protocols {

/// What is known of the other end before it speaks.
struct PeerInfo {
    std::string address;  ///< "127.0.0.1:43210"
    std::string local_address;
    bool loopback = false;
    bool tls = false;
    std::string certificate_name;  ///< verified client certificate: its common name, or empty
};

/// A session as lists and metrics show it.
struct SessionInfo {
    std::string protocol;  ///< "AMQP 0-9-1"
    std::string client_name;
    std::string user;
    std::string vhost;
    std::string state;  ///< "running", "blocked", "closing" …
    std::uint32_t channels = 0;
    std::uint32_t consumers = 0;
};

/// One channel of a session, or by whatever name its protocol multiplexes.
struct ChannelInfo {
    std::uint16_t number = 0;
    std::uint32_t consumers = 0;
    std::uint64_t unsettled = 0;        ///< messages delivered and not yet acknowledged
    std::uint32_t prefetch = 0;         ///< of consumers to come; 0: no limit
    std::uint32_t global_prefetch = 0;  ///< of all consumers together; 0: no limit
    bool confirms = false;
    bool transactional = false;
};

struct ConsumerInfo {
    std::uint16_t channel = 0;
    std::string tag;
    QueueId queue;
    std::uint32_t prefetch = 0;  ///< 0: no limit
    bool acknowledges = false;
    bool exclusive = false;
};

/// The inside of a session, for lists that want more than numbers.
struct SessionDetails {
    std::vector<ChannelInfo> channels;
    std::vector<ConsumerInfo> consumers;
};

/// What the runtime lends one session; outlives it.
class SessionHost {
public:
    virtual ~SessionHost() = default;
    [[nodiscard]] virtual ConnectionId id() const = 0;
    [[nodiscard]] virtual const PeerInfo& peer() const = 0;
    /// The time of the current turn.
    [[nodiscard]] virtual const Now& now() const = 0;
    [[nodiscard]] virtual broker::Port& broker() = 0;
    /// Append here; it is sent at the end of the turn. Valid until the session's call returns.
    [[nodiscard]] virtual Bytes& out() = 0;
    /// Bytes accepted by out() and not yet taken by the kernel.
    [[nodiscard]] virtual std::size_t unsent() const = 0;
    /// Shows the session again, in the next turn, the bytes that it left unconsumed, though no new ones have come.
    virtual void resume_input() = 0;
    /// Stops reading from the peer, for the broker's sake, and goes on. What was read already is shown by resume_input().
    virtual void hold_input(bool hold) = 0;
    /// Whether the peer is not read from at present, for the broker's sake: its silence then means nothing.
    [[nodiscard]] virtual bool input_held() const = 0;
    /// Closes the connection once everything in out() is sent; no further calls but on_closed follow.
    virtual void close() = 0;
};

/// One connection's protocol state. The runtime calls it from one thread; within a turn: on_bytes (any number of times),
/// then end_of_input once, then on_event for each event, then end_of_turn once.
class Session {
public:
    virtual ~Session() = default;
    /// Takes bytes from the peer. \return how many were consumed; the rest is shown again, with more behind it.
    virtual std::size_t on_bytes(ByteView bytes) = 0;
    /// Most bytes that on_bytes() leaves unconsumed while it is read on, a message's beginning; a connection that leaves more
    /// is cut off.
    [[nodiscard]] virtual std::size_t kept_size_max() const { return limits::read_buffer_size / 2; }
    /// No more bytes in this turn: hand over what was gathered (open batches).
    virtual void end_of_input() = 0;
    virtual void on_event(broker::Event& event) = 0;
    /// All events of this turn were shown: the place to coalesce answers (confirms).
    virtual void end_of_turn() = 0;
    /// The time has come that deadline() named.
    virtual void on_tick() = 0;
    /// When on_tick should be called next (heartbeats, handshake timeout); MonoTime::never() if not.
    [[nodiscard]] virtual MonoTime deadline() const = 0;
    /// The peer is slow (false) or has caught up (true): pause or resume deliveries.
    virtual void on_writable(bool writable) = 0;
    /// The connection is gone; give back what it held (Detach, ConnectionClosed). The last call.
    virtual void on_closed() = 0;
    [[nodiscard]] virtual SessionInfo info() const = 0;
    /// Adds its channels and consumers, in any order, if its protocol has such.
    virtual void describe(SessionDetails& details) const { (void)details; }
};

/// A protocol as a listener sees it.
struct Protocol {
    std::string name;
    enum class Sniff : std::uint8_t { no, maybe, yes };
    /// Does a connection that begins with these bytes speak this protocol?
    Sniff (*sniff)(ByteView first_bytes);
    /// Makes sessions; called on any core, holds configuration only.
    std::function<std::unique_ptr<Session>(SessionHost&)> open;
};

}  // namespace fantail::protocols
