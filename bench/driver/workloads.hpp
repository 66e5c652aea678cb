// SPDX-License-Identifier: Apache-2.0
//! The workloads: each runs against the server of `options`, bounded by count and time, and returns its figures.
#pragma once
#include "driver/options.hpp"
#include "driver/report.hpp"

namespace fantail::bench {

[[nodiscard]] Report run_throughput(const Options& options);
[[nodiscard]] Report run_durable(const Options& options);
[[nodiscard]] Report run_latency(const Options& options);
[[nodiscard]] Report run_paced(const Options& options);
[[nodiscard]] Report run_fanout(const Options& options);
[[nodiscard]] Report run_backlog(const Options& options);
[[nodiscard]] Report run_idle(const Options& options);
[[nodiscard]] Report run_fill(const Options& options);
[[nodiscard]] Report run_drain(const Options& options);
[[nodiscard]] Report run_cold_start(const Options& options);
[[nodiscard]] Report run_self_check(const Options& options);

}  // namespace fantail::bench
