// SPDX-License-Identifier: Apache-2.0
//! When the alarm begins and ends.
#include "server/watch/resource_alarm.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

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

class GroupMemoryLimit : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "groups-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    [[nodiscard]] std::uint64_t limit(const std::string& own_groups) const {
        std::istringstream in(own_groups);
        return group_memory_limit(root_.string(), in);
    }

    std::filesystem::path root_;
};

TEST_F(GroupMemoryLimit, IsTheLeastOfTheOwnGroupAndThoseAboveIt) {
    write("system.slice/memory.max", "300");
    write("system.slice/broker.service/memory.max", "400");
    write("other/memory.max", "1");
    EXPECT_EQ(limit("0::/system.slice/broker.service\n"), 300u);
    write("system.slice/broker.service/memory.max", "200");
    EXPECT_EQ(limit("0::/system.slice/broker.service\n"), 200u);
}

TEST_F(GroupMemoryLimit, OfVersionOneStandsBelowItsController) {
    write("memory/user/memory.limit_in_bytes", "500");
    EXPECT_EQ(limit("9:cpu:/x\n8:pids,memory:/user\n0::/\n"), 500u);
}

TEST_F(GroupMemoryLimit, InsideAContainerStandsAtTheRoot) {
    write("memory.max", "700");
    EXPECT_EQ(limit("0::/../elsewhere\n"), 700u);
}

TEST_F(GroupMemoryLimit, MayBeAbsent) {
    write("memory.max", "max");
    EXPECT_EQ(limit("0::/gone\nnonsense\n"), ~std::uint64_t{0});
    EXPECT_EQ(limit(""), ~std::uint64_t{0});
}

TEST(Machine, TellsMemoryAndDisk) {
    EXPECT_GT(usable_memory(), 16 * mib);
    EXPECT_GT(disk_free("/"), 0u);
    EXPECT_EQ(disk_free("/nonexistent/path"), ~0ull);
}

}  // namespace
}  // namespace fantail::server
