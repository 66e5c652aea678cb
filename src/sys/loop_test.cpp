// SPDX-License-Identifier: Apache-2.0
//! The loop: turns, wake-ups from other threads, signals.
#include "sys/loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "sys/clock.hpp"
#include "sys/fd.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {
namespace {

MonoTime in_ms(std::int64_t ms) { return SystemClock().now().mono.plus_ms(ms); }

struct Pair {
    Pair() {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        ours = Fd(fds[0]);
        theirs = Fd(fds[1]);
    }
    void send(char c) const { EXPECT_EQ(::send(theirs.get(), &c, 1, 0), 1); }
    Fd ours, theirs;
};

TEST(Loop, PollWithNothingReadyRunsNothing) {
    Loop loop;
    EXPECT_EQ(loop.poll(), 0u);
    EXPECT_EQ(loop.poll(), 0u);
}

TEST(Loop, WaitReturnsWhenItsTimeHasComeAndNotBefore) {
    Loop loop;
    const MonoTime until = in_ms(20);
    EXPECT_EQ(loop.wait(until), 0u);
    EXPECT_GE(SystemClock().now().mono, until);
}

TEST(Loop, WaitForATimeThatIsPastDoesNotBlock) {
    Loop loop;
    EXPECT_EQ(loop.wait(MonoTime{0}), 0u);
}

TEST(Loop, DeferredWorkRunsOnTheNextPollAndNotInsideDefer) {
    Loop loop;
    int runs = 0;
    loop.defer([&] {
        ++runs;
        loop.defer([&] { runs += 10; });
    });
    EXPECT_EQ(runs, 0);
    EXPECT_EQ(loop.poll(), 1u);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(loop.wait(MonoTime::never()), 1u);
    EXPECT_EQ(runs, 11);
}

TEST(Loop, AWakeWhileTheLoopRunsCostsNoSystemCallAndIsNotLost) {
    Loop loop;
    int woken = 0;
    loop.on_wake([&] { ++woken; });
    for (int i = 0; i < 100; ++i) loop.wake();
    EXPECT_EQ(loop.wakes_sent(), 0u);
    EXPECT_EQ(loop.wait(MonoTime::never()), 1u);
    EXPECT_EQ(woken, 1);
    loop.wake();
    EXPECT_EQ(loop.poll(), 1u);
    EXPECT_EQ(woken, 2);
}

TEST(Loop, AWakeFromAnotherThreadEndsWait) {
    Loop loop;
    bool woken = false;
    loop.on_wake([&] { woken = true; });
    std::jthread waker([&] { loop.wake(); });
    while (!woken) loop.wait(MonoTime::never());
    EXPECT_TRUE(woken);
}

/// Every item must be seen though the loop sleeps without a time-out: one lost wake-up hangs the test.
TEST(Loop, NoWakeUpIsLostUnderStress) {
    constexpr int items = 20'000;
    Loop loop;
    std::atomic<int> produced{0};
    std::atomic<int> consumed{0};
    std::jthread producer([&] {
        for (int i = 0; i < items; ++i) {
            produced.fetch_add(1, std::memory_order_relaxed);
            loop.wake();
            // Every few items wait for the consumer, so that it has gone to sleep or is about to.
            if (i % 3 == 0) {
                while (consumed.load(std::memory_order_relaxed) <= i) std::this_thread::yield();
            }
        }
    });
    int seen = 0;
    while (seen < items) {
        if (loop.poll() == 0 && produced.load(std::memory_order_relaxed) == seen) loop.wait(MonoTime::never());
        seen = produced.load(std::memory_order_relaxed);
        consumed.store(seen, std::memory_order_relaxed);
    }
    EXPECT_EQ(seen, items);
}

TEST(Loop, WakePublishesWhatWasWrittenBefore) {
    Loop loop;
    int plain = 0;  // no atomic: the thread sanitizer checks the ordering
    bool woken = false;
    loop.on_wake([&] { woken = true; });
    std::jthread writer([&] {
        plain = 42;
        loop.wake();
    });
    while (!woken) loop.wait(MonoTime::never());
    EXPECT_EQ(plain, 42);
}

TEST(Loop, ASourceThatIsAlwaysReadyDoesNotKeepPollFromReturning) {
    Loop loop;
    Pair pair;
    pair.send('x');
    int calls = 0;
    auto watch = Watch::open(loop, pair.ours.get());
    ASSERT_TRUE(watch);
    watch->when_readable([&] { ++calls; });  // never reads
    loop.poll();
    EXPECT_GE(calls, 1);
    EXPECT_LE(calls, 2);
}

TEST(Loop, AWaitHookWithWorkKeepsTheLoopFromBlocking) {
    struct Hook final : WaitHook {
        bool about_to_wait() override { return true; }
    } hook;
    Loop loop;
    loop.add_wait_hook(hook);
    EXPECT_EQ(loop.wait(MonoTime::never()), 1u);
    loop.remove_wait_hook(hook);
    EXPECT_EQ(loop.wait(MonoTime{0}), 0u);
}

TEST(Watch, CallsAgainEveryTurnWhileBytesAreLeft) {
    Loop loop;
    Pair pair;
    pair.send('a');
    pair.send('b');
    std::string got;
    auto watch = Watch::open(loop, pair.ours.get());
    ASSERT_TRUE(watch);
    watch->when_readable([&] {
        char c = 0;
        if (::read(pair.ours.get(), &c, 1) == 1) got += c;
    });
    while (got.size() < 2) loop.wait(in_ms(10'000));
    EXPECT_EQ(got, "ab");
    EXPECT_EQ(loop.poll(), 0u);
    pair.send('c');
    while (got.size() < 3) loop.wait(in_ms(10'000));
    EXPECT_EQ(got, "abc");
}

TEST(Watch, PausedItDoesNotCallAndResumedItDoes) {
    Loop loop;
    Pair pair;
    int calls = 0;
    char c = 0;
    auto watch = Watch::open(loop, pair.ours.get());
    ASSERT_TRUE(watch);
    watch->when_readable([&] {
        ++calls;
        EXPECT_EQ(::read(pair.ours.get(), &c, 1), 1);
    });
    watch->pause_reading();
    pair.send('x');
    loop.wait(in_ms(1));
    loop.poll();
    EXPECT_EQ(calls, 0);
    watch->resume_reading();
    while (calls == 0) loop.wait(in_ms(10'000));
    EXPECT_EQ(calls, 1);
}

TEST(Watch, ClosedItNeverCallsBackThoughAnEventIsUnderWay) {
    Loop loop;
    Pair one, two;
    int calls = 0;
    auto first = Watch::open(loop, one.ours.get());
    auto second = Watch::open(loop, two.ours.get());
    ASSERT_TRUE(first && second);
    // Whichever runs first closes the other, whose event was found in the same round.
    first->when_readable([&] { ++calls, second->close(), first->pause_reading(); });
    second->when_readable([&] { ++calls, first->close(), second->pause_reading(); });
    one.send('x');
    two.send('x');
    for (int i = 0; i < 10; ++i) loop.poll();
    EXPECT_EQ(calls, 1);
}

TEST(Watch, ACallbackMayReplaceAndDestroyItself) {
    Loop loop;
    Pair pair;
    pair.send('x');
    auto watch = std::make_unique<Watch>(Watch::open(loop, pair.ours.get()).value());
    int stage = 0;
    watch->when_readable([&, big = std::string(100, 'x')] {
        stage = 1;
        watch->when_readable([&, other = std::string(100, 'y')] {
            stage = 2;
            watch.reset();
            EXPECT_EQ(other.size(), 100u);
        });
        EXPECT_EQ(big.size(), 100u);
    });
    while (stage < 2) loop.wait(in_ms(10'000));
    EXPECT_EQ(loop.poll(), 0u);
}

TEST(Watch, AnIdleWatchStaysSmall) { EXPECT_LE(Watch::footprint(), 200u); }

TEST(SignalWatch, ReportsTheThreeSignalsAndRestoresThemAfterwards) {
    Loop loop;
    std::vector<int> got;
    {
        SignalWatch watch(loop, [&](int signal) { got.push_back(signal); });
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
            const std::size_t before = got.size();
            ASSERT_EQ(::raise(signal), 0);
            while (got.size() == before) loop.wait(in_ms(10'000));
        }
    }
    EXPECT_EQ(got, (std::vector{SIGTERM, SIGINT, SIGHUP}));
    struct sigaction action{};
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(SignalWatch, ItsCallbackMayDestroyIt) {
    Loop loop;
    std::unique_ptr<SignalWatch> watch;
    watch = std::make_unique<SignalWatch>(loop, [&](int) { watch.reset(); });
    ASSERT_EQ(::raise(SIGHUP), 0);
    while (watch) loop.wait(in_ms(10'000));
    EXPECT_EQ(loop.poll(), 0u);
}

}  // namespace
}  // namespace fantail::sys
