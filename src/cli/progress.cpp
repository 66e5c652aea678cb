// SPDX-License-Identifier: Apache-2.0
//! One line, rewritten in place.
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/table.hpp"

namespace fantail::cli {

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (shown_) fmt::print(stderr, "\n");
}

bool Progress::due() {
    // Reading the clock for every message would show at high rates.
    if (!terminal_ || (++asked_ & 63) != 0) return false;
    return Clock::now() - last_ >= std::chrono::milliseconds(500);
}

void Progress::show(const std::string& what, std::uint64_t count) {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    const double rate = seconds > 0 ? static_cast<double>(count - last_count_) / seconds : 0;
    fmt::print(stderr, "\r\033[K{}, {}/s", what, human_number(static_cast<std::int64_t>(rate)));
    std::fflush(stderr);
    shown_ = true;
    last_ = now;
    last_count_ = count;
}

}  // namespace fantail::cli
