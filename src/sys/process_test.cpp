// SPDX-License-Identifier: Apache-2.0
//! Clock, randomness, process figures and the mapping of errno.
#include "sys/process.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <ctime>
#include <thread>

#include "sys/clock.hpp"
#include "sys/errno_error.hpp"
#include "sys/random.hpp"

namespace fantail::sys {
namespace {

TEST(SystemClock, MonotonicTimeGrowsAndWallTimeIsTheCalendars) {
    const SystemClock clock;
    const Now first = clock.now();
    const Now second = clock.now();
    EXPECT_GE(second.mono, first.mono);
    EXPECT_NEAR(static_cast<double>(first.wall.ms) / 1000.0, static_cast<double>(std::time(nullptr)), 2.0);
}

TEST(Random, TwoDrawsDiffer) {
    std::uint8_t a[32] = {};
    std::uint8_t b[32] = {};
    random_bytes(a);
    random_bytes(b);
    EXPECT_NE(Bytes(a, a + 32), Bytes(b, b + 32));
    EXPECT_NE(random_u64(), random_u64());
}

TEST(Process, CpuCountFollowsTheAffinityMask) {
    std::jthread([] {
        ASSERT_GE(usable_cpu_count(), 1u);
        ASSERT_TRUE(pin_thread_to_cpu(usable_cpu_count() + 1).has_value());
        EXPECT_EQ(usable_cpu_count(), 1u);
    });
}

TEST(Process, ResidentMemoryGrowsWithWhatIsTouched) {
    const std::uint64_t before = resident_bytes();
    ASSERT_GT(before, 0u);
    const Bytes touched(64u << 20, 1);
    EXPECT_GT(resident_bytes(), before + (touched.size() / 2));
}

TEST(Process, CpuTimeGrowsWithWork) {
    const std::int64_t before = cpu_time_ns();
    while (cpu_time_ns() - before < 1'000'000) {}
    EXPECT_GE(cpu_time_ns() - before, 1'000'000);
}

TEST(Process, OpenFilesLimitIsRaisedToTheHardOne) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(raise_open_files_limit(), before.rlim_max);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ErrnoError, MapsToTheCodesThatCallersReactTo) {
    EXPECT_EQ(errno_error(ENOSPC, "x").code, ErrorCode::no_space);
    EXPECT_EQ(errno_error(EDQUOT, "x").code, ErrorCode::no_space);
    EXPECT_EQ(errno_error(ENOENT, "x").code, ErrorCode::not_found);
    EXPECT_EQ(errno_error(EROFS, "x").code, ErrorCode::unavailable);
    EXPECT_EQ(errno_error(EACCES, "x").code, ErrorCode::unavailable);
    EXPECT_EQ(errno_error(EIO, "/a/file").code, ErrorCode::io);
    EXPECT_EQ(errno_error(EIO, "/a/file").message, "/a/file: Input/output error");
}

}  // namespace
}  // namespace fantail::sys
