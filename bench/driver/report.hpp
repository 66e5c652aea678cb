// SPDX-License-Identifier: Apache-2.0
//! The one JSON line that a run prints, and the way a run ends when it cannot go on.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "driver/histogram.hpp"

namespace fantail::bench {

/// Collects `name: value` pairs and prints them as one flat JSON object. Names are plain ASCII identifiers.
class Report final {
public:
    void add(std::string_view name, double value);
    void add(std::string_view name, std::uint64_t value);
    void add_text(std::string_view name, std::string_view value);
    void add_flag(std::string_view name, bool value);
    /// Adds `<name>_p50_us`, `_p99_us`, `_p99_9_us`, `_max_us`, `_mean_us` and `<name>_samples`.
    void add_latency(std::string_view name, const Histogram& histogram);
    /// Writes the object and a line end to standard output.
    void print() const;

private:
    void add_raw(std::string_view name, std::string_view json);
    std::string fields_;
};

/// Prints `{"error": …}` and ends the process with status 1: a load driver has nobody to hand an error to.
[[noreturn]] void fail(std::string_view what);

/// Ends the process with status 3 and an `error` line after `seconds`, so that no run can hang.
void arm_watchdog(unsigned seconds);

/// Nanoseconds of CLOCK_MONOTONIC, the clock that every process of the machine shares.
[[nodiscard]] std::int64_t now_ns();

}  // namespace fantail::bench
