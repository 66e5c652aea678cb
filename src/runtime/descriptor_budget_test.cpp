// SPDX-License-Identifier: Apache-2.0
//! What storage keeps for itself under small and large limits.
#include "runtime/descriptor_budget.hpp"

#include <gtest/gtest.h>

namespace fantail::runtime {
namespace {

TEST(DescriptorBudget, ALargeLimitLeavesStorageAllItCanUse) {
    const auto budget = share_descriptors(100'000, 2);
    EXPECT_EQ(budget.segments_per_shard, 256u);
    EXPECT_EQ(budget.connections_end, 100'000u - 2 * (256 + 16));
}

TEST(DescriptorBudget, ASmallLimitIsHalved) {
    const auto budget = share_descriptors(256, 2);
    EXPECT_EQ(budget.connections_end, 128u);
    EXPECT_EQ(budget.segments_per_shard, 64u - 16);
}

TEST(DescriptorBudget, EvenATinyOneLeavesSomeSegments) { EXPECT_EQ(share_descriptors(64, 8).segments_per_shard, 4u); }

TEST(DescriptorBudget, WithoutALimitThereIsNoBound) {
    EXPECT_EQ(share_descriptors(0, 1).connections_end, ~std::uint64_t{0});
    EXPECT_EQ(share_descriptors(0, 1).segments_per_shard, 256u);
}

}  // namespace
}  // namespace fantail::runtime
