// SPDX-License-Identifier: Apache-2.0
//! Tests of the pace, and of the correction for coordinated omission.
#include "driver/paced_latency.hpp"

#include <gtest/gtest.h>

namespace fantail::bench {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t us = 1'000;

TEST(Pace, SaysWhatIsDue) {
    const Pace pace(10 * ms, 1'000);
    EXPECT_EQ(pace.due(9 * ms), 0U);
    EXPECT_EQ(pace.due(10 * ms), 1U);
    EXPECT_EQ(pace.due(11 * ms - 1), 1U);
    EXPECT_EQ(pace.due(11 * ms), 2U);
    EXPECT_EQ(pace.intended(2), 12 * ms);
}

TEST(Pace, IsDueExactlyAtItsIntendedTimeWhateverTheRate) {
    for (const double rate : {1.0, 3.0, 7'000.0, 99'999.0}) {
        const Pace pace(12'345, rate);
        for (std::uint64_t number = 0; number < 1'000; ++number) {
            EXPECT_EQ(pace.due(pace.intended(number)), number + 1) << rate;
            EXPECT_EQ(pace.due(pace.intended(number) - 1), number) << rate;
        }
    }
}

/// A server that takes 100 us a message, and nothing for 200 ms in the middle of 2 s: the sender is held up with it.
PacedLatency with_a_stall() {
    const Pace pace(0, 1'000);
    PacedLatency latency(pace);
    std::int64_t free_at = 0;
    for (std::uint64_t number = 0; number < 2'000; ++number) {
        std::int64_t sent = std::max(pace.intended(number), free_at);
        const bool stalls = number == 1'000;
        free_at = sent + (stalls ? 200 * ms : 100 * us);
        latency.record(number, sent, free_at);
    }
    return latency;
}

TEST(PacedLatency, CountsWhatAHeldUpSenderDidNotSend) {
    const PacedLatency latency = with_a_stall();
    // One message in 2000 is slow by the time of sending; by the intended time all those that should have gone meanwhile are.
    EXPECT_LT(latency.uncorrected().percentile(99.9), 200 * us);
    EXPECT_GT(latency.corrected().percentile(99.9), 190 * ms);
    EXPECT_GT(latency.corrected().percentile(95), 50 * ms);
    EXPECT_EQ(latency.corrected().count(), latency.uncorrected().count());
}

TEST(PacedLatency, IsTheSameBothWaysWhileNothingHoldsTheSenderUp) {
    const Pace pace(0, 1'000);
    PacedLatency latency(pace);
    for (std::uint64_t number = 0; number < 100; ++number)
        latency.record(number, pace.intended(number), pace.intended(number) + 300 * us);
    EXPECT_EQ(latency.corrected().percentile(50), latency.uncorrected().percentile(50));
    EXPECT_EQ(latency.corrected().max(), latency.uncorrected().max());
}

}  // namespace
}  // namespace fantail::bench
