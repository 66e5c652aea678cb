// SPDX-License-Identifier: Apache-2.0
//! One AMQP 0-9-1 connection of a simulated client, with one channel: bytes on one side, methods and messages on the other.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocols/amqp091/content.hpp"
#include "record/properties.hpp"
#include "sim/network.hpp"

namespace fantail::sim {

/// What a connection tells its owner. Views live for the call. The peer outlives the call, and may be dropped in it.
class PeerOwner {
public:
    virtual ~PeerOwner() = default;
    /// The channel is open.
    virtual void on_open() = 0;
    /// Anything without content that is not the connection's own business.
    virtual void on_method(const amqp091::Method& method) = 0;
    /// deliver, get-ok or return, with its content.
    virtual void on_message(const amqp091::Method& method, const record::Properties& properties, ByteView body) = 0;
    /// The connection is over. \param code why the broker closed it or the channel; 0: it broke or ended without a word
    virtual void on_gone(std::uint16_t code, const std::string& text) = 0;
};

class AmqpPeer final : public std::enable_shared_from_this<AmqpPeer> {
public:
    static constexpr std::uint16_t channel = 1;

    /// \param heartbeat_s silence after which the connection is taken for dead, both ways
    AmqpPeer(World& world, std::shared_ptr<Link> link, std::uint16_t heartbeat_s, PeerOwner& owner);
    /// Begins to speak. Call once.
    void open();

    template <class M>
    void send(const M& method) {
        Bytes out;
        amqp091::FrameWriter(out).method(channel, method);
        write(out);
    }
    void publish(const amqp091::BasicPublish& method, const amqp091::Content& content);
    /// Says good-bye and waits for the answer.
    void close();
    /// Ends without a word. The owner is told nothing more.
    void drop();

    [[nodiscard]] const Link& link() const { return *link_; }
    [[nodiscard]] Link& link() { return *link_; }

private:
    void write(const Bytes& bytes);
    void on_bytes(ByteView bytes);
    void on_frame(const amqp091::Frame& frame);
    void on_connection_method(const amqp091::Method& method);
    void on_channel_method(const amqp091::Method& method);
    void end_content();
    void gone(std::uint16_t code, const std::string& text);
    void beat();

    World& world_;
    std::shared_ptr<Link> link_;
    std::uint16_t heartbeat_s_;
    PeerOwner* owner_;
    Bytes in_;
    std::uint32_t frame_max_ = 131'072;
    std::int64_t last_heard_ = 0;
    std::int64_t last_said_ = 0;
    // The message under way. The method's views point into its frame, which is kept.
    Bytes method_frame_;
    Bytes property_bytes_;
    Bytes body_;
    std::optional<std::uint64_t> body_left_;
};

}  // namespace fantail::sim
