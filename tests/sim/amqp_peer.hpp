// SPDX-License-Identifier: Apache-2.0
//! One AMQP 0-9-1 connection of simulated clients, with its channels: bytes on one side, methods and messages on the other.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocols/amqp091/content.hpp"
#include "record/properties.hpp"
#include "sim/network.hpp"

namespace fantail::sim {

/// Why a channel is over.
struct ChannelEnd {
    std::uint16_t code = 0;  ///< why the broker closed it or its connection; 0: it broke, or was closed on demand
    std::string text;
    bool answered = false;  ///< the broker said so itself: nothing that it sent before is still under way
};

/// What a channel tells its owner. Views live for the call. The peer outlives the call, and may be dropped in it.
class ChannelOwner {
public:
    virtual ~ChannelOwner() = default;
    virtual void on_open() = 0;
    /// Anything without content that is not the connection's own business.
    virtual void on_method(const amqp091::Method& method) = 0;
    /// deliver, get-ok or return, with its content.
    virtual void on_message(const amqp091::Method& method, const record::Properties& properties, ByteView body) = 0;
    /// The channel is over, maybe with its connection. The last that is said of it.
    virtual void on_gone(const ChannelEnd& end) = 0;
};

class AmqpPeer final : public std::enable_shared_from_this<AmqpPeer> {
public:
    /// \param heartbeat_s silence after which the connection is taken for dead, both ways
    AmqpPeer(World& world, std::shared_ptr<Link> link, std::uint16_t heartbeat_s);
    /// Begins to speak. Call once.
    void open();
    /// Opens a channel, as soon as the connection is open. \return its number
    [[nodiscard]] std::uint16_t open_channel(ChannelOwner& owner);
    /// Neither over nor about to be.
    [[nodiscard]] bool usable() const { return !over_ && !link_->closing(); }

    template <class M>
    void send(std::uint16_t channel, const M& method) {
        Bytes out;
        amqp091::FrameWriter(out).method(channel, method);
        write(out);
    }
    void publish(std::uint16_t channel, const amqp091::BasicPublish& method, const amqp091::Content& content);
    /// Ends one channel and waits for the answer.
    void close_channel(std::uint16_t channel);
    /// Says good-bye for all channels and waits for the answer.
    void close();
    /// Ends without a word. Every owner is told.
    void drop();

    [[nodiscard]] const std::shared_ptr<Link>& link() const { return link_; }

private:
    struct Channel {
        ChannelOwner* owner = nullptr;
        // The message under way. The method's views point into its frame, which is kept.
        Bytes method_frame;
        Bytes property_bytes;
        Bytes body;
        std::optional<std::uint64_t> body_left;
    };
    void write(const Bytes& bytes);
    void on_bytes(ByteView bytes);
    void on_frame(const amqp091::Frame& frame);
    void on_content(Channel& channel, const amqp091::Frame& frame);
    void on_connection_method(const amqp091::Method& method);
    void start(const amqp091::ConnectionStart& method);
    void on_channel_method(std::uint16_t number, const amqp091::Method& method);
    void end_content(Channel& channel);
    void end_channel(std::uint16_t number, const ChannelEnd& end);
    void gone(const ChannelEnd& end);
    void beat();

    World& world_;
    std::shared_ptr<Link> link_;
    std::uint16_t heartbeat_s_;
    std::map<std::uint16_t, Channel> channels_;
    std::uint16_t channels_opened_ = 0;
    bool open_ = false;
    bool over_ = false;
    Bytes in_;
    std::uint32_t frame_max_ = 131'072;
    std::int64_t last_heard_ = 0;
    std::int64_t last_said_ = 0;
};

}  // namespace fantail::sim
