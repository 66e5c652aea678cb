// SPDX-License-Identifier: Apache-2.0
//! What the threads of a run share, and the figures taken at the start and the end of its measured time.
#pragma once
#include <atomic>
#include <cstdint>

#include "driver/options.hpp"
#include "driver/report.hpp"

namespace fantail::bench {

/// Progress and phase of a run; producer and consumer write their own counters, everybody reads.
struct RunState {
    alignas(64) std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> confirmed{0};
    std::atomic<bool> producer_done{false};
    alignas(64) std::atomic<std::uint64_t> delivered{0};
    alignas(64) std::atomic<bool> measuring{false};
    std::atomic<bool> stop_producer{false};
    std::atomic<bool> stop_consumer{false};
};

/// Counters and clocks at one moment.
struct Snapshot {
    std::int64_t at_ns = 0;
    std::uint64_t published = 0;
    std::uint64_t confirmed = 0;
    std::uint64_t delivered = 0;
    double server_cpu = 0;
    double driver_cpu = 0;
    double machine_busy = 0;
};

[[nodiscard]] Snapshot take_snapshot(const RunState& state, const Options& options);

/// Rates and CPU per million messages between two snapshots; `messages` is what CPU is divided by.
void report_interval(Report& report, const Snapshot& from, const Snapshot& to, std::uint64_t messages);

struct Interval {
    Snapshot from;
    Snapshot to;
};

/// Warms up (unless --count bounds the run), measures until the time is over or every message of --count arrived, then stops the producer.
[[nodiscard]] Interval measure(RunState& state, const Options& options);

/// Waits until `delivered` reaches `goal`, or nothing arrived for `stall_seconds`. True when reached.
bool await_deliveries(const RunState& state, std::uint64_t goal, double stall_seconds);

void sleep_seconds(double seconds);

/// A report that starts with the workload's name and size.
[[nodiscard]] Report start_report(const Options& options);

}  // namespace fantail::bench
