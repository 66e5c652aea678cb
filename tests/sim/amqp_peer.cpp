// SPDX-License-Identifier: Apache-2.0
//! The opening, heartbeats, and the frames of a simulated client.
#include "sim/amqp_peer.hpp"

#include <variant>

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

AmqpPeer::AmqpPeer(World& world, std::shared_ptr<Link> link, std::uint16_t heartbeat_s)
    : world_(world), link_(std::move(link)), heartbeat_s_(heartbeat_s) {}

void AmqpPeer::open() {
    last_heard_ = world_.time();
    const std::weak_ptr<AmqpPeer> weak = weak_from_this();
    link_->attach_client({[weak](ByteView bytes) {
                              if (const auto self = weak.lock()) self->on_bytes(bytes);
                          },
                          [weak](bool) {
                              if (const auto self = weak.lock()) self->gone({0, "connection lost"});
                          }});
    write(to_bytes(protocol_header));
    beat();
}

void AmqpPeer::beat() {
    if (over_) return;
    const std::int64_t interval = heartbeat_s_ * second;
    if (world_.time() - last_heard_ > 2 * interval) {
        gone({0, "broker is silent"});
        return;
    }
    if (world_.time() - last_said_ >= interval / 2) {
        Bytes out;
        FrameWriter(out).heartbeat();
        write(out);
    }
    world_.after(interval / 2, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->beat();
    });
}

void AmqpPeer::write(const Bytes& bytes) {
    last_said_ = world_.time();
    link_->client_send(bytes);
}

std::uint16_t AmqpPeer::open_channel(ChannelOwner& owner) {
    channels_[++channels_opened_].owner = &owner;
    if (open_) send(channels_opened_, ChannelOpen{});
    return channels_opened_;
}

void AmqpPeer::publish(std::uint16_t channel, const BasicPublish& method, const Content& content) {
    Bytes out;
    write_publish(out, channel, method, content, frame_max_);
    write(out);
}

void AmqpPeer::close_channel(std::uint16_t channel) {
    send(channel, ChannelClose{.reply_code = 200, .reply_text = "bye"});
}

void AmqpPeer::close() {
    if (!usable()) return;
    link_->mark_closing();
    send(0, ConnectionClose{.reply_code = 200, .reply_text = "bye"});
}

void AmqpPeer::drop() { gone({0, "dropped"}); }

void AmqpPeer::gone(const ChannelEnd& end) {
    if (over_) return;
    const auto self = shared_from_this();  // the owners let go of it
    over_ = true;
    link_->client_close();
    for (auto& [number, channel] : std::exchange(channels_, {})) channel.owner->on_gone(end);
}

void AmqpPeer::end_channel(std::uint16_t number, const ChannelEnd& end) {
    ChannelOwner* owner = channels_.at(number).owner;
    channels_.erase(number);
    owner->on_gone(end);
}

void AmqpPeer::on_bytes(ByteView bytes) {
    const auto self = shared_from_this();  // the owner may let go of it
    last_heard_ = world_.time();
    append(in_, bytes);
    std::size_t used = 0;
    Frame frame;
    while (!over_) {
        const auto status = next_frame(ByteView(in_).subspan(used), frame_max_, frame);
        if (!status) {
            world_.fail("the broker sent what is no frame: " + status.error().message);
            return;
        }
        if (*status == FrameStatus::need_more) break;
        used += frame.wire_size;
        on_frame(frame);
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
}

void AmqpPeer::on_frame(const Frame& frame) {
    if (frame.type == FrameType::heartbeat) return;
    const auto at = channels_.find(frame.channel);
    if (frame.type != FrameType::method) {
        if (at != channels_.end()) on_content(at->second, frame);
        return;
    }
    const auto method = decode(frame.payload);
    if (!method) return world_.fail("a method that cannot be decoded: " + method.error().message);
    if (frame.channel == 0) return on_connection_method(*method);
    if (at == channels_.end()) return world_.fail("a method on a channel that is not open");
    Channel& channel = at->second;
    if (!channel.method_frame.empty()) return world_.fail("a method where content was due");
    const bool has_content = std::visit([](const auto& m) { return m.has_content; }, *method);
    if (has_content) channel.method_frame = to_bytes(frame.payload);
    else on_channel_method(frame.channel, *method);
}

void AmqpPeer::on_content(Channel& channel, const Frame& frame) {
    if (frame.type == FrameType::header) {
        const auto header = decode_content_header(frame.payload);
        if (!header || channel.method_frame.empty()) return world_.fail("a content header out of place");
        channel.property_bytes = to_bytes(header->property_bytes);
        channel.body_left = header->body_size;
    } else {
        if (!channel.body_left || frame.payload.size() > *channel.body_left)
            return world_.fail("a body frame out of place");
        append(channel.body, frame.payload);
        *channel.body_left -= frame.payload.size();
    }
    if (*channel.body_left == 0) end_content(channel);
}

void AmqpPeer::start(const ConnectionStart&) {
    record::FieldTableBuilder capabilities;
    for (const char* name : {"basic.nack", "consumer_cancel_notify", "connection.blocked"})
        capabilities.set_bool(name, true);
    record::FieldTableBuilder properties;
    properties.set_table("capabilities", capabilities.view());
    send(0, ConnectionStartOk{.client_properties = properties.view().bytes(),
                              .mechanism = "PLAIN",
                              .response = std::string_view("\0guest\0guest", 12),
                              .locale = "en_US"});
}

void AmqpPeer::on_connection_method(const Method& method) {
    if (const auto* begun = std::get_if<ConnectionStart>(&method)) {
        start(*begun);
    } else if (const auto* tune = std::get_if<ConnectionTune>(&method)) {
        send(0, ConnectionTuneOk{
                    .channel_max = tune->channel_max, .frame_max = tune->frame_max, .heartbeat = heartbeat_s_});
        send(0, ConnectionOpen{.virtual_host = "/"});
    } else if (std::holds_alternative<ConnectionOpenOk>(method)) {
        open_ = true;
        for (const auto& [number, channel] : channels_) send(number, ChannelOpen{});
    } else if (const auto* close = std::get_if<ConnectionClose>(&method)) {
        send(0, ConnectionCloseOk{});
        gone({close->reply_code, std::string(close->reply_text), true});
    } else if (std::holds_alternative<ConnectionCloseOk>(method)) {
        gone({0, "closed", true});
    }
}

void AmqpPeer::on_channel_method(std::uint16_t number, const Method& method) {
    ChannelOwner& owner = *channels_.at(number).owner;
    if (std::holds_alternative<ChannelOpenOk>(method)) {
        owner.on_open();
    } else if (const auto* close = std::get_if<ChannelClose>(&method)) {
        send(number, ChannelCloseOk{});
        end_channel(number, {close->reply_code, std::string(close->reply_text), true});
    } else if (std::holds_alternative<ChannelCloseOk>(method)) {
        end_channel(number, {0, "channel closed", true});
    } else {
        owner.on_method(method);
    }
}

void AmqpPeer::end_content(Channel& channel) {
    const Bytes frame = std::exchange(channel.method_frame, {});
    const Bytes properties = std::exchange(channel.property_bytes, {});
    const Bytes body = std::exchange(channel.body, {});
    channel.body_left.reset();
    const auto method = decode(frame);
    const auto parsed = record::Properties::parse(properties);
    if (!parsed) return world_.fail("a message with broken properties");
    channel.owner->on_message(*method, *parsed, body);
}

}  // namespace fantail::sim
