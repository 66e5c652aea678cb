// SPDX-License-Identifier: Apache-2.0
//! clock_gettime and sched_getaffinity.
#include "sys/mono.hpp"

#include <sched.h>

#include <algorithm>
#include <ctime>

namespace fantail::sys {

MonoTime mono_now() {
    timespec mono{};
    ::clock_gettime(CLOCK_MONOTONIC, &mono);
    return {mono.tv_sec * 1'000'000'000 + mono.tv_nsec};
}

unsigned usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return std::max(1u, static_cast<unsigned>(CPU_COUNT(&set)));
}

}  // namespace fantail::sys
