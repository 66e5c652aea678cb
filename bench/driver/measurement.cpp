// SPDX-License-Identifier: Apache-2.0
//! The main thread's side of a run: it sleeps, samples and divides.
#include "driver/measurement.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "driver/process_stats.hpp"

namespace fantail::bench {
namespace {
constexpr double poll_seconds = 0.02;
}

void sleep_seconds(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

Snapshot take_snapshot(const RunState& state, const Options& options) {
    return {
        .at_ns = now_ns(),
        .published = state.published.load(),
        .confirmed = state.confirmed.load(),
        .delivered = state.delivered.load(),
        .server_cpu = process_cpu_seconds(options.server_pid),
        .driver_cpu = own_cpu_seconds(),
        .machine_busy = machine_busy_seconds(),
    };
}

void report_interval(Report& report, const Snapshot& from, const Snapshot& to, std::uint64_t messages) {
    const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
    const double millions = static_cast<double>(messages) / 1e6;
    const double server = to.server_cpu - from.server_cpu;
    const double driver = to.driver_cpu - from.driver_cpu;
    const auto rate = [&](std::uint64_t a, std::uint64_t b) { return static_cast<double>(b - a) / seconds; };
    report.add("seconds", seconds);
    report.add("published_per_s", rate(from.published, to.published));
    report.add("accepted_per_s", rate(from.confirmed, to.confirmed));
    report.add("delivered_per_s", rate(from.delivered, to.delivered));
    report.add("server_cpu_s_per_m", server / millions);
    report.add("driver_cpu_s_per_m", driver / millions);
    report.add("server_cores", server / seconds);
    report.add("driver_cores", driver / seconds);
    report.add("other_cores", (to.machine_busy - from.machine_busy - server - driver) / seconds);
}

Interval measure(RunState& state, const Options& options) {
    // A counted run has no messages to spare for warming up.
    if (options.count == 0) sleep_seconds(options.warmup);
    Interval out;
    out.from = take_snapshot(state, options);
    state.measuring = true;
    const std::int64_t until = out.from.at_ns + static_cast<std::int64_t>(options.seconds * 1e9);
    while (now_ns() < until) {
        if (state.producer_done && state.delivered >= state.published) break;
        sleep_seconds(std::min(poll_seconds, std::max(0.0005, static_cast<double>(until - now_ns()) / 1e9)));
    }
    state.measuring = false;
    out.to = take_snapshot(state, options);
    state.stop_producer = true;
    return out;
}

bool await_deliveries(const RunState& state, std::uint64_t goal, double stall_seconds) {
    std::uint64_t seen = state.delivered;
    std::int64_t moved_ns = now_ns();
    while (state.delivered < goal) {
        sleep_seconds(poll_seconds);
        if (state.delivered != seen) {
            seen = state.delivered;
            moved_ns = now_ns();
        } else if (static_cast<double>(now_ns() - moved_ns) > stall_seconds * 1e9) {
            return false;
        }
    }
    return true;
}

Report start_report(const Options& options) {
    Report report;
    report.add_text("workload", options.workload);
    report.add("size", std::uint64_t{options.size});
    return report;
}

}  // namespace fantail::bench
