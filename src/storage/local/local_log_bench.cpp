// SPDX-License-Identifier: Apache-2.0
//! What the log itself costs: appends, settlements, flush and recovery over files in memory.
#include <benchmark/benchmark.h>

#include "storage/local/test_log.hpp"

namespace fantail::storage {
namespace {

LocalOptions options() {
    LocalOptions o;
    o.directory = "/data/shard-0";
    return o;
}

/// Batches of `size` bytes, settled at once: append, frame, checksum, write (a memcpy in the simulated disk).
void append_and_settle(benchmark::State& state) {
    SimulatedFiles disk(1);
    TestOwner owner(disk);
    if (!owner.open(options())) return state.SkipWithError("open");
    owner.settle_down();
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto batch = test_batch(1, 1, size);
    std::uint64_t base = 0;
    for (auto _ : state) {
        const Target target{StreamId(1), Offset(base)};
        owner.log->append_batch({.targets = {&target, 1}, .count = 1, .bytes = batch});
        owner.log->release(StreamId(1), Offset(base), Offset(base + 1));
        ++base;
        if (owner.log->undurable_bytes() > (4u << 20)) {
            owner.turn();
            disk.run();
            owner.turn();
            disk.run();
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}
BENCHMARK(append_and_settle)->Arg(1024)->Arg(64 << 10);

/// Opening after a kill with 64 MiB of unflushed batches of 64 KiB.
void recover(benchmark::State& state) {
    SimulatedFiles disk(1);
    {
        TestOwner owner(disk);
        if (!owner.open(options())) return state.SkipWithError("open");
        for (int i = 0; i < 1000; ++i) {
            owner.append(1, 64, 64 << 10);
            if (i % 16 == 15) owner.settle_down();
        }
        owner.settle_down();
        disk.crash();
    }
    for (auto _ : state) {
        TestOwner owner(disk);
        if (!owner.open(options())) return state.SkipWithError("open");
        disk.crash();
    }
}
BENCHMARK(recover)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fantail::storage
