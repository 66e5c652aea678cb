// SPDX-License-Identifier: Apache-2.0
//! How reads shrink and grow.
#include "runtime/read_budget.hpp"

#include <gtest/gtest.h>

namespace fantail::runtime {
namespace {

TEST(ReadBudget, ShrinksFastWhileConsumersLagAndGrowsSlowlyWhenTheyDoNot) {
    ReadBudget budget;
    EXPECT_EQ(budget.size(), limits::read_size_max);
    budget.end_of_turn(true);
    EXPECT_EQ(budget.size(), limits::read_size_max / 2);
    budget.end_of_turn(false);
    EXPECT_EQ(budget.size(), limits::read_size_max / 2 + 1024);
    for (int turn = 0; turn < 20; ++turn) budget.end_of_turn(true);
    EXPECT_EQ(budget.size(), limits::read_size_min);
    for (int turn = 0; turn < 100; ++turn) budget.end_of_turn(false);
    EXPECT_EQ(budget.size(), limits::read_size_max);
}

}  // namespace
}  // namespace fantail::runtime
