// SPDX-License-Identifier: Apache-2.0
//! Walks that meet every element though the container changes under them.
#include "base/bucket_walk.hpp"

#include <gtest/gtest.h>

#include <map>
#include <unordered_set>

namespace fantail {
namespace {

using Progress = BucketWalk::Progress;

std::unordered_set<int> numbers(int count) {
    std::unordered_set<int> out;
    for (int i = 0; i < count; ++i) out.insert(i);
    return out;
}

TEST(BucketWalk, VisitsEveryElementOnceInPiecesOfAboutTheSizeWanted) {
    const auto all = numbers(1000);
    BucketWalk walk;
    std::map<int, int> visits;
    for (Progress progress = Progress::more; progress == Progress::more;) {
        const std::size_t before = visits.size();
        progress = walk.next(all, 50, [&](int each) { ++visits[each]; });
        EXPECT_LE(visits.size() - before, 60u);
    }
    EXPECT_EQ(visits.size(), 1000u);
    for (const auto& [each, times] : visits) EXPECT_EQ(times, 1) << each;
}

TEST(BucketWalk, AnEmptyContainerIsDoneAtOnce) {
    BucketWalk walk;
    EXPECT_EQ(walk.next(std::unordered_set<int>(), 10, [](int) { FAIL(); }), Progress::done);
}

TEST(BucketWalk, PiecesEndThoughBucketsAreEmpty) {
    std::unordered_set<int> sparse{1};
    sparse.rehash(10'000);
    BucketWalk walk;
    EXPECT_EQ(walk.next(sparse, 100, [](int) {}), Progress::more);
}

TEST(BucketWalk, WhatIsErasedBetweenPiecesIsNoHarm) {
    auto all = numbers(1000);
    BucketWalk walk;
    std::map<int, int> visits;
    const auto visit = [&](int each) { ++visits[each]; };
    ASSERT_EQ(walk.next(all, 300, visit), Progress::more);
    for (int i = 0; i < 1000; i += 2) all.erase(i);
    while (walk.next(all, 300, visit) == Progress::more) {}
    for (int i = 1; i < 1000; i += 2) EXPECT_EQ(visits[i], 1) << i;
}

TEST(BucketWalk, BeginsAnewWhenTheContainerHasGrown) {
    auto all = numbers(100);
    BucketWalk walk;
    std::map<int, int> visits;
    const auto visit = [&](int each) { ++visits[each]; };
    ASSERT_EQ(walk.next(all, 30, visit), Progress::more);
    for (int i = 100; i < 5000; ++i) all.insert(i);
    ASSERT_EQ(walk.next(all, 30, visit), Progress::begins_anew);
    visits.clear();
    while (walk.next(all, 300, visit) == Progress::more) {}
    EXPECT_EQ(visits.size(), 5000u);
}

}  // namespace
}  // namespace fantail
