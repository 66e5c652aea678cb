// SPDX-License-Identifier: Apache-2.0
//! Notices that the wall clock was set.
#pragma once

#include <cstdlib>
#include <optional>

#include "base/time.hpp"

namespace fantail {

/// Timers run by the monotonic clock and due times are wall times: whoever made one of the other makes it anew when this
/// says so. Drift adds up until it counts as a step.
class ClockStep {
public:
    static constexpr std::int64_t tolerance_ms = 100;

    /// Whether the wall clock has moved otherwise than the monotonic one since the last call that said so (or the first).
    [[nodiscard]] bool seen(const Now& now) {
        const std::int64_t apart_ms = now.wall.ms - now.mono.ns / 1'000'000;
        if (apart_ms_ && std::abs(apart_ms - *apart_ms_) <= tolerance_ms) [[likely]]
            return false;
        const bool first = !apart_ms_;
        apart_ms_ = apart_ms;
        return !first;
    }

private:
    std::optional<std::int64_t> apart_ms_;
};

}  // namespace fantail
