// SPDX-License-Identifier: Apache-2.0
//! One SP connection: greetings, then messages, each of one part and a header that the pattern sees as an envelope.
#pragma once

#include "patterns/wire_session.hpp"
#include "protocols/sp/protocols.hpp"

namespace fantail::sp {

using patterns::OutputQueue;

/// Of all connections of a socket.
struct Config {
    Kind kind = Kind::pair;
    bool pair_v1 = false;   ///< a pair that connects speaks version 1
    std::uint32_t ttl = 8;  ///< a request, survey or message of PAIR v1 that has made more hops is dropped
    std::uint64_t message_size_max = 256u << 20;
    std::int64_t handshake_timeout_ms = 30'000;
};

enum class Framing : std::uint8_t { tcp, ipc };
enum class Side : std::uint8_t { connected, accepted };

/// The header of a request comes and goes as an envelope: a part of four bytes a word, then an empty one. A pair that was connected to
/// answers in the version that the other end speaks. A peer of a publisher gets everything, as if it had subscribed to
/// everything: subscriptions are not on this wire.
class Session final : public patterns::WireSession {
public:
    /// \param config outlives the session   \param in where messages go
    Session(const Config& config, patterns::MessageQueue& in, Framing framing, Side side);

    void start(MonoTime now, OutputQueue& out) override;
    Result<std::size_t> on_bytes(ByteView bytes, MonoTime now, OutputQueue& out) override;
    MutableBytes body_room() override;
    Result<void> on_body(std::size_t size, MonoTime now, OutputQueue& out) override;
    bool is_ready() const override { return is_ready_; }
    std::string routing_id() const override { return {}; }
    std::string expectation() const override { return "SP is spoken here, by " + name_of(ours_); }
    /// What does not fit() is left out: an empty message with which a pattern would greet its peer.
    void encode(message& m, OutputQueue& out) override;
    std::uint32_t form() const override { return 2 + (is_ipc_ ? 1u : 0u) + (header_ == Header::hops ? 2u : 0u); }
    void subscribe(byte_view, bool, OutputQueue&) override {}
    MonoTime deadline() const override { return is_ready_ ? MonoTime::never() : handshake_until_; }
    Result<void> on_timer(MonoTime now, OutputQueue& out) override;

    [[nodiscard]] Protocol ours() const { return ours_; }

private:
    struct Frame {
        std::size_t header;  ///< its size; 0: not there yet
        std::uint64_t size;  ///< of the message
    };
    [[nodiscard]] Result<std::size_t> on_greeting(ByteView bytes, OutputQueue& out);
    [[nodiscard]] Result<std::size_t> on_frames(ByteView bytes);
    [[nodiscard]] Result<Frame> read_header(ByteView bytes) const;
    [[nodiscard]] std::size_t take_small(ByteView bytes);
    [[nodiscard]] Result<void> filled(std::size_t size);
    void begin_large(std::uint64_t size, ByteView there);
    [[nodiscard]] Result<void> on_message(part whole);
    [[nodiscard]] Result<void> on_hops(part whole);
    [[nodiscard]] Result<void> on_words(part whole);
    [[nodiscard]] bool drops_what_went_far() const;
    void put_frame(std::uint64_t size, OutputQueue& out) const;

    const Config& config_;
    patterns::MessageQueue& in_;
    const bool is_ipc_;
    const bool follows_peer_;  ///< takes the version of the other end
    Protocol ours_;
    Header header_;
    bool is_ready_ = false;
    MonoTime handshake_until_ = MonoTime::never();

    // The large message being received.
    part large_;
    std::size_t large_filled_ = 0;
    bool is_large_ = false;
};

}  // namespace fantail::sp
