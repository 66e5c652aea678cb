// SPDX-License-Identifier: Apache-2.0
//! Nanoseconds a request for the hot paths of the Kafka codec, by number of partitions.
#include <benchmark/benchmark.h>

#include "protocols/kafka/client_frame.hpp"
#include "protocols/kafka/data_client.hpp"

namespace fantail::kafka {
namespace {

const Bytes batch(1024, 'b');

Bytes produce_request(std::int16_t version, std::int64_t partitions) {
    ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
    ProduceRequest::Topic topic{.name = "orders"};
    for (std::int32_t i = 0; i < partitions; ++i) topic.partition_data.push_back({.index = i, .records = batch});
    request.topic_data = {topic};
    Bytes out;
    append_request(out, 1, "client", version, request);
    return out;
}

template <std::int16_t version>
void produce_decode(benchmark::State& state) {
    const Bytes in = produce_request(version, state.range(0));
    for (auto _ : state) {
        Frame frame;
        (void)next_frame(in, request_size_max, frame);
        const auto header = decode_request_header(frame.payload);
        const auto request = decode<ProduceRequest>(header->body, header->version);
        benchmark::DoNotOptimize(request->topic_data.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(produce_decode<7>)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK(produce_decode<9>)->Arg(1)->Arg(10)->Arg(100);

FetchResponse fetch_response(std::int64_t partitions) {
    FetchResponse::Topic topic{.topic = "orders"};
    for (std::int32_t i = 0; i < partitions; ++i) {
        FetchResponse::Partition partition{.partition_index = i, .high_watermark = 100, .last_stable_offset = 100};
        partition.records.first = batch;
        topic.partitions.push_back(partition);
    }
    FetchResponse response;
    response.responses = {topic};
    return response;
}

template <std::int16_t version>
void fetch_encode(benchmark::State& state) {
    const FetchResponse response = fetch_response(state.range(0));
    Bytes out;
    for (auto _ : state) {
        out.clear();
        append_response(out, 1, version, response);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fetch_encode<11>)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK(fetch_encode<16>)->Arg(1)->Arg(10)->Arg(100);

void produce_encode_response(benchmark::State& state) {
    ProduceResponse response;
    response.responses.resize(1);
    response.responses[0].name = "orders";
    response.responses[0].partition_responses.resize(static_cast<std::size_t>(state.range(0)));
    Bytes out;
    for (auto _ : state) {
        out.clear();
        append_response(out, 1, 9, response);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(produce_encode_response)->Arg(1)->Arg(100);

}  // namespace
}  // namespace fantail::kafka
