// SPDX-License-Identifier: Apache-2.0
//! The opening, heartbeats, and the frames of a simulated client.
#include "sim/amqp_peer.hpp"

#include <variant>

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

AmqpPeer::AmqpPeer(World& world, std::shared_ptr<Link> link, std::uint16_t heartbeat_s, PeerOwner& owner)
    : world_(world), link_(std::move(link)), heartbeat_s_(heartbeat_s), owner_(&owner) {}

void AmqpPeer::open() {
    last_heard_ = world_.time();
    const std::weak_ptr<AmqpPeer> weak = weak_from_this();
    link_->attach_client({[weak](ByteView bytes) {
                              if (const auto self = weak.lock()) self->on_bytes(bytes);
                          },
                          [weak](bool) {
                              if (const auto self = weak.lock()) self->gone(0, "connection lost");
                          }});
    write(to_bytes(protocol_header));
    beat();
}

void AmqpPeer::beat() {
    if (owner_ == nullptr) return;
    const std::int64_t interval = heartbeat_s_ * second;
    if (world_.time() - last_heard_ > 2 * interval) {
        gone(0, "broker is silent");
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

void AmqpPeer::publish(const BasicPublish& method, const Content& content) {
    Bytes out;
    write_publish(out, channel, method, content, frame_max_);
    write(out);
}

void AmqpPeer::close() {
    Bytes out;
    FrameWriter(out).method(0, ConnectionClose{.reply_code = 200, .reply_text = "bye"});
    write(out);
}

void AmqpPeer::drop() {
    owner_ = nullptr;
    link_->client_close();
}

void AmqpPeer::gone(std::uint16_t code, const std::string& text) {
    if (owner_ == nullptr) return;
    PeerOwner* owner = std::exchange(owner_, nullptr);
    link_->client_close();
    owner->on_gone(code, text);
}

void AmqpPeer::on_bytes(ByteView bytes) {
    const auto self = shared_from_this();  // the owner may let go of it
    last_heard_ = world_.time();
    append(in_, bytes);
    std::size_t used = 0;
    Frame frame;
    while (owner_ != nullptr) {
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
    if (frame.type == FrameType::header) {
        const auto header = decode_content_header(frame.payload);
        if (!header || method_frame_.empty()) return world_.fail("a content header out of place");
        property_bytes_ = to_bytes(header->property_bytes);
        body_left_ = header->body_size;
        if (*body_left_ == 0) end_content();
        return;
    }
    if (frame.type == FrameType::body) {
        if (!body_left_ || frame.payload.size() > *body_left_) return world_.fail("a body frame out of place");
        append(body_, frame.payload);
        *body_left_ -= frame.payload.size();
        if (*body_left_ == 0) end_content();
        return;
    }
    if (!method_frame_.empty()) return world_.fail("a method where content was due");
    const auto method = decode(frame.payload);
    if (!method) return world_.fail("a method that cannot be decoded: " + method.error().message);
    const bool has_content = std::visit([](const auto& m) { return m.has_content; }, *method);
    if (has_content) method_frame_ = to_bytes(frame.payload);
    else if (frame.channel == 0) on_connection_method(*method);
    else on_channel_method(*method);
}

void AmqpPeer::on_connection_method(const Method& method) {
    Bytes out;
    FrameWriter writer(out);
    if (std::holds_alternative<ConnectionStart>(method)) {
        record::FieldTableBuilder capabilities;
        for (const char* name : {"basic.nack", "consumer_cancel_notify", "connection.blocked"})
            capabilities.set_bool(name, true);
        record::FieldTableBuilder properties;
        properties.set_table("capabilities", capabilities.view());
        writer.method(0, ConnectionStartOk{.client_properties = properties.view().bytes(),
                                           .mechanism = "PLAIN",
                                           .response = std::string_view("\0guest\0guest", 12),
                                           .locale = "en_US"});
    } else if (const auto* tune = std::get_if<ConnectionTune>(&method)) {
        writer.method(0,
                      ConnectionTuneOk{
                          .channel_max = tune->channel_max, .frame_max = tune->frame_max, .heartbeat = heartbeat_s_});
        writer.method(0, ConnectionOpen{.virtual_host = "/"});
    } else if (std::holds_alternative<ConnectionOpenOk>(method)) {
        writer.method(channel, ChannelOpen{});
    } else if (const auto* close = std::get_if<ConnectionClose>(&method)) {
        writer.method(0, ConnectionCloseOk{});
        write(out);
        gone(close->reply_code, std::string(close->reply_text));
        return;
    } else if (std::holds_alternative<ConnectionCloseOk>(method)) {
        gone(0, "closed");
        return;
    }
    if (!out.empty()) write(out);
}

void AmqpPeer::on_channel_method(const Method& method) {
    if (owner_ == nullptr) return;
    if (std::holds_alternative<ChannelOpenOk>(method)) owner_->on_open();
    else if (const auto* close = std::get_if<ChannelClose>(&method))
        gone(close->reply_code, std::string(close->reply_text));
    else owner_->on_method(method);
}

void AmqpPeer::end_content() {
    const Bytes frame = std::exchange(method_frame_, {});
    const Bytes properties = std::exchange(property_bytes_, {});
    const Bytes body = std::exchange(body_, {});
    body_left_.reset();
    const auto method = decode(frame);
    const auto parsed = record::Properties::parse(properties);
    if (!parsed) return world_.fail("a message with broken properties");
    if (owner_ != nullptr) owner_->on_message(*method, *parsed, body);
}

}  // namespace fantail::sim
