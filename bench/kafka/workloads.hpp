// SPDX-License-Identifier: Apache-2.0
//! What fantail-kafka-bench can do.
#pragma once
#include "driver/report.hpp"
#include "kafka/options.hpp"

namespace fantail::bench::kafka {

[[nodiscard]] Report run_produce(const Options& options);
[[nodiscard]] Report run_consume(const Options& options);
[[nodiscard]] Report run_latency(const Options& options);
[[nodiscard]] Report run_partitions(const Options& options);

}  // namespace fantail::bench::kafka
