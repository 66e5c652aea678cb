// SPDX-License-Identifier: Apache-2.0
//! A line on the terminal that says how far a long command has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fantail::cli {

/// Writes to stderr, twice a second at most, and only if that is a terminal.
class Progress {
public:
    Progress();
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Whether it is time for a new line: ask this first, it is cheap.
    [[nodiscard]] bool due();
    /// Replaces the line by `what` and the rate of `count` since the last.
    void show(const std::string& what, std::uint64_t count);

private:
    using Clock = std::chrono::steady_clock;
    bool terminal_;
    bool shown_ = false;
    std::uint32_t asked_ = 0;
    Clock::time_point last_ = Clock::now();
    std::uint64_t last_count_ = 0;
};

}  // namespace fantail::cli
