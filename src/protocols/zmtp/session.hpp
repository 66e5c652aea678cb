// SPDX-License-Identifier: Apache-2.0
//! One ZMTP connection: greeting, handshake, then messages and commands. Bytes in, bytes out.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "patterns/wire_session.hpp"
#include "protocols/zmtp/greeting.hpp"
#include "protocols/zmtp/mechanism.hpp"
#include "protocols/zmtp/socket_types.hpp"

namespace fantail::zmtp {

/// Of all connections of a socket. Times in milliseconds.
struct Config {
    Kind kind = Kind::pair;
    std::string routing_id;
    std::string resource;     ///< RFC 37's Resource property; empty: none
    std::string lane;         ///< the property X-Fantail-Lane (docs/formats/lanes.md); empty: none
    bool needs_lane = false;  ///< peers without one are refused
    Security security;
    std::uint64_t message_size_max = 256u << 20;
    std::int64_t handshake_timeout_ms = 30'000;
    std::int64_t heartbeat_interval_ms = 0;  ///< 0: no PING
    std::int64_t heartbeat_timeout_ms = 0;
    std::int64_t heartbeat_ttl_ms = 0;
};

/// The protocol's state. What `out` holds after an error may be an ERROR command.
class Session final : public patterns::WireSession {
public:
    /// \param config outlives the session   \param in where messages go, with subscriptions as tagged ones
    Session(const Config& config, patterns::MessageQueue& in);

    void start(MonoTime now, OutputQueue& out) override;
    Result<std::size_t> on_bytes(ByteView bytes, MonoTime now, OutputQueue& out) override;
    MutableBytes body_room() override;
    Result<void> on_body(std::size_t size, MonoTime now, OutputQueue& out) override;
    /// Both ends have said READY.
    bool is_ready() const override { return state_ == State::traffic; }
    std::string routing_id() const override;
    std::string lane() const override;
    /// The mechanism; the peer's must be the same.
    std::string expectation() const override;
    void encode(message& m, OutputQueue& out) override;
    std::uint32_t form() const override { return encrypts_ ? 0 : 1; }
    /// As a command, or as a message to a 3.0 peer.
    void subscribe(byte_view prefix, bool add, OutputQueue& out) override;
    /// As the command LANE.
    void tell_lane(byte_view command, OutputQueue& out) override { send_command("LANE", command, out); }
    MonoTime deadline() const override;
    Result<void> on_timer(MonoTime now, OutputQueue& out) override;

    /// Of the peer, once ready.
    [[nodiscard]] const Metadata& peer() const { return mechanism_->peer(); }
    [[nodiscard]] const Greeting& peer_greeting() const { return peer_greeting_; }

private:
    enum class State : std::uint8_t { greeting, handshake, traffic };
    struct Frame {
        std::uint8_t flags;
        std::uint64_t size;  ///< of the body
        std::size_t header;  ///< its size; 0: not there yet
    };

    [[nodiscard]] Bytes own_metadata() const;
    [[nodiscard]] Result<std::size_t> on_greeting(ByteView bytes, OutputQueue& out);
    [[nodiscard]] Result<std::size_t> on_frames(ByteView bytes, OutputQueue& out);
    [[nodiscard]] std::size_t take_small(ByteView bytes);
    [[nodiscard]] static Frame read_header(ByteView bytes);
    [[nodiscard]] Result<void> check_frame(const Frame& frame) const;
    void begin_large(const Frame& frame, ByteView there);
    [[nodiscard]] Result<void> on_message_frame(std::uint8_t flags, part body, OutputQueue& out);
    void on_message_part(std::uint8_t flags, part body);
    void push_single(part body);
    [[nodiscard]] Result<void> on_command(ByteView body, OutputQueue& out);
    [[nodiscard]] Result<void> on_handshake(const Command& command, OutputQueue& out);
    [[nodiscard]] Result<void> check_peer(OutputQueue& out) const;
    [[nodiscard]] Result<void> on_traffic_command(const Command& command, OutputQueue& out);
    [[nodiscard]] Result<void> on_ping(ByteView data, OutputQueue& out);
    void send_command(std::string_view name, ByteView data, OutputQueue& out);
    void heard(MonoTime now);

    const Config& config_;
    patterns::MessageQueue& in_;
    std::unique_ptr<Mechanism> mechanism_;
    Greeting peer_greeting_;
    State state_ = State::greeting;
    bool takes_subscriptions_;
    bool encrypts_;

    // The message being received.
    message assembling_;
    bool is_assembling_ = false;
    std::uint64_t assembled_size_ = 0;
    // The large body being received.
    part large_;
    std::uint8_t large_flags_ = 0;
    std::size_t large_filled_ = 0;
    bool is_large_ = false;

    // Signs of life.
    MonoTime handshake_until_ = MonoTime::never();
    MonoTime heard_;
    MonoTime pong_until_ = MonoTime::never();
    std::int64_t peer_ttl_ms_ = 0;
};

}  // namespace fantail::zmtp
