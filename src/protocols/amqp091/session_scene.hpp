// SPDX-License-Identifier: Apache-2.0
//! A scripted client at one end of a session and a fake broker at the other.
#pragma once

#include <string>
#include <vector>

#include "protocols/amqp091/basic_properties.hpp"
#include "protocols/amqp091/codec_test_values.hpp"
#include "protocols/amqp091/content.hpp"
#include "protocols/amqp091/fake_broker.hpp"
#include "protocols/amqp091/session.hpp"
#include "record/envelope.hpp"

namespace fantail::amqp091 {

/// Encodes properties from a struct whose flags need not be set: empty fields are absent.
inline Bytes properties_of(const record::Properties& properties) {
    Bytes out;
    properties.encode(out);
    return out;
}

/// A batch as the publisher of an earlier time would have stored it.
struct BatchMaker {
    record::BatchBuilder builder;
    BatchMaker& add(std::string_view exchange, std::string_view key, ByteView properties, std::string_view body) {
        Bytes envelope;
        record::encode_envelope(envelope, properties, exchange);
        builder.append_message(WallTime{1}, as_bytes(key), envelope, as_bytes(body));
        return *this;
    }
    [[nodiscard]] SharedBytes finish() { return std::make_shared<const Bytes>(builder.finish(Offset(0))); }
};

struct Scene {
    explicit Scene(AmqpOptions options = {})
        : session(broker, std::make_shared<const AmqpOptions>(std::move(options))) {}

    FakeBroker broker;
    Session session;
    Bytes input;   ///< encoded and not yet sent
    Bytes unread;  ///< what the session left of the last read

    // --- the client's side
    template <class M>
    Scene& send(std::uint16_t channel, const M& method) {
        FrameWriter(input).method(channel, method);
        return *this;
    }
    Scene& publish(std::uint16_t channel, const BasicPublish& method, std::string_view body, ByteView properties = {}) {
        write_publish(input, channel, method, {properties, as_bytes(body)}, 131072);
        return *this;
    }
    Scene& raw(ByteView bytes) {
        input.insert(input.end(), bytes.begin(), bytes.end());
        return *this;
    }
    /// Hands over what was encoded and runs one turn.
    Scene& turn() {
        const Bytes fresh = std::exchange(input, Bytes());
        unread.insert(unread.end(), fresh.begin(), fresh.end());
        read();
        do {
            if (std::exchange(broker.resumed, 0) != 0) read();
            while (!broker.events.empty()) {
                broker::Event event = std::move(broker.events.front());
                broker.events.pop_front();
                if (!broker.closed) session.on_event(event);
            }
            if (!broker.closed) session.end_of_turn();
        } while (!broker.events.empty() || broker.resumed != 0);
        return *this;
    }
    Scene& give(broker::Event event) {
        broker.events.push_back(std::move(event));
        return *this;
    }

    /// The handshake, up to a running connection without channels; forgets what was said.
    Scene& connect(const std::vector<std::string>& capabilities = {"basic.nack", "consumer_cancel_notify",
                                                                   "connection.blocked"}) {
        record::FieldTableBuilder table;
        for (const std::string& name : capabilities) table.set_bool(name, true);
        record::FieldTableBuilder client;
        client.set_table("capabilities", table.view());
        client.set_text("connection_name", "test client");
        raw(protocol_header).turn();
        send(0, ConnectionStartOk{.client_properties = client.view().bytes(),
                                  .mechanism = "PLAIN",
                                  .response = std::string_view("\0guest\0guest", 12),
                                  .locale = "en_US"});
        send(0, ConnectionTuneOk{.channel_max = 2047, .frame_max = 131072, .heartbeat = 60})
            .send(0, ConnectionOpen{.virtual_host = "/"})
            .turn();
        said();
        return *this;
    }
    Scene& open(std::uint16_t channel) {
        send(channel, ChannelOpen{}).turn();
        said();
        return *this;
    }

    /// A consumer of `queue` on `channel`, with what was said of it forgotten.
    ConsumerId consume(std::uint16_t channel, std::string_view queue, std::string_view tag, bool no_ack = false) {
        send(channel, BasicConsume{.queue = queue, .consumer_tag = tag, .no_ack = no_ack}).turn();
        said();
        return broker.all<broker::AddConsumer>().back().consumer;
    }

    /// What the session has said since the last call: "1 basic.ack delivery_tag=1;multiple=0;" and for messages
    /// " [properties bytes] body".
    std::vector<std::string> said() {
        std::vector<std::string> out;
        ByteView rest = broker.output;
        if (as_text(rest).starts_with("AMQP")) {
            out.emplace_back("AMQP");
            rest = rest.subspan(8);
        }
        Frame frame;
        while (!rest.empty() && take_frame(rest, 1u << 30, frame)) {
            rest = rest.subspan(frame.wire_size);
            out.push_back(describe(frame, out));
            if (out.back().empty()) out.pop_back();
        }
        FANTAIL_ASSERT(rest.empty());
        broker.output.clear();
        return out;
    }
    std::vector<Bytes> properties_said;  ///< of the messages in said(), in order

private:
    void read() {
        if (!unread.empty() && !broker.closed) {
            const std::size_t used = session.on_bytes(unread);
            unread.erase(unread.begin(), unread.begin() + static_cast<std::ptrdiff_t>(used));
        }
        if (!broker.closed) session.end_of_input();
    }
    std::string describe(const Frame& frame, std::vector<std::string>& before) {
        if (frame.type == FrameType::heartbeat) return "heartbeat";
        if (frame.type == FrameType::header) {
            const auto header = decode_content_header(frame.payload).value();
            properties_said.emplace_back(header.property_bytes.begin(), header.property_bytes.end());
            before.back() += " ";
            return {};
        }
        if (frame.type == FrameType::body) {
            before.back() += as_text(frame.payload);
            return {};
        }
        const auto method = decode(frame.payload).value();
        return std::visit(
            [&](const auto& m) {
                if (m.id == MethodId::connection_start) return std::string("0 connection.start");
                return std::to_string(frame.channel) + " " + std::string(method_name(m.id)) + " " + describe_fields(m);
            },
            method);
    }
};

}  // namespace fantail::amqp091
