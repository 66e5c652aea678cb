// SPDX-License-Identifier: Apache-2.0
//! When a process is told to have rested.
#include "server/watch/rest_watch.hpp"

#include <gtest/gtest.h>

namespace fantail::server {
namespace {

struct Seconds {
    RestWatch watch;
    MonoTime now{0};
    std::int64_t cpu_ns = 0;
    bool pass(std::int64_t used_ms) {
        now = now.plus_ms(1000);
        cpu_ns += used_ms * 1'000'000;
        return watch.rested(cpu_ns, now);
    }
    int told(int seconds, std::int64_t used_ms) {
        int times = 0;
        for (int i = 0; i < seconds; ++i) times += pass(used_ms) ? 1 : 0;
        return times;
    }
};

TEST(RestWatch, TellsOnceWhenFiveSecondsHavePassedSinceTheWork) {
    Seconds process;
    EXPECT_FALSE(process.pass(500));
    EXPECT_EQ(process.told(4, 3), 0);
    EXPECT_TRUE(process.pass(3));
    EXPECT_EQ(process.told(60, 3), 0);
}

TEST(RestWatch, BeginsAnewWithEachWork) {
    Seconds process;
    EXPECT_EQ(process.told(10, 900), 0);
    EXPECT_EQ(process.told(4, 0), 0);
    EXPECT_FALSE(process.pass(30));
    EXPECT_EQ(process.told(4, 0), 0);
    EXPECT_EQ(process.told(10, 0), 1);
    EXPECT_FALSE(process.pass(900));
    EXPECT_EQ(process.told(10, 0), 1);
}

TEST(RestWatch, TakesTheStartForWork) {
    Seconds process;
    EXPECT_EQ(process.told(5, 1), 0);
    EXPECT_TRUE(process.pass(1));
    EXPECT_EQ(process.told(60, 1), 0);
}

}  // namespace
}  // namespace fantail::server
