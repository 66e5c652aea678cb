// SPDX-License-Identifier: Apache-2.0
//! The simulator itself: a seed is a run, and a run is worth something.
#include <gtest/gtest.h>

#include "sim/run.hpp"

namespace fantail::sim {
namespace {

TEST(Simulation, TheSameSeedGivesTheSameRun) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        RunOptions options;
        options.seed = seed;
        const Outcome first = run(options);
        // Something else on the heap, and a history: neither may change what happens.
        const std::vector<int> elsewhere(seed * 10'000, 1);
        options.history = true;
        const Outcome second = run(options);
        EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
        EXPECT_EQ(first.counts.delivered, second.counts.delivered) << "seed " << seed;
    }
}

TEST(Simulation, AnotherSeedGivesAnotherRun) {
    RunOptions one;
    RunOptions other;
    other.seed = 2;
    EXPECT_NE(run(one).trace_hash, run(other).trace_hash);
}

TEST(Simulation, AFaultThatIsLeftOutIsTheOnlyOne) {
    RunOptions options;
    std::size_t faults = 0;
    while (faults < 2) faults = draw_plan({.seed = ++options.seed}).faults.size();
    options.without_faults = {0};
    const Plan all = draw_plan({.seed = options.seed});
    const Plan fewer = draw_plan(options);
    ASSERT_EQ(all.faults.size(), fewer.faults.size());
    EXPECT_EQ(all.faults[1].at_ns, fewer.faults[1].at_ns);
    EXPECT_EQ(all.end_ns, fewer.end_ns);
}

}  // namespace
}  // namespace fantail::sim
