// SPDX-License-Identifier: Apache-2.0
//! Nanoseconds a message for the hot paths of the AMQP 0-9-1 codec, by body size.
#include <benchmark/benchmark.h>

#include "protocols/amqp091/basic_properties.hpp"
#include "protocols/amqp091/content.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::uint32_t frame_max = 131072;
constexpr std::size_t batch = 64;

Bytes typical_properties() {
    BasicProperties m{.content_type = "application/octet-stream", .delivery_mode = 2, .message_id = "0123456789abcdef"};
    m.mark(BasicProperty::content_type);
    m.mark(BasicProperty::delivery_mode);
    m.mark(BasicProperty::message_id);
    Bytes out;
    append_properties(out, m);
    return out;
}

Bytes published(std::size_t body_size, std::size_t count) {
    const Bytes body(body_size, 'b');
    const Bytes properties = typical_properties();
    Bytes out;
    for (std::size_t i = 0; i < count; ++i) {
        write_publish(out, 1, {.exchange = "orders", .routing_key = "orders.created.eu"}, {properties, body},
                      frame_max);
    }
    return out;
}

void publish_decode_whole(benchmark::State& state) {
    const Bytes in = published(static_cast<std::size_t>(state.range(0)), batch);
    for (auto _ : state) {
        ByteView left = in;
        WholePublish message;
        while (take_whole_publish(left, frame_max, message)) {
            benchmark::DoNotOptimize(message);
            left = left.subspan(message.wire_size);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(publish_decode_whole)->Arg(100)->Arg(1024);

void publish_decode_frame_by_frame(benchmark::State& state) {
    const Bytes in = published(static_cast<std::size_t>(state.range(0)), batch);
    for (auto _ : state) {
        ByteView left = in;
        Frame frame;
        while (*next_frame(left, frame_max, frame) == FrameStatus::complete) {
            if (frame.type == FrameType::method) benchmark::DoNotOptimize(decode(frame.payload));
            if (frame.type == FrameType::header) benchmark::DoNotOptimize(decode_content_header(frame.payload));
            left = left.subspan(frame.wire_size);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(publish_decode_frame_by_frame)->Arg(100)->Arg(1024);

void properties_decode(benchmark::State& state) {
    const Bytes in = typical_properties();
    for (auto _ : state) benchmark::DoNotOptimize(decode_properties(in));
}
BENCHMARK(properties_decode);

void deliver_encode(benchmark::State& state) {
    const Bytes body(static_cast<std::size_t>(state.range(0)), 'b');
    const Bytes properties = typical_properties();
    Bytes out;
    std::uint64_t tag = 0;
    for (auto _ : state) {
        out.clear();
        for (std::size_t i = 0; i < batch; ++i) {
            write_deliver(out, 1,
                          {.consumer_tag = "amq.ctag-0123456789abcdefghijkl",
                           .delivery_tag = ++tag,
                           .exchange = "orders",
                           .routing_key = "orders.created.eu"},
                          {properties, body}, frame_max);
        }
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(deliver_encode)->Arg(100)->Arg(1024);

void ack_decode(benchmark::State& state) {
    Bytes in;
    FrameWriter(in).method(1, BasicAck{.delivery_tag = 77, .multiple = true});
    for (auto _ : state) {
        Frame frame;
        benchmark::DoNotOptimize(in.data());
        if (!take_frame(in, frame_max, frame) || method_id(frame.payload) != MethodId::basic_ack)
            state.SkipWithError("no ack");
        BasicAck m;
        Reader arguments(frame.payload.subspan(4));
        decode_into(m, arguments);
        benchmark::DoNotOptimize(m);
    }
}
BENCHMARK(ack_decode);

}  // namespace
}  // namespace fantail::amqp091
