// SPDX-License-Identifier: Apache-2.0
//! A lane's log on a simulated disk: openings, crashes, damage, full disks. `FANTAIL_LANE_LOG_SEED=n` repeats one random run.
#include "storage/lane/lane_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/crc32c.hpp"
#include "storage/lane/lane_recovery.hpp"
#include "storage/lane/simulated_lane_files.hpp"

namespace fantail::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string directory = "/lane";
constexpr std::uint64_t file_size = 64u << 10;

/// A log on a disk, and what its last opening has found.
struct Scene {
    explicit Scene(std::uint64_t seed = 1) : disk(seed) {}

    Result<void> try_open(bool is_cached = false) {
        log.reset();
        if (!files || files->has_crashed()) files.emplace(disk);
        files->boot = boot;
        found.clear();
        first = 0;
        const auto replay = [this](Lsn number, ByteView entry) {
            if (found.empty()) first = number.value;
            EXPECT_EQ(number.value, first + found.size());
            found.emplace_back(as_text(entry));
        };
        const LaneLogOptions options{.directory = directory,
                                     .is_cached = is_cached,
                                     .nonce = ++openings * 1000,
                                     .file_size = file_size,
                                     .spares_max = 2};
        FANTAIL_TRY(log, LaneLog::open(*files, options, replay));
        return {};
    }
    void open(bool is_cached = false) {
        const auto opened = try_open(is_cached);
        ASSERT_TRUE(opened) << opened.error().message;
    }
    Error refused(bool is_cached = false) {
        const auto opened = try_open(is_cached);
        EXPECT_FALSE(opened);
        return opened ? Error{} : opened.error();
    }
    Result<void> append(std::string_view text) {
        FANTAIL_TRY(const MutableBytes room, log->append(text.size()));
        std::ranges::copy(as_bytes(text), room.begin());
        return {};
    }
    void keep(std::string_view text) {
        ASSERT_TRUE(append(text));
        ASSERT_TRUE(log->commit());
    }
    void crash() {
        log.reset();
        files.reset();
        disk.crash();
    }
    [[nodiscard]] std::string journal(std::uint64_t number = 1) const {
        return directory + "/" + lane_file_name(number);
    }

    SimulatedFiles disk;
    std::optional<SimulatedLaneFiles> files;
    MachineLife boot{1};
    std::unique_ptr<LaneLog> log;
    std::vector<std::string> found;
    std::uint64_t first = 0;
    std::uint64_t openings = 0;
};

TEST(LaneLog, KeepsEntriesAndStateOverOpenings) {
    Scene s;
    s.open();
    EXPECT_TRUE(s.log->found_state().empty());
    EXPECT_EQ(s.log->next().value, 1u);
    ASSERT_TRUE(s.append("a"));
    ASSERT_TRUE(s.append(""));
    ASSERT_TRUE(s.log->commit());
    s.keep("c");
    ASSERT_TRUE(s.log->save(as_bytes("state")));
    for (int i = 0; i < 2; ++i) {
        s.open();
        EXPECT_THAT(s.found, ElementsAre("a", "", "c"));
        EXPECT_EQ(s.first, 1u);
        EXPECT_EQ(s.log->next().value, 4u);
        EXPECT_EQ(as_text(s.log->found_state()), "state");
        EXPECT_FALSE(s.log->may_have_lost());
    }
    s.keep("d");
    s.crash();
    s.open();
    EXPECT_THAT(s.found, ElementsAre("a", "", "c", "d"));
}

TEST(LaneLog, WhatIsNotCommittedIsNotThere) {
    Scene s;
    s.open();
    s.keep("a");
    ASSERT_TRUE(s.append("b"));
    EXPECT_GT(s.log->gathered_bytes(), 0u);
    s.open();
    EXPECT_THAT(s.found, ElementsAre("a"));
}

TEST(LaneLog, AnEntryCanBeTakenBack) {
    Scene s;
    s.open();
    ASSERT_TRUE(s.append("a"));
    ASSERT_TRUE(s.append("not this"));
    s.log->take_back();
    s.keep("b");
    s.open();
    EXPECT_THAT(s.found, ElementsAre("a", "b"));
}

TEST(LaneLog, ASecondOwnerIsRefusedUntilTheFirstIsGone) {
    Scene s;
    s.open();
    SimulatedLaneFiles others(s.disk);
    const auto second = LaneLog::open(others, {.directory = directory, .file_size = file_size}, [](Lsn, ByteView) {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
    s.log.reset();
    EXPECT_TRUE(LaneLog::open(others, {.directory = directory, .file_size = file_size}, [](Lsn, ByteView) {}));
}

TEST(LaneLog, FilesAreUsedAgainAndTheDiskStaysBounded) {
    Scene s;
    s.open();
    std::uint64_t most = 0;
    for (std::uint64_t i = 1; i <= 2000; ++i) {
        s.keep(std::string(1000, 'x'));
        if (i > 10) s.log->release_before(Lsn(i - 10));
        most = std::max(most, s.log->disk_bytes());
    }
    EXPECT_LE(most, 6 * file_size);
    s.open();
    EXPECT_EQ(s.log->next().value, 2001u);
    EXPECT_LE(s.first, 1990u);
    s.log->release_before(Lsn(2001));
    s.open();
    EXPECT_EQ(s.log->next().value, 2001u) << "numbers go on though nothing is needed";
}

TEST(LaneLog, ALargeEntryGetsAFileOfItsOwnThatGoesAgain) {
    Scene s;
    s.open();
    s.keep("small");
    s.keep(std::string(3 * file_size, 'l'));
    s.keep("after");
    EXPECT_GT(s.log->disk_bytes(), 3 * file_size);
    s.open();
    ASSERT_EQ(s.found.size(), 3u);
    EXPECT_EQ(s.found[1].size(), 3 * file_size);
    for (int i = 0; i < 40; ++i) s.keep(std::string(4000, 'x'));
    s.log->release_before(s.log->next());
    EXPECT_LE(s.log->disk_bytes(), 4 * file_size);
}

TEST(LaneLog, WithoutRoomNothingIsTakenAndNothingIsLost) {
    Scene s;
    s.open();
    std::vector<std::string> kept;
    s.disk.faults().space_max = 3 * file_size;
    for (int i = 0; i < 200; ++i) {
        const std::string text = "entry " + std::to_string(i) + std::string(3000, '.');
        auto taken = s.append(text);
        if (!taken) {
            EXPECT_EQ(taken.error().code, ErrorCode::no_space);
            break;
        }
        ASSERT_TRUE(s.log->commit());
        kept.push_back(text);
    }
    ASSERT_LT(kept.size(), 200u);
    EXPECT_FALSE(s.log->failed());
    s.disk.faults().space_max.reset();
    s.keep("there is room again");
    kept.push_back("there is room again");
    s.crash();
    s.open();
    EXPECT_EQ(s.found, kept);
}

TEST(LaneLog, AfterAFailedWriteNothingIsTakenAnyMore) {
    Scene s;
    s.open();
    s.keep("a");
    s.disk.faults().fail_write = 1;
    ASSERT_TRUE(s.append("b"));
    EXPECT_EQ(s.log->commit().error().code, ErrorCode::io);
    ASSERT_TRUE(s.log->failed());
    EXPECT_EQ(s.log->commit().error().code, ErrorCode::io) << "it is not tried again";
    EXPECT_EQ(s.append("c").error().code, ErrorCode::io);
    EXPECT_EQ(s.log->save(as_bytes("state")).error().code, ErrorCode::io);
    s.open();
    ASSERT_GE(s.found.size(), 1u);
    EXPECT_EQ(s.found[0], "a");
}

TEST(LaneLog, AReadOnlyDirectoryIsNamed) {
    Scene s;
    s.disk.faults().read_only = true;
    const Error error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_THAT(error.message, HasSubstr(directory));
}

TEST(LaneLog, ATornTailIsCutOffAndItsNumbersAreGivenAgain) {
    Scene s;
    s.open();
    s.keep("a");
    s.keep(std::string(9000, 'b'));
    s.log.reset();
    s.disk.contents(s.journal())[4096 + 4096 + 5000] ^= 1;
    s.open();
    EXPECT_THAT(s.found, ElementsAre("a"));
    EXPECT_EQ(s.log->next().value, 2u);
    s.keep("c");
    s.open();
    EXPECT_THAT(s.found, ElementsAre("a", "c"));
}

TEST(LaneLog, ABitFlipInWhatWasOnDiskIsRefusedByFileAndByte) {
    Scene s;
    s.open();
    ASSERT_TRUE(s.log->save({}));
    s.keep("a");
    s.keep("b");
    s.keep("c");
    s.log.reset();
    s.disk.flip_bit(s.journal(), 8192 + 56, 3);
    Error error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr(s.journal() + ": byte 8192"));
    s.disk.flip_bit(s.journal(), 8192 + 56, 3);
    s.open();
    ASSERT_TRUE(s.log->save({}));
    s.log.reset();
    s.disk.flip_bit(s.journal(), 12288 + 56, 3);
    error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt) << "the state knows that the last entry was stable";
}

TEST(LaneLog, ADamagedHeaderOrAMissingFileIsRefusedByName) {
    Scene s;
    s.open();
    for (int i = 0; i < 60; ++i) s.keep(std::string(4000, 'x'));
    s.log.reset();
    ASSERT_TRUE(s.disk.exists(s.journal(3)));
    s.disk.flip_bit(s.journal(2), 20, 1);
    EXPECT_THAT(s.refused().message, HasSubstr(s.journal(2)));
    s.disk.erase(s.journal(2));
    const Error error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr("is missing"));
}

TEST(LaneLog, ADamagedStateFallsBackToTheOneBeforeAndTwoAreRefused) {
    Scene s;
    s.open();
    ASSERT_TRUE(s.log->save(as_bytes("one")));
    ASSERT_TRUE(s.log->save(as_bytes("two")));
    s.log.reset();
    const std::string path = directory + "/lane.state";
    s.disk.flip_bit(path, 50, 0);  // sequence 2 stands in the first slot
    s.open();
    EXPECT_EQ(as_text(s.log->found_state()), "one");
    s.log.reset();
    s.disk.flip_bit(path, lane_slot_size + 50, 0);
    Error error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr(path));
    s.disk.erase(path);
    s.open();  // no journal file is there yet
    s.keep("a");
    s.log.reset();
    s.disk.erase(path);
    error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr("missing"));
}

TEST(LaneLog, ANewerVersionIsNamed) {
    Scene s;
    s.open();
    ASSERT_TRUE(s.log->save(as_bytes("one")));
    s.log.reset();
    Bytes& bytes = s.disk.contents(directory + "/lane.state");
    std::uint8_t* const slot = bytes.data() + lane_slot_size;
    store_be(slot + 8, std::uint16_t{lane_slot_version + 1});
    store_be(slot + lane_slot_size - 4, crc32c({slot, lane_slot_size - 4}));
    const Error error = s.refused();
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_THAT(error.message, HasSubstr("newer"));
}

TEST(LaneLog, ThroughThePageCacheACrashOfTheMachineMayCutMore) {
    Scene s;
    s.open(true);
    ASSERT_TRUE(s.log->save(as_bytes("one")));
    for (const char* text : {"a", "b", "c"}) s.keep(text);
    s.open(true);
    EXPECT_FALSE(s.log->may_have_lost()) << "the same life of the machine";
    s.log.reset();
    s.disk.flip_bit(s.journal(), 8192 + 56, 3);
    s.boot = MachineLife{2};
    s.open(true);
    EXPECT_TRUE(s.log->may_have_lost());
    EXPECT_THAT(s.found, ElementsAre("a"));
}

/// Anything, with a crash of the machine in the middle of a write; then what was committed is there.
void crash_somewhere(std::uint64_t seed) {
    Scene s(seed);
    std::mt19937_64 random(seed);
    std::vector<std::string> sent;  // all that was ever appended, and has not been cut off
    std::size_t committed = 0;
    std::uint64_t released = 1;
    for (int life = 0; life < 6; ++life) {
        const auto opened = s.try_open();
        ASSERT_TRUE(opened || s.files->has_crashed()) << opened.error().message;
        if (!opened) continue;
        ASSERT_GE(s.log->next().value, committed + 1);
        ASSERT_LE(s.log->next().value, sent.size() + 1);
        ASSERT_TRUE(s.found.empty() || s.first <= std::max<std::uint64_t>(released, 1));
        sent.resize(s.log->next().value - 1);
        for (std::size_t i = 0; i < s.found.size(); ++i) ASSERT_EQ(s.found[i], sent[s.first - 1 + i]);
        committed = sent.size();
        s.files->crash_in(1 + random() % 60);
        for (int step = 0; step < 300 && !s.files->has_crashed(); ++step) {
            const std::string text = std::to_string(random()) + std::string(random() % 9000, '.');
            if (s.append(text)) sent.push_back(text);
            if (random() % 3 == 0 && s.log->commit()) committed = sent.size();
            if (random() % 20 == 0) static_cast<void>(s.log->save(as_bytes("state")));
            if (random() % 10 == 0 && !s.files->has_crashed()) {
                released = std::max<std::uint64_t>(released, committed / 2);
                s.log->release_before(Lsn(released));
            }
            committed = std::max<std::size_t>(committed, s.log->durable_end().value - 1);
        }
        s.log.reset();
        if (!s.files->has_crashed()) s.files.reset();
    }
}

TEST(LaneLog, WhatIsCommittedSurvivesACrashInAnyWrite) {
    const char* const one = std::getenv("FANTAIL_LANE_LOG_SEED");
    const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 0;
    for (std::uint64_t seed = first; seed < first + (one != nullptr ? 1 : 200); ++seed) {
        crash_somewhere(seed);
        ASSERT_FALSE(testing::Test::HasFailure())
            << "repeat it: FANTAIL_LANE_LOG_SEED=" << seed << " storage_lane_test";
    }
}

}  // namespace
}  // namespace fantail::storage
