// SPDX-License-Identifier: Apache-2.0
//! Handshake and dispatch of the blocking client.
#include "cli/amqp_client.hpp"

#include <algorithm>

#include "record/field_table.hpp"

namespace fantail::cli {

namespace {

using namespace amqp091;

constexpr int connect_timeout_ms = 10'000;
constexpr int reply_timeout_ms = 30'000;
/// Frames that we take; the broker's proposal counts if it is lower.
constexpr std::uint32_t frame_max_wanted = 131'072;
constexpr std::uint64_t message_size_max = 512u << 20;

Bytes client_properties() {
    record::FieldTableBuilder capabilities;
    for (const char* each : {"publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked",
                             "authentication_failure_close"})
        capabilities.set_bool(each, true);
    record::FieldTableBuilder properties;
    properties.set_text("product", "fantail");
    properties.set_text("connection_name", "fantail command line");
    properties.set_table("capabilities", capabilities.view());
    return properties.take();
}

template <class Close>
std::unexpected<Error> closed_by_broker(const Close& close) {
    return fail(ErrorCode::precondition_failed,
                "the broker refused: " + std::to_string(close.reply_code) + " " + std::string(close.reply_text));
}

}  // namespace

Result<AmqpClient> AmqpClient::connect(const AmqpUri& uri, AmqpHandlers handlers) {
    FANTAIL_TRY(BlockingSocket socket, BlockingSocket::connect(uri.host, uri.port, connect_timeout_ms));
    return open(std::move(socket), uri, std::move(handlers));
}

Result<AmqpClient> AmqpClient::open(BlockingSocket socket, const AmqpUri& uri, AmqpHandlers handlers) {
    AmqpClient client(std::move(socket), std::move(handlers));
    FANTAIL_CHECK(client.shake_hands(uri));
    return client;
}

Result<void> AmqpClient::shake_hands(const AmqpUri& uri) {
    append(out_, protocol_header);
    FANTAIL_CHECK(wait_for(MethodId::connection_start));
    const Bytes properties = client_properties();
    const std::string response = std::string(1, '\0') + uri.user + std::string(1, '\0') + uri.password;
    FrameWriter writer(out_);
    writer.method(0, ConnectionStartOk{properties, "PLAIN", response, "en_US"});
    FANTAIL_CHECK(wait_for(MethodId::connection_tune));
    // No heartbeats: a command that blocks on its input could not keep them.
    writer.method(0, ConnectionTuneOk{.channel_max = channel, .frame_max = frame_max_, .heartbeat = 0});
    if (uri.vhost.size() > shortstr_size_max)
        return fail(ErrorCode::malformed, "the vhost's name is longer than 255 bytes");
    writer.method(0, ConnectionOpen{.virtual_host = uri.vhost});
    FANTAIL_CHECK(wait_for(MethodId::connection_open_ok));
    return call(ChannelOpen{}, MethodId::channel_open_ok);
}

Result<void> AmqpClient::flush() {
    FANTAIL_CHECK(socket_.send(out_));
    out_.clear();
    return {};
}

Result<bool> AmqpClient::take_one() {
    Frame frame;
    FANTAIL_TRY(const FrameStatus status, next_frame(ByteView(in_).subspan(taken_), frame_max_, frame));
    if (status == FrameStatus::need_more) return false;
    taken_ += frame.wire_size;
    FANTAIL_CHECK(dispatch(frame));
    return true;
}

Result<std::size_t> AmqpClient::receive(int timeout_ms) {
    FANTAIL_CHECK(flush());
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    return socket_.receive(in_, timeout_ms);
}

Result<void> AmqpClient::pump(int timeout_ms) {
    FANTAIL_TRY(bool took, take_one());  // a reply that was awaited may have left some behind it
    if (!took) {
        FANTAIL_TRY(const std::size_t got, receive(timeout_ms));
        if (got == 0) return {};
    }
    do {
        FANTAIL_TRY(took, take_one());
    } while (took);
    return flush();
}

Result<void> AmqpClient::wait_for(MethodId reply) {
    last_ = MethodId{};
    FANTAIL_CHECK(flush());
    for (;;) {
        FANTAIL_TRY(const bool took, take_one());
        if (took && last_ == reply) return {};
        if (took) continue;
        FANTAIL_TRY(const std::size_t got, receive(reply_timeout_ms));
        if (got == 0) return fail(ErrorCode::unavailable, "the broker does not answer");
    }
}

Result<void> AmqpClient::close() {
    FrameWriter(out_).method(0, ConnectionClose{.reply_code = 200, .reply_text = "done"});
    return wait_for(MethodId::connection_close_ok);
}

Result<void> AmqpClient::dispatch(const Frame& frame) {
    switch (frame.type) {
        case FrameType::heartbeat: return {};
        case FrameType::method: {
            FANTAIL_TRY(const Method method, decode(frame.payload));
            return on_method(method);
        }
        case FrameType::header: {
            FANTAIL_TRY(const ContentHeader header, decode_content_header(frame.payload));
            if (!awaiting_header_) return fail(ErrorCode::malformed, "a content header out of turn");
            if (header.body_size > message_size_max) return fail(ErrorCode::too_large, "a message larger than 512 MiB");
            awaiting_header_ = false;
            body_left_ = header.body_size;
            if (body_left_ == 0) end_content();
            return {};
        }
        case FrameType::body:
            if (frame.payload.size() > body_left_) return fail(ErrorCode::malformed, "a body longer than announced");
            append(body_, frame.payload);
            body_left_ -= frame.payload.size();
            if (body_left_ == 0 && !frame.payload.empty()) end_content();
            return {};
    }
    return {};
}

void AmqpClient::begin_content(std::uint64_t tag) {
    tag_ = tag;
    awaiting_header_ = true;
    body_.clear();
}

void AmqpClient::end_content() {
    if (tag_ == 0) {
        if (handlers_.on_returned) handlers_.on_returned(returned_);
    } else if (handlers_.on_message) {
        handlers_.on_message(tag_, body_);
    }
}

Result<void> AmqpClient::on_method(const Method& method) {
    if (const auto* m = std::get_if<BasicDeliver>(&method)) {
        begin_content(m->delivery_tag);
    } else if (const auto* got = std::get_if<BasicGetOk>(&method)) {
        begin_content(got->delivery_tag);
    } else if (const auto* back = std::get_if<BasicReturn>(&method)) {
        returned_ = std::to_string(back->reply_code) + " " + std::string(back->reply_text);
        begin_content(0);
    } else if (const auto* ack = std::get_if<BasicAck>(&method)) {
        if (handlers_.on_confirm) handlers_.on_confirm(ack->delivery_tag, ack->multiple, true);
    } else if (const auto* nack = std::get_if<BasicNack>(&method)) {
        if (handlers_.on_confirm) handlers_.on_confirm(nack->delivery_tag, nack->multiple, false);
    } else if (std::holds_alternative<BasicGetEmpty>(method)) {
        if (handlers_.on_empty) handlers_.on_empty();
    } else if (std::holds_alternative<BasicCancel>(method)) {
        if (handlers_.on_cancelled) handlers_.on_cancelled();
    } else if (const auto* blocked = std::get_if<ConnectionBlocked>(&method)) {
        if (handlers_.on_blocked) handlers_.on_blocked(true, blocked->reason);
    } else if (std::holds_alternative<ConnectionUnblocked>(method)) {
        if (handlers_.on_blocked) handlers_.on_blocked(false, "");
    } else if (const auto* close = std::get_if<ConnectionClose>(&method)) {
        FrameWriter(out_).method(0, ConnectionCloseOk{});
        (void)flush();  // a courtesy; the reason matters more than whether it arrives
        return closed_by_broker(*close);
    } else if (const auto* channel_close = std::get_if<ChannelClose>(&method)) {
        return closed_by_broker(*channel_close);
    } else {
        if (const auto* tune = std::get_if<ConnectionTune>(&method); tune != nullptr && tune->frame_max != 0)
            frame_max_ = std::clamp(tune->frame_max, frame_max_min, frame_max_wanted);
        last_ = std::visit([](const auto& said) { return std::decay_t<decltype(said)>::id; }, method);
    }
    return {};
}

}  // namespace fantail::cli
