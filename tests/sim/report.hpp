// SPDX-License-Identifier: Apache-2.0
//! Adds runs up, and tells what failed in a way that can be repeated.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sim/run.hpp"

namespace fantail::sim {

class Report {
public:
    static constexpr std::size_t failures_max = 5;  ///< more say nothing new

    /// What to tell of a failure.
    enum class Detail : std::uint8_t { line, whole, shrunk };

    explicit Report(Detail detail) : detail_(detail), started_(std::chrono::steady_clock::now()) {}
    /// Prints a failure at once, shrunk and with its history.
    void add(const RunOptions& options, const Outcome& outcome);
    void print_totals() const;
    [[nodiscard]] std::size_t failed() const { return failed_; }
    [[nodiscard]] double elapsed_s() const;

private:
    static void print_history(const Outcome& outcome, bool whole);
    void explain(const RunOptions& options, const Outcome& outcome) const;

    Detail detail_;
    std::chrono::steady_clock::time_point started_;
    std::size_t passed_ = 0;
    std::size_t failed_ = 0;
    std::size_t faults_ = 0;
    std::int64_t simulated_ns_ = 0;
    Counts totals_;
};

}  // namespace fantail::sim
