// SPDX-License-Identifier: Apache-2.0
//! Reads the clocks.
#include "kafka/usage.hpp"

#include <algorithm>

#include "driver/process_stats.hpp"

namespace fantail::bench::kafka {

Usage::Usage(const Options& options)
    : options_(options),
      begun_ns_(now_ns()),
      server_cpu_(process_cpu_seconds(options.server_pid)),
      driver_cpu_(own_cpu_seconds()),
      machine_busy_(machine_busy_seconds()) {}

void Usage::report(Report& report, std::uint64_t bytes) const {
    const double seconds = static_cast<double>(now_ns() - begun_ns_) / 1e9;
    const double server = process_cpu_seconds(options_.server_pid) - server_cpu_;
    const double driver = own_cpu_seconds() - driver_cpu_;
    const double others = machine_busy_seconds() - machine_busy_ - server - driver;
    const double megabytes = static_cast<double>(bytes) / 1e6;
    report.add("seconds", seconds);
    report.add("mb_per_s", megabytes / seconds);
    report.add("driver_cpu_s_per_gb", driver / (megabytes / 1e3));
    report.add("other_cores", std::max(0.0, others / seconds));
    if (options_.server_pid == 0) return;
    report.add("server_cpu_s_per_gb", server / (megabytes / 1e3));
    report.add("mb_per_s_and_core", megabytes / std::max(server, 1e-3));
    report.add("server_rss_mib", static_cast<double>(process_memory(options_.server_pid).resident) / (1 << 20));
}

}  // namespace fantail::bench::kafka
