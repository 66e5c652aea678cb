// SPDX-License-Identifier: Apache-2.0
//! What a record costs: append, append in pieces, iterate, skip, scan and envelope, in ns per record (items per second inverted).
#include <benchmark/benchmark.h>
#include <malloc.h>

#include "record/batch.hpp"
#include "record/envelope.hpp"

namespace fantail::record {
namespace {

constexpr int records_per_batch = 100;

// Else glibc gives a freed batch back to the kernel each time, and page faults are all that is measured.
const bool heap_is_kept = mallopt(M_TRIM_THRESHOLD, 64 << 20) == 1 && mallopt(M_MMAP_THRESHOLD, 16 << 20) == 1;

Bytes typical_properties() {
    Properties p;
    p.content_type = "application/octet-stream";
    p.delivery_mode = delivery_mode_persistent;
    p.message_id = "0123456789abcdef";
    Bytes out;
    p.encode(out);
    return out;
}

Bytes typical_envelope() {
    Bytes out;
    encode_envelope(out, typical_properties(), "orders");
    return out;
}

Bytes batch_of(std::size_t value_size) {
    BatchBuilder builder;
    const Bytes value(value_size, 'v'), envelope = typical_envelope();
    for (int i = 0; i < records_per_batch; ++i)
        builder.append_message({1000 + i}, as_bytes("routing.key"), envelope, value);
    return builder.finish(Offset(0));
}

void count_records(benchmark::State& state) {
    state.SetItemsProcessed(state.iterations() * records_per_batch);
    state.counters["s_per_record"] = benchmark::Counter(
        records_per_batch, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void append(benchmark::State& state) {
    BatchBuilder builder;
    const Bytes value(static_cast<std::size_t>(state.range(0)), 'v'), envelope = typical_envelope();
    for (auto _ : state) {
        for (int i = 0; i < records_per_batch; ++i)
            builder.append_message({1000 + i}, as_bytes("routing.key"), envelope, value);
        benchmark::DoNotOptimize(builder.size());
        builder.clear();
    }
    count_records(state);
}
BENCHMARK(append)->Arg(0)->Arg(100)->Arg(1024);

void append_and_finish(benchmark::State& state) {
    BatchBuilder builder;
    const Bytes value(static_cast<std::size_t>(state.range(0)), 'v'), envelope = typical_envelope();
    for (auto _ : state) {
        for (int i = 0; i < records_per_batch; ++i)
            builder.append_message({1000 + i}, as_bytes("routing.key"), envelope, value);
        Bytes batch = builder.finish(Offset(0));
        benchmark::DoNotOptimize(batch.data());
    }
    count_records(state);
}
BENCHMARK(append_and_finish)->Arg(100)->Arg(1024);

void append_in_two_pieces(benchmark::State& state) {
    BatchBuilder builder;
    const Bytes value(static_cast<std::size_t>(state.range(0)), 'v'), envelope = typical_envelope();
    const ByteView whole(value);
    for (auto _ : state) {
        for (int i = 0; i < records_per_batch; ++i) {
            builder.begin_message({1000 + i}, as_bytes("routing.key"), envelope, value.size());
            builder.append_value(whole.first(value.size() / 2));
            builder.append_value(whole.subspan(value.size() / 2));
        }
        benchmark::DoNotOptimize(builder.size());
        builder.clear();
    }
    count_records(state);
}
BENCHMARK(append_in_two_pieces)->Arg(100)->Arg(1024);

void iterate(benchmark::State& state) {
    const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)));
    const BatchView view = BatchView::parse(batch).value();
    for (auto _ : state) {
        RecordCursor cursor = view.records().value();
        RecordView record;
        while (cursor.next(record)) benchmark::DoNotOptimize(record);
    }
    count_records(state);
}
BENCHMARK(iterate)->Arg(100)->Arg(1024);

void skip(benchmark::State& state) {
    const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)));
    const BatchView view = BatchView::parse(batch).value();
    for (auto _ : state) {
        RecordCursor cursor = view.records().value();
        benchmark::DoNotOptimize(cursor.skip(records_per_batch));
    }
    count_records(state);
}
BENCHMARK(skip)->Arg(100)->Arg(1024);

void verify_crc(benchmark::State& state) {
    const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)));
    const BatchView view = BatchView::parse(batch).value();
    for (auto _ : state) benchmark::DoNotOptimize(view.verify_crc());
    count_records(state);
}
BENCHMARK(verify_crc)->Arg(100)->Arg(1024);

void scan(benchmark::State& state) {
    const Bytes properties = typical_properties();
    for (auto _ : state) benchmark::DoNotOptimize(scan_properties(properties));
}
BENCHMARK(scan);

void write_envelope(benchmark::State& state) {
    const Bytes properties = typical_properties();
    Bytes out;
    for (auto _ : state) {
        out.clear();
        encode_envelope(out, properties, "orders");
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_envelope);

void parse_envelope(benchmark::State& state) {
    const Bytes envelope = typical_envelope();
    for (auto _ : state) benchmark::DoNotOptimize(EnvelopeView::parse(envelope));
}
BENCHMARK(parse_envelope);

}  // namespace
}  // namespace fantail::record
