// SPDX-License-Identifier: Apache-2.0
//! Time as plain values: nobody below the rim reads a clock, time is handed in.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace fantail {

/// Wall-clock time in milliseconds since 1970-01-01T00:00Z. Stored in records; may step.
struct WallTime {
    std::int64_t ms = 0;
    constexpr auto operator<=>(const WallTime&) const = default;
};

/// Monotonic time in nanoseconds since an arbitrary start of the process's machine. Never stored.
struct MonoTime {
    std::int64_t ns = 0;
    constexpr auto operator<=>(const MonoTime&) const = default;
    [[nodiscard]] constexpr MonoTime plus_ms(std::int64_t ms) const { return {ns + ms * 1'000'000}; }
    [[nodiscard]] static constexpr MonoTime never() { return {std::numeric_limits<std::int64_t>::max()}; }
};

/// Both clocks, read once per turn of a core's loop and handed to everything that runs in that turn.
struct Now {
    WallTime wall;
    MonoTime mono;
};

}  // namespace fantail
