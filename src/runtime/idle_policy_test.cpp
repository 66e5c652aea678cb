// SPDX-License-Identifier: Apache-2.0
//! When an idle core polls on.
#include "runtime/idle_policy.hpp"

#include <gtest/gtest.h>

namespace fantail::runtime {
namespace {

constexpr std::int64_t us = 1000;
constexpr MonoTime at(std::int64_t microseconds) { return MonoTime{1'000'000'000 + microseconds * us}; }

TEST(IdlePolicy, NeverPollsWithOneProcessor) {
    IdlePolicy policy(1);
    policy.worked(at(0));
    EXPECT_FALSE(policy.keep_polling(at(1), true));
}

TEST(IdlePolicy, PollsForAShortWhileAndLongerWhenTheDiskIsAboutToAnswer) {
    IdlePolicy policy(2);
    policy.worked(at(0));
    EXPECT_TRUE(policy.keep_polling(at(50), false));
    EXPECT_FALSE(policy.keep_polling(at(70), false));
    policy.worked(at(100));
    EXPECT_TRUE(policy.keep_polling(at(350), true));
    EXPECT_FALSE(policy.keep_polling(at(450), true));
}

TEST(IdlePolicy, PollingThatFindsNothingIsAShareOfTheTimeAsleep) {
    IdlePolicy policy(2);
    std::int64_t polled = 0;
    std::int64_t now = 0;
    for (int round = 0; round < 10'000; ++round) {
        policy.worked(at(now));
        const std::int64_t from = now;
        while (policy.keep_polling(at(now), false)) now += 10;
        polled += now - from;
        policy.slept(at(now), at(now + 500));
        now += 500;
    }
    EXPECT_LT(polled, now / 15);
}

TEST(IdlePolicy, PollingThatPaysGoesOn) {
    IdlePolicy policy(2);
    for (std::int64_t round = 0; round < 10'000; ++round) {
        policy.worked(at(round * 40));
        ASSERT_TRUE(policy.keep_polling(at(round * 40 + 10), false));
        ASSERT_TRUE(policy.keep_polling(at(round * 40 + 30), false));
    }
}

}  // namespace
}  // namespace fantail::runtime
