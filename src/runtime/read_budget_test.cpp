// SPDX-License-Identifier: Apache-2.0
//! How much publishers may send while consumers are behind.
#include "runtime/read_budget.hpp"

#include <gtest/gtest.h>

namespace fantail::runtime {
namespace {

using broker::ConsumerPace;

constexpr MonoTime start{1'000'000};

MonoTime later(std::int64_t us) { return {start.ns + us * 1'000}; }

TEST(ReadBudget, WithoutConsumersThatAreBehindReadsAreLarge) {
    ReadBudget budget;
    EXPECT_EQ(budget.size(true, start), limits::read_size_max);
    budget.end_of_turn({ConsumerPace::Kind::none, 0}, start);
    EXPECT_EQ(budget.size(true, start), limits::read_size_max);
    budget.end_of_turn({ConsumerPace::Kind::even, 50'000}, start);
    EXPECT_EQ(budget.size(true, start), limits::read_size_max);
}

TEST(ReadBudget, PublishersAreReadALittleLessThanConsumersTookWhileTheseAreBehind) {
    ReadBudget budget;
    budget.end_of_turn({ConsumerPace::Kind::behind, 16'000}, start);
    EXPECT_EQ(budget.size(true, start), 14'000u);
    budget.took(14'000);
    EXPECT_EQ(budget.size(true, start), 0u);
    EXPECT_EQ(budget.size(false, start), limits::read_size_max) << "it does not publish";
    for (int turn = 0; turn < 100; ++turn) budget.end_of_turn({ConsumerPace::Kind::behind, 16'000}, start);
    EXPECT_EQ(budget.size(true, start), limits::read_size_max) << "what was not used does not pile up";
}

TEST(ReadBudget, ItEndsWhenConsumersHaveCaughtUp) {
    ReadBudget budget;
    budget.end_of_turn({ConsumerPace::Kind::behind, 4'096}, start);
    budget.end_of_turn({ConsumerPace::Kind::even, 4'096}, start);
    EXPECT_EQ(budget.size(true, start), limits::read_size_max);
}

TEST(ReadBudget, AConsumerThatSettlesSlowlyOrLittleHoldsNobodyBack) {
    ReadBudget budget;
    budget.end_of_turn({ConsumerPace::Kind::behind, 4'096}, start);
    budget.took(4'096);
    budget.end_of_turn({ConsumerPace::Kind::none, 0}, later(100));
    EXPECT_EQ(budget.size(true, later(199)), 0u);
    EXPECT_EQ(budget.size(true, later(200)), limits::read_size_max);
    budget.end_of_turn({ConsumerPace::Kind::behind, 1'000}, later(300));
    EXPECT_EQ(budget.size(true, later(300)), limits::read_size_max);
}

}  // namespace
}  // namespace fantail::runtime
