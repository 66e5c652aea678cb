// SPDX-License-Identifier: Apache-2.0
//! Calculations run elsewhere, in order, and are told of here.
#include "sys/calculations.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "sys/clock.hpp"

namespace fantail::sys {
namespace {

using testing::ElementsAre;

/// Waits until `count` calculations were told of; false after ten seconds.
bool finish(Loop& loop, Calculations& calculations, std::size_t count) {
    const SystemClock clock;
    const MonoTime until = clock.now().mono.plus_ms(10'000);
    while (count > 0 && clock.now().mono < until) {
        count -= calculations.poll();
        if (count > 0) loop.wait(until);
    }
    return count == 0;
}

TEST(Calculations, RunOnAnotherThreadInOrderAndAreToldOfOnThisOne) {
    Loop loop;
    Calculations calculations(loop);
    std::vector<int> worked;
    std::vector<int> done;
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 5; ++i) {
        calculations.run(
            [&, i] {
                EXPECT_NE(std::this_thread::get_id(), here);
                worked.push_back(i);
            },
            [&, i] {
                EXPECT_EQ(std::this_thread::get_id(), here);
                done.push_back(i);
            });
    }
    EXPECT_TRUE(finish(loop, calculations, 5));
    EXPECT_THAT(worked, ElementsAre(0, 1, 2, 3, 4));
    EXPECT_THAT(done, ElementsAre(0, 1, 2, 3, 4));
}

TEST(Calculations, GiveWayToTheThreadsOfTheProcess) {
    Loop loop;
    Calculations calculations(loop);
    const int ours = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    int theirs = 0;
    calculations.run([&] { theirs = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }, [] {});
    EXPECT_TRUE(finish(loop, calculations, 1));
    EXPECT_GT(theirs, ours);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())), ours);
}

TEST(Calculations, ThoseUnderWayAreAwaitedAtTheEndAndNobodyIsTold) {
    Loop loop;
    bool worked = false;
    bool told = false;
    {
        Calculations calculations(loop);
        calculations.run(
            [&] {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the end must come first
                worked = true;
            },
            [&] { told = true; });
    }
    EXPECT_TRUE(worked);
    EXPECT_FALSE(told);
}

}  // namespace
}  // namespace fantail::sys
