// SPDX-License-Identifier: Apache-2.0
//! Tests of the histogram's bounds and resolution.
#include "driver/histogram.hpp"

#include <gtest/gtest.h>

namespace fantail::bench {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
    const Histogram histogram;
    EXPECT_EQ(histogram.percentile(50), 0);
    EXPECT_EQ(histogram.count(), 0U);
}

TEST(Histogram, KeepsEveryPercentileWithinTwoPercent) {
    Histogram histogram;
    for (int i = 1; i <= 100'000; ++i) histogram.record(i * 10);
    for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9}) {
        const double exact = percent * 10'000;
        EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), exact, exact * 0.02) << percent;
    }
    EXPECT_EQ(histogram.max(), 1'000'000);
    EXPECT_NEAR(histogram.mean(), 500'005, 1);
}

TEST(Histogram, CountsSmallValuesExactly) {
    Histogram histogram;
    for (int i = 0; i < 64; ++i) histogram.record(i);
    EXPECT_EQ(histogram.percentile(50), 31);
}

TEST(Histogram, TakesNegativeAndHugeSamplesWithoutLeavingItsBounds) {
    Histogram histogram;
    histogram.record(-5);
    EXPECT_EQ(histogram.percentile(100), 0);
    histogram.record(INT64_MAX);
    EXPECT_GE(histogram.percentile(100), std::int64_t{1} << 41);
}

TEST(Histogram, MergesSamples) {
    Histogram a;
    Histogram b;
    a.record(10);
    b.record(1'000);
    a.merge(b);
    EXPECT_EQ(a.count(), 2U);
    EXPECT_EQ(a.percentile(50), 10);
    EXPECT_EQ(a.max(), 1'000);
}

}  // namespace
}  // namespace fantail::bench
