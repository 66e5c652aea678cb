// SPDX-License-Identifier: Apache-2.0
//! Nanoseconds a message of an AMQP 0-9-1 session between its bytes and the broker's commands, by body size.
#include <benchmark/benchmark.h>

#include "protocols/amqp091/session_scene.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::size_t batch_count = 256;

/// A running session whose broker records nothing.
struct BenchScene : Scene {
    BenchScene() {
        broker.topology.add_queue("orders");
        broker.topology.add_exchange("events", broker::ExchangeType::direct);
        broker.topology.bind("events", "orders", "orders.created.eu");
        connect().open(1);
    }
};

void publish(benchmark::State& state, std::string_view exchange, bool confirm) {
    BenchScene s;
    if (confirm) s.send(1, ConfirmSelect{}).turn();
    s.broker.records = false;
    const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
    const Bytes properties = properties_of({.content_type = "application/octet-stream", .delivery_mode = 2});
    const std::string key = exchange.empty() ? "orders" : "orders.created.eu";
    for (std::size_t i = 0; i < batch_count; ++i)
        s.publish(1, {.exchange = exchange, .routing_key = key}, body, properties);
    const Bytes input = std::exchange(s.input, Bytes());
    for (auto _ : state) {
        s.session.on_bytes(input);
        s.session.end_of_input();
        while (!s.broker.events.empty()) {
            s.session.on_event(s.broker.events.front());
            s.broker.events.pop_front();
        }
        s.session.end_of_turn();
        s.broker.output.clear();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch_count));
}
void publish_default_exchange(benchmark::State& state) { publish(state, "", false); }
void publish_direct_exchange(benchmark::State& state) { publish(state, "events", false); }
void publish_confirmed(benchmark::State& state) { publish(state, "events", true); }
BENCHMARK(publish_default_exchange)->Arg(100)->Arg(1024);
BENCHMARK(publish_direct_exchange)->Arg(100)->Arg(1024);
BENCHMARK(publish_confirmed)->Arg(100)->Arg(1024);

/// Deliveries of one batch, and their acks one by one in the next read.
void deliver(benchmark::State& state, bool acks) {
    BenchScene s;
    const ConsumerId consumer = s.consume(1, "orders", "amq.ctag-0123456789abcdef", !acks);
    s.broker.records = false;
    const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
    const Bytes properties = properties_of({.content_type = "application/octet-stream", .delivery_mode = 2});
    BatchMaker maker;
    for (std::size_t i = 0; i < batch_count; ++i) maker.add("events", "orders.created.eu", properties, body);
    const SharedBytes batch = maker.finish();
    const QueueId queue = s.broker.topology.queues["orders"].id;
    std::uint64_t tag = 0;
    Bytes ack_bytes;
    FrameWriter writer(ack_bytes);
    for (std::size_t i = 0; i < batch_count; ++i) writer.method(1, BasicAck{.delivery_tag = 0});
    const std::size_t ack_size = ack_bytes.size() / batch_count;
    std::uint64_t offset = 0;
    for (auto _ : state) {
        broker::Event event = broker::Deliver{
            .consumer = consumer, .queue = queue, .first = Offset(offset), .count = batch_count, .batch = batch};
        s.session.on_event(event);
        s.session.end_of_turn();
        benchmark::DoNotOptimize(s.broker.output.data());
        s.broker.output.clear();
        offset += batch_count;
        if (!acks) continue;
        for (std::size_t i = 0; i < batch_count; ++i)
            store_be(ack_bytes.data() + i * ack_size + frame_header_size + 4, ++tag);
        s.session.on_bytes(ack_bytes);
        s.session.end_of_input();
        s.session.end_of_turn();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch_count));
}
void deliver_settled(benchmark::State& state) { deliver(state, false); }
void deliver_and_ack(benchmark::State& state) { deliver(state, true); }
BENCHMARK(deliver_settled)->Arg(100)->Arg(1024);
BENCHMARK(deliver_and_ack)->Arg(100)->Arg(1024);

}  // namespace
}  // namespace fantail::amqp091
