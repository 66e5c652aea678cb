// SPDX-License-Identifier: Apache-2.0
//! OffsetSet against a plain set, and its size.
#include "broker/offset_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace fantail::broker {
namespace {

TEST(OffsetSet, RunsAreJoinedAcrossChunksAndCutAtTheLimit) {
    OffsetSet set;
    EXPECT_EQ(set.insert({1000, 5000}), 4000u);
    EXPECT_EQ(set.insert({4000, 6000}), 1000u);
    EXPECT_EQ(set.next_run(0), (OffsetSpan{1000, 6000}));
    EXPECT_EQ(set.next_run(3000, 3500), (OffsetSpan{3000, 3500}));
    EXPECT_TRUE(set.next_run(6000).empty());
    EXPECT_TRUE(set.next_run(0, 1000).empty());
}

TEST(OffsetSet, TenMillionMembersAroundOneHoleStaySmall) {
    OffsetSet set;
    for (std::uint64_t o = 1; o < 10'000'000; ++o) set.insert({o, o + 1});
    EXPECT_EQ(set.count(), 9'999'999u);
    EXPECT_LT(set.memory(), 2000u);
    EXPECT_FALSE(set.contains(0));
    EXPECT_EQ(set.next_run(0), (OffsetSpan{1, 10'000'000}));
}

TEST(OffsetSet, AHoleInTheMiddleOfFullChunksIsOneBitmap) {
    OffsetSet set;
    set.insert({0, 1u << 20});
    EXPECT_EQ(set.erase({500'000, 500'001}), 1u);
    EXPECT_FALSE(set.contains(500'000));
    EXPECT_EQ(set.count(), (1u << 20) - 1);
    EXPECT_LT(set.memory(), 1000u);
    EXPECT_EQ(set.insert({500'000, 500'001}), 1u);
    EXPECT_EQ(set.next_run(0), (OffsetSpan{0, 1u << 20}));
}

TEST(OffsetSet, AnEmptyOneAllocatesNothing) {
    OffsetSet set;
    set.insert({5, 10});
    set.erase({0, 100});
    set.clear();
    EXPECT_EQ(set.memory(), 0u);
}

TEST(OffsetSet, DecodingRefusesRunsThatOverflow) {
    Bytes bytes;
    Writer w(bytes);
    w.uvarint(1);
    w.uvarint(~0ull - 1);
    w.uvarint(5);
    Reader in(bytes);
    (void)OffsetSet::decode(in);
    EXPECT_TRUE(in.failed());
}

class OffsetSetModel : public ::testing::TestWithParam<unsigned> {};

TEST_P(OffsetSetModel, AgreesWithAPlainSet) {
    std::mt19937 random(GetParam());
    OffsetSet set;
    std::set<std::uint64_t> model;
    for (int step = 0; step < 600; ++step) {
        const std::uint64_t first = random() % 9000;
        const std::uint64_t size = random() % 3 == 0 ? random() % 4000 : random() % 5;
        const OffsetSpan span{first, first + size};
        std::uint64_t changed = 0;
        if (random() % 2 == 0) {
            for (std::uint64_t o = span.first; o < span.end; ++o) changed += model.insert(o).second;
            ASSERT_EQ(set.insert(span), changed) << "seed " << GetParam();
        } else {
            for (std::uint64_t o = span.first; o < span.end; ++o) changed += model.erase(o);
            ASSERT_EQ(set.erase(span), changed) << "seed " << GetParam();
        }
        ASSERT_EQ(set.count(), model.size()) << "seed " << GetParam();
        const auto next = model.lower_bound(first);
        const OffsetSpan run = set.next_run(first);
        ASSERT_EQ(run.empty(), next == model.end()) << "seed " << GetParam();
        if (run.empty()) continue;
        ASSERT_EQ(run.first, *next);
        ASSERT_TRUE(model.contains(run.end - 1) && !model.contains(run.end)) << "seed " << GetParam();
        ASSERT_EQ(set.contains(first), model.contains(first));
    }
    Bytes bytes;
    Writer out(bytes);
    set.encode(out);
    Reader in(bytes);
    const OffsetSet copy = OffsetSet::decode(in);
    ASSERT_TRUE(in.done());
    EXPECT_EQ(copy.count_in({0, 20'000}), model.size());
    EXPECT_EQ(copy.next_run(4000), set.next_run(4000));
}

INSTANTIATE_TEST_SUITE_P(Seeds, OffsetSetModel, ::testing::Range(1u, 30u));

}  // namespace
}  // namespace fantail::broker
