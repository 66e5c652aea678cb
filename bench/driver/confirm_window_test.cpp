// SPDX-License-Identifier: Apache-2.0
//! Tests of the bookkeeping of publisher confirms.
#include "driver/confirm_window.hpp"

#include <gtest/gtest.h>

namespace fantail::bench {
namespace {

TEST(ConfirmWindow, HasRoomForTheWindowAndNoMore) {
    ConfirmWindow window(3);
    EXPECT_EQ(window.room(), 3U);
    window.sent(3, 100);
    EXPECT_EQ(window.room(), 0U);
}

TEST(ConfirmWindow, SettlesEveryTagUpToAMultipleConfirm) {
    ConfirmWindow window(10);
    Histogram latency;
    window.sent(5, 100);
    window.confirm(3, true, 150, &latency);
    EXPECT_EQ(window.confirmed(), 3U);
    EXPECT_EQ(latency.count(), 3U);
    EXPECT_EQ(latency.max(), 50);
    EXPECT_FALSE(window.all_confirmed());
    window.confirm(0, true, 160, &latency);
    EXPECT_TRUE(window.all_confirmed());
}

TEST(ConfirmWindow, CountsWithoutGapOnlyUpToTheFirstOpenTag) {
    ConfirmWindow window(4);
    window.sent(4, 100);
    window.confirm(1, false, 110, nullptr);
    window.confirm(4, false, 110, nullptr);
    EXPECT_EQ(window.confirmed(), 2U);
    EXPECT_EQ(window.confirmed_without_gap(), 1U);
    window.confirm(3, true, 120, nullptr);
    EXPECT_EQ(window.confirmed_without_gap(), 4U);
}

TEST(ConfirmWindow, StopsBeforeOneLateConfirmIsOverwritten) {
    ConfirmWindow window(16);
    window.sent(1, 100);
    std::uint64_t tag = 1;
    for (int i = 0; i < 1'000 && window.room() > 0; ++i) {
        window.sent(1, 100);
        window.confirm(++tag, false, 110, nullptr);
    }
    EXPECT_EQ(window.room(), 0U);
    EXPECT_EQ(tag, 64U);
    window.confirm(1, false, 120, nullptr);
    EXPECT_EQ(window.confirmed_without_gap(), 64U);
    EXPECT_EQ(window.room(), 16U);
}

TEST(ConfirmWindow, EndsTheRunOnAConfirmOfSomethingUnsentOrSettled) {
    ConfirmWindow window(4);
    window.sent(2, 100);
    EXPECT_EXIT(window.confirm(3, false, 110, nullptr), testing::ExitedWithCode(1), "");
    window.confirm(2, false, 110, nullptr);
    EXPECT_EXIT(window.confirm(2, false, 110, nullptr), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace fantail::bench
