// SPDX-License-Identifier: Apache-2.0
//! The local log on a simulated disk: what it does about damage and faults, one by one.
#include "storage/local/journal_format.hpp"
#include "storage/local/journal_ring.hpp"
#include "storage/local/local_log_scene.hpp"

namespace fantail::storage {
namespace {

std::string journal_path(std::uint64_t n) { return "/data/shard-0/" + journal_name(n); }

TEST_F(LocalLogTest, ASecondProcessIsRefused) {
    open();
    TestOwner second(disk);
    const auto opened = second.open(small_options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
    EXPECT_NE(opened.error().message.find("/data/shard-0"), std::string::npos);
}

TEST_F(LocalLogTest, AReadOnlyDirectoryIsNamed) {
    disk.faults().read_only = true;
    const auto error = refused();
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_NE(error.message.find("/data/shard-0"), std::string::npos);
}

TEST_F(LocalLogTest, ATornTailIsCutAndReported) {
    open();
    owner->settle_down();
    owner->append(1, 1, 100);
    owner->settle_down();
    owner->append(1, 1, 3000);
    owner->settle_down();
    owner->log.reset();
    disk.crash();
    disk.flip_bit(journal_path(1), 8192 + 200, 3);  // the last frame: nothing says that it was confirmed
    open();
    EXPECT_EQ(owner->log->durable().value, 1u);
    owner->append(1, 1, 100);
    owner->settle_down();
    crash();
    open();  // the second opening finds the file that begins where the first one cut
    EXPECT_EQ(owner->log->durable().value, 2u);
    expect_readable(1, 0, 2);
}

TEST_F(LocalLogTest, ABitFlipInConfirmedDataIsRefusedByFileAndPosition) {
    open();
    for (int i = 0; i < 5; ++i) {
        owner->append(1, 1, 100);
        owner->settle_down();
    }
    crash();
    disk.flip_bit(journal_path(1), 8192 + 100, 0);
    const auto error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_NE(error.message.find(journal_path(1) + ": damaged at byte 8192"), std::string::npos) << error.message;
    disk.crash();
    auto options = small_options();
    options.salvage = true;
    open(options);
    EXPECT_EQ(owner->log->durable().value, 5u);
    ASSERT_EQ(owner->reports.size(), 1u);
    EXPECT_NE(owner->reports[0].find("damaged at byte 8192"), std::string::npos);
    EXPECT_EQ(owner->covered[1].size(), 2u);
}

TEST_F(LocalLogTest, ABitFlipInTheLastFrameAfterACleanStopIsDamage) {
    open();
    owner->append(1, 1, 100);
    owner->close();
    disk.flip_bit(journal_path(1), 4096 + 100, 0);
    EXPECT_EQ(refused().code, ErrorCode::corrupt);
}

TEST_F(LocalLogTest, AMissingJournalFileIsNamed) {
    open();
    owner->auto_checkpoint = false;
    fill(2);
    ASSERT_GE(names(".log").size(), 3u);
    crash();
    disk.erase(journal_path(2));
    const auto error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_NE(error.message.find(journal_path(2) + ": journal file is missing"), std::string::npos) << error.message;
}

TEST_F(LocalLogTest, AMissingSegmentIsNamed) {
    open();
    fill(8);
    crash();
    const auto name = names(".seg").front();
    disk.erase("/data/shard-0/" + name);
    const auto error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_NE(error.message.find(name + ": segment file is missing"), std::string::npos) << error.message;
}

TEST_F(LocalLogTest, ANewerFormatIsNamedAsSuch) {
    open();
    owner->append(1, 1, 100);
    owner->close();
    auto& bytes = disk.contents(journal_path(1));
    store_be<std::uint16_t>(bytes.data() + 8, journal_version + 1);
    store_be(bytes.data() + 60, crc32c(ByteView(bytes).first(60)));
    const auto error = refused();
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_NE(error.message.find("newer"), std::string::npos);
}

TEST_F(LocalLogTest, ADamagedSnapshotFallsBackOrIsRefused) {
    open();
    fill(8);
    owner->auto_checkpoint = false;
    fill(2);  // recycles the journal files that the last checkpoint freed
    crash();
    const auto snapshots = names(".snap");
    ASSERT_EQ(snapshots.size(), 2u);
    disk.flip_bit("/data/shard-0/" + snapshots[1], 70, 1);
    const auto error = refused();  // the older one needs journal files that were recycled
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    disk.crash();
    disk.flip_bit("/data/shard-0/" + snapshots[0], 70, 1);
    EXPECT_NE(refused().message.find("no snapshot is intact"), std::string::npos);
}

TEST_F(LocalLogTest, AFailedWriteStopsTheLogForGood) {
    open();
    owner->append(1, 1, 100);
    owner->settle_down();
    disk.faults().fail_write = 1;
    owner->append(1, 1, 100);
    owner->settle_down();
    owner->append(1, 1, 100);
    owner->turn(2000);
    disk.run();
    EXPECT_EQ(owner->durable.value, 1u);
    EXPECT_EQ(owner->states, std::vector{LogState::failed});
    EXPECT_EQ(owner->last_error.code, ErrorCode::io);
    expect_readable(1, 0, 1);
    owner->close();
    EXPECT_TRUE(owner->closed);
}

TEST_F(LocalLogTest, AFailedSyncOfASegmentStopsTheLogAndLosesNothing) {
    open();
    disk.faults().fail_sync = 1;
    for (int i = 0; i < 400 && owner->log->state() == LogState::ok; ++i) {
        owner->append(1, 1, 8000);
        owner->turn();
        disk.run();
    }
    ASSERT_EQ(owner->log->state(), LogState::failed);
    EXPECT_EQ(owner->last_error.code, ErrorCode::io);
    const auto safe = owner->durable.value;
    crash();
    open();
    expect_readable(1, 0, safe);
}

TEST_F(LocalLogTest, AFailedReadIsAnsweredWithItsError) {
    open();
    owner->append(1, 1, 100);
    owner->settle_down();
    disk.faults().fail_read = 1;
    EXPECT_TRUE(owner->read(1, 0).empty());
    ASSERT_TRUE(owner->read_error);
    EXPECT_EQ(owner->read_error->code, ErrorCode::io);
    expect_readable(1, 0, 1);
}

TEST_F(LocalLogTest, DamageInASegmentIsToldToTheReader) {
    open();
    fill(8);
    disk.flip_bit("/data/shard-0/" + names(".seg").front(), 4096 + 300, 1);
    EXPECT_TRUE(owner->read(1, 0).empty());
    ASSERT_TRUE(owner->read_error);
    EXPECT_EQ(owner->read_error->code, ErrorCode::corrupt);
    EXPECT_TRUE(owner->read(1, 0).empty());
    ASSERT_EQ(owner->reports.size(), 1u) << "once, however often it is read";
    EXPECT_NE(owner->reports[0].find(names(".seg").front() + ": batch at "), std::string::npos) << owner->reports[0];
}

TEST_F(LocalLogTest, WhatStandsBeforeDamageInASegmentIsGiven) {
    open();
    fill(8);
    const auto whole = owner->read(1, 0);
    ASSERT_GE(whole.size(), 2u);
    disk.flip_bit("/data/shard-0/" + names(".seg").front(), 4096 + whole[0].bytes->size() + 300, 1);
    const auto before = owner->read(1, 0);
    ASSERT_EQ(before.size(), 1u);
    EXPECT_EQ(before[0].base.value, 0u);
    EXPECT_TRUE(owner->read(1, whole[1].base.value).empty());
    EXPECT_TRUE(owner->read_error);
}

TEST_F(LocalLogTest, DamageInASegmentIsPassedOverIfTheOperatorWantsThat) {
    auto options = small_options();
    options.salvage = true;
    open(options);
    fill(8);
    const auto whole = owner->read(1, 0);
    ASSERT_GE(whole.size(), 2u);
    disk.flip_bit("/data/shard-0/" + names(".seg").front(), 4096 + 300, 1);
    const auto rest = owner->read(1, 0);
    EXPECT_FALSE(owner->read_error);
    ASSERT_FALSE(rest.empty());
    EXPECT_EQ(rest[0].base, whole[1].base);
    ASSERT_EQ(owner->reports.size(), 1u);
}

TEST_F(LocalLogTest, ARunThatIsDamagedToItsEndIsPassedOverToTheNextOne) {
    auto options = small_options();
    options.salvage = true;
    open(options);
    fill(8);
    auto& bytes = disk.contents("/data/shard-0/" + names(".seg").front());
    const auto whole = owner->read(1, 0);
    std::memset(bytes.data() + 4096, 0xFF, whole[0].bytes->size());  // its length, too
    const auto rest = owner->read(1, 0);
    EXPECT_FALSE(owner->read_error);
    ASSERT_FALSE(rest.empty());
    EXPECT_GT(rest[0].base.value, 0u);
}

TEST_F(LocalLogTest, AFullDiskHoldsBackAndRecoversByItself) {
    open();
    disk.faults().space_max = 900 << 10;
    std::uint64_t appended = 0;
    while (owner->log->state() == LogState::ok && appended < 400) {
        owner->append(1, 1, 8000);
        ++appended;
        owner->turn();
        disk.run();
    }
    ASSERT_EQ(owner->log->state(), LogState::no_space);
    EXPECT_NE(owner->log->deadline(), MonoTime::never());
    expect_readable(1, 0, 10);
    disk.faults().space_max.reset();
    for (int i = 0; i < 20; ++i) {
        owner->turn(1000);
        disk.run();
    }
    EXPECT_EQ(owner->log->state(), LogState::ok);
    EXPECT_EQ(owner->states, (std::vector{LogState::no_space, LogState::ok}));
    EXPECT_EQ(owner->durable.value, appended);
    expect_readable(1, 0, appended);
}

TEST_F(LocalLogTest, ADiskThatLiesIsFoundOut) {
    open();
    for (int i = 0; i < 4; ++i) {
        owner->append(1, 1, 100);
        owner->settle_down();
    }
    disk.faults().lie = 1;
    owner->append(1, 1, 100);
    owner->settle_down();
    disk.faults().lie = 0;
    owner->append(1, 1, 100);
    owner->settle_down();
    crash();
    EXPECT_EQ(refused().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace fantail::storage
