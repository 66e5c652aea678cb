// SPDX-License-Identifier: Apache-2.0
//! When the alarm begins and ends.
#include "server/watch/resource_alarm.hpp"

#include <gmock/gmock.h>

#include "server/watch/machine.hpp"

namespace fantail::server {
namespace {

using testing::HasSubstr;
constexpr std::uint64_t mib = 1 << 20;

TEST(ResourceAlarm, BeginsWhenTheDiskRunsShortAndEndsWithSomeMoreRoom) {
    ResourceAlarm alarm({.disk_free_min = 100 * mib});
    EXPECT_FALSE(alarm.update({.disk_free = 100 * mib}));
    EXPECT_TRUE(alarm.update({.disk_free = 99 * mib}));
    EXPECT_TRUE(alarm.on());
    EXPECT_THAT(alarm.reason(), HasSubstr("disk: 99 MiB free, 100 MiB must stay free"));
    EXPECT_FALSE(alarm.update({.disk_free = 105 * mib})) << "not enough to end it";
    EXPECT_TRUE(alarm.on());
    EXPECT_TRUE(alarm.update({.disk_free = 111 * mib}));
    EXPECT_FALSE(alarm.on());
    EXPECT_EQ(alarm.reason(), "");
}

TEST(ResourceAlarm, BeginsAboveTheMemoryLimitAndEndsBelowIt) {
    ResourceAlarm alarm({.memory_max = 100 * mib});
    EXPECT_FALSE(alarm.update({.memory = 100 * mib}));
    EXPECT_TRUE(alarm.update({.memory = 101 * mib}));
    EXPECT_FALSE(alarm.update({.memory = 96 * mib}));
    EXPECT_TRUE(alarm.on());
    EXPECT_TRUE(alarm.update({.memory = 95 * mib}));
    EXPECT_FALSE(alarm.on());
}

TEST(ResourceAlarm, SaysWhenItsReasonChanges) {
    ResourceAlarm alarm({.memory_max = 100 * mib, .disk_free_min = 100 * mib});
    EXPECT_TRUE(alarm.update({.memory = 200 * mib, .disk_free = 200 * mib}));
    EXPECT_TRUE(alarm.update({.memory = 200 * mib, .disk_free = 50 * mib}));
    EXPECT_THAT(alarm.reason(), HasSubstr("memory"));
    EXPECT_THAT(alarm.reason(), HasSubstr("disk"));
    EXPECT_TRUE(alarm.update({.memory = 10 * mib, .disk_free = 50 * mib}));
    EXPECT_TRUE(alarm.on());
}

TEST(ResourceAlarm, WithoutLimitsThereIsNone) {
    ResourceAlarm alarm({});
    EXPECT_FALSE(alarm.update({.memory = ~0ull, .disk_free = 0}));
    EXPECT_FALSE(alarm.on());
}

TEST(MemoryLimit, IsAShareOrASize) {
    EXPECT_EQ(memory_limit("0.5", 1000), 500u);
    EXPECT_EQ(memory_limit("1.0", 1000), 1000u);
    EXPECT_EQ(memory_limit("0", 1000), 0u);
    EXPECT_EQ(memory_limit("1", 1000), 1u) << "one byte, not the whole";
    EXPECT_EQ(memory_limit("1.5 GiB", 1000), 1536 * mib);
}

TEST(Machine, TellsMemoryAndDisk) {
    EXPECT_GT(usable_memory(), 16 * mib);
    EXPECT_GT(disk_free("/"), 0u);
    EXPECT_EQ(disk_free("/nonexistent/path"), ~0ull);
}

}  // namespace
}  // namespace fantail::server
