// SPDX-License-Identifier: Apache-2.0
//! The machine's clocks by clock_gettime.
#include "sys/clock.hpp"

#include <ctime>

namespace fantail::sys {

Now SystemClock::now() const {
    timespec wall{};
    timespec mono{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    ::clock_gettime(CLOCK_MONOTONIC, &mono);
    return {.wall = {wall.tv_sec * 1'000 + wall.tv_nsec / 1'000'000},
            .mono = {mono.tv_sec * 1'000'000'000 + mono.tv_nsec}};
}

}  // namespace fantail::sys
