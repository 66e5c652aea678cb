// SPDX-License-Identifier: Apache-2.0
//! A lane between two processes, and what its disk does without it.
#pragma once

#include <cstdint>
#include <string>

namespace fantail::bench {

struct LaneRun {
    std::string journal;  ///< memory, os or disk
    std::string address;
    std::size_t size = 1024;
    std::uint64_t count = 1;
    std::uint32_t window = 1000;  ///< 1: each message is acknowledged before the next one is sent
};

/// Prints messages per second from the first one posted to the last one acknowledged or, with a window of 1, the time from send to
/// acknowledgement; before and after it, for a journal on disk, a loop of pwrite and fdatasync of as many bytes over a file that is there.
void measure_lane(const LaneRun& run);

}  // namespace fantail::bench
