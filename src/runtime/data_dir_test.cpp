// SPDX-License-Identifier: Apache-2.0
//! The top of a data directory: what is missing, too much or unknown there is refused by name.
#include "runtime/data_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/real_machine.hpp"

namespace fantail::runtime {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DataDirTest : public testing::Test {
protected:
    DataDirTest() { fs::remove_all(path_); }
    ~DataDirTest() override { fs::remove_all(path_); }

    Result<DataDir> open(std::uint16_t shards = 2) {
        machine_ = std::make_unique<RealMachine>();  // lets go of the lock
        return open_or_create_data_dir(path_, shards, *machine_);
    }
    void put_file(const std::string& folder) const {
        fs::create_directories(path_ + "/" + folder);
        std::ofstream(path_ + "/" + folder + "/journal-1.log") << "x";
    }
    /// As a first start leaves it that has come to its end.
    void finish() {
        auto made = open();
        ASSERT_TRUE(made);
        put_file("shard-0");
        put_file("shard-1");
        ASSERT_TRUE(finish_data_dir(path_, *made, *machine_));
        EXPECT_FALSE(made->is_unfinished);
    }
    std::string refusal() {
        const auto opened = open();
        if (opened) return "opened";
        EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
        return opened.error().message;
    }
    void write_format(const std::string& lines) const {
        std::ofstream(path_ + "/format") << "fantail data directory\nversion 1\n" << lines;
    }

    std::string path_ = (fs::temp_directory_path() / ("fantail-data-dir-" + std::to_string(::getpid()))).string();
    std::unique_ptr<RealMachine> machine_;
};

TEST_F(DataDirTest, KeepsItsNumberOfShards) {
    finish();
    const auto again = open(7);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->shards, 2);
    EXPECT_FALSE(again->is_unfinished);
}

TEST_F(DataDirTest, AFirstStartThatWasCutOffMayBeTriedAgain) {
    ASSERT_TRUE(open());
    put_file("shard-0");
    const auto again = open();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->is_unfinished);
}

TEST_F(DataDirTest, AShardThatIsMissingOrEmptyIsNamed) {
    finish();
    fs::remove(path_ + "/shard-1/journal-1.log");
    EXPECT_THAT(refusal(), HasSubstr("/shard-1 is empty"));
    fs::remove(path_ + "/shard-1");
    EXPECT_THAT(refusal(), HasSubstr("/shard-1 is missing"));
}

TEST_F(DataDirTest, AShardTooManyIsNamed) {
    finish();
    write_format("shards 1\n");
    EXPECT_THAT(refusal(), HasSubstr("says 1 shards, and there is " + path_ + "/shard-1"));
    write_format("shards 3\n");
    EXPECT_THAT(refusal(), HasSubstr("/shard-2 is missing"));
}

TEST_F(DataDirTest, ShardsWithoutAFormatAreRefused) {
    finish();
    fs::remove(path_ + "/format");
    EXPECT_THAT(refusal(), HasSubstr("/format is missing beside " + path_ + "/shard-"));
    EXPECT_FALSE(fs::exists(path_ + "/format"));
}

TEST_F(DataDirTest, AFormatThatIsNoneIsRefused) {
    finish();
    for (const char* lines : {"", "shards 0\n", "shards 65\n", "shards x\n", "shards 2"}) {
        write_format(lines);
        EXPECT_THAT(refusal(), HasSubstr("/format")) << lines;
    }
}

}  // namespace
}  // namespace fantail::runtime
