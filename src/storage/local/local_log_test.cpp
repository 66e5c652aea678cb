// SPDX-License-Identifier: Apache-2.0
//! The local log on a simulated disk: what it promises, fault by fault.
#include "storage/local/local_log.hpp"

#include <gtest/gtest.h>

#include "storage/local/journal_format.hpp"
#include "storage/local/journal_ring.hpp"
#include "storage/local/test_log.hpp"

namespace fantail::storage {
namespace {

std::string journal_path(std::uint64_t n) { return "/data/shard-0/" + journal_name(n); }

class LocalLogTest : public testing::Test {
protected:
    void open(LocalOptions options = small_options()) {
        owner = std::make_unique<TestOwner>(disk);
        const auto opened = owner->open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().message;
    }
    void crash() {
        disk.crash();
        owner->log.reset();
    }
    /// The error of opening what is on the disk.
    Error refused(LocalOptions options = small_options()) {
        owner = std::make_unique<TestOwner>(disk);
        const auto opened = owner->open(std::move(options));
        return opened ? Error{ErrorCode::internal, "it opened"} : opened.error();
    }
    /// Fills about `n` journal files with batches of stream 1 and writes all out.
    void fill(std::size_t files, std::uint64_t stream = 1) {
        for (std::size_t i = 0; i < files * 32; ++i) {
            owner->append(stream, 1, 8000);
            owner->turn();
            if (i % 8 == 7) owner->settle_down();
        }
        owner->settle_down();
    }
    [[nodiscard]] std::vector<std::string> names(const std::string& ending) {
        std::vector<std::string> out;
        const auto all = disk.list("/data/shard-0").value();
        for (const auto& n : all)
            if (n.ends_with(ending)) out.push_back(n);
        return out;
    }
    void expect_readable(std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
        for (auto at = first; at < end;) {
            auto got = owner->read(stream, at);
            ASSERT_FALSE(owner->read_error) << owner->read_error->message;
            ASSERT_FALSE(got.empty()) << at;
            ASSERT_EQ(got[0].base.value, at);
            at = got.back().base.value + got.back().count;
        }
    }
    SimulatedFiles disk{1};
    std::unique_ptr<TestOwner> owner;
};

TEST_F(LocalLogTest, BatchesAreReadableBeforeAndAfterTheyAreDurable) {
    open();
    const auto lsn = owner->append(1, 2, 500);
    owner->append(2, 1, 300);
    expect_readable(1, 0, 2);
    owner->settle_down();
    EXPECT_GE(owner->durable, lsn);
    expect_readable(1, 0, 2);
    expect_readable(2, 0, 1);
    EXPECT_TRUE(owner->read(1, 2).empty());
    EXPECT_TRUE(owner->read(99, 0).empty());
}

TEST_F(LocalLogTest, NothingIsSaidFromInsideACall) {
    open();
    owner->append(1, 1, 100);
    owner->log->submit(owner->now);
    owner->log->read(StreamId(1), Offset(0), 100, ReadToken(5));
    EXPECT_EQ(owner->durable.value, 0u);
    EXPECT_TRUE(owner->answers.empty());
}

TEST_F(LocalLogTest, LazyChangesWaitAndThenGo) {
    open();
    owner->settle_down();
    owner->log->append_change(settle_change(1, 0, 0), true);
    owner->turn();
    disk.run();
    EXPECT_EQ(owner->durable.value, 0u);
    EXPECT_EQ(owner->log->deadline(), owner->now.plus_ms(limits::lazy_write_delay_ms));
    owner->turn(limits::lazy_write_delay_ms);
    disk.run();
    EXPECT_EQ(owner->durable.value, 1u);
    EXPECT_EQ(owner->log->deadline(), MonoTime::never());
}

TEST_F(LocalLogTest, LazyChangesRideOnTheNextWrite) {
    open();
    owner->settle_down();
    owner->log->append_change(settle_change(1, 0, 0), true);
    owner->turn();
    owner->append(1, 1, 100);
    owner->turn();
    disk.run();
    EXPECT_EQ(owner->durable.value, 2u);
    EXPECT_EQ(owner->log->figures().writes, 1u);
}

TEST_F(LocalLogTest, WritesThatGatherBecomeFewFrames) {
    open();
    owner->settle_down();
    owner->append(1, 1, 100);
    owner->turn();
    for (int i = 0; i < 20; ++i) {
        owner->append(1, 1, 100);
        owner->turn();
    }
    owner->settle_down();
    EXPECT_EQ(owner->durable.value, 21u);
    EXPECT_EQ(owner->log->figures().writes, 2u);
}

TEST_F(LocalLogTest, FullFilesAreFlushedToSegmentsAndRecycled) {
    open();
    fill(8);
    const auto f = owner->log->figures();
    EXPECT_GT(f.segments, 3u);
    EXPECT_LE(names(".log").size(), 4u);
    EXPECT_GT(disk.used_space(), 8u * 32 * 8000);
    expect_readable(1, 0, 8 * 32);
}

TEST_F(LocalLogTest, ASnapshotThatWaitsForAFullRingGetsItsFile) {
    open();
    owner->auto_checkpoint = false;
    fill(2);
    // More than the whole ring holds comes before the disk does anything, and the snapshot covers all of it.
    for (int i = 0; i < 6 * 32; ++i) owner->append(1, 1, 8000);
    ASSERT_TRUE(owner->log->wants_checkpoint());
    owner->log->checkpoint(owner->state.encode());
    const Lsn last = owner->append(1, 1, 8000);
    owner->settle_down();
    EXPECT_EQ(owner->durable, last);
}

TEST_F(LocalLogTest, SettledMessagesAreNeverWrittenToSegments) {
    open();
    for (std::uint64_t i = 0; i < 300; ++i) {
        owner->append(1, 1, 8000);
        owner->settle(1, i, i + 1);
        if (i % 8 == 7) owner->settle_down();
    }
    owner->settle_down();
    EXPECT_TRUE(names(".seg").empty());
    EXPECT_LE(disk.used_space(), 5u * (256 << 10));
}

TEST_F(LocalLogTest, DrainingGivesSpaceBackOnTheWay) {
    open();
    fill(8);
    owner->auto_checkpoint = false;  // only holes, no removal of files
    const auto full = disk.used_space();
    owner->settle(1, 0, 100);
    owner->settle_down();
    EXPECT_LE(disk.used_space(), full - 80u * 8000);
    expect_readable(1, 100, 8 * 32);
    // A message in the middle that stays does not pin the rest.
    owner->settle(1, 100, 120);
    owner->settle(1, 121, 200);
    owner->settle_down();
    EXPECT_LE(disk.used_space(), full - 170u * 8000);
    expect_readable(1, 120, 121);
}

TEST_F(LocalLogTest, SpaceIsKeptUntilTheSettlementIsDurable) {
    open();
    fill(8);
    const auto full = disk.used_space();
    disk.faults().hold = "journal";
    owner->settle(1, 0, 200);
    owner->turn(20);
    disk.run();
    EXPECT_GE(disk.used_space(), full);
    disk.faults().hold.clear();
    owner->settle_down();
    EXPECT_LT(disk.used_space(), full - 100u * 8000);
}

TEST_F(LocalLogTest, ABodyForManyStreamsIsStoredOnceAndFreedWithTheLast) {
    open();
    std::vector<StreamId> streams;
    for (std::uint64_t s = 1; s <= 50; ++s) streams.push_back(StreamId(s));
    for (int i = 0; i < 150; ++i) {
        owner->append_to(streams, 1, 8000);
        if (i % 8 == 7) owner->settle_down();
    }
    owner->settle_down();
    EXPECT_LT(disk.used_space(), 150u * 10000 + 5 * (256 << 10));
    for (std::uint64_t s = 1; s <= 50; ++s) expect_readable(s, 0, 150);
    for (std::uint64_t s = 1; s < 50; ++s) owner->settle(s, 0, 150);
    owner->settle_down();
    expect_readable(50, 0, 150);
    crash();
    open();
    expect_readable(50, 0, 150);
    const auto before = owner->log->figures().segment_bytes;
    owner->log->forget(StreamId(50));
    owner->state.streams.erase(50);
    owner->log->append_change(settle_change(50, 0, 150), false);
    owner->settle_down();
    EXPECT_LT(owner->log->figures().segment_bytes, before / 4);
}

TEST_F(LocalLogTest, LargeBodiesTakeTheirOwnSegmentAndKeepTheOrder) {
    open();
    owner->append(1, 1, 100);
    owner->append(1, 1, 3 << 20);
    const auto last = owner->append(1, 1, 100);
    expect_readable(1, 0, 3);
    owner->settle_down();
    EXPECT_EQ(owner->durable, last);
    expect_readable(1, 0, 3);
    crash();
    open();
    EXPECT_EQ(owner->log->durable(), last);
    EXPECT_FALSE(owner->broken);
    expect_readable(1, 0, 3);
    fill(4, 2);
    owner->settle(1, 1, 2);
    owner->settle_down();
    EXPECT_LT(disk.used_space(), 3u << 20);
}

TEST_F(LocalLogTest, TransientBatchesDoNotComeBack) {
    open();
    owner->append(1, 1, 8000, true);
    owner->append(1, 1, 8000);
    fill(6, 2);
    expect_readable(1, 0, 2);
    crash();
    open();
    ASSERT_EQ(owner->covered[1].size(), 1u);
    EXPECT_EQ(owner->covered[1][0], std::pair(std::uint64_t{1}, std::uint64_t{2}));
}

TEST_F(LocalLogTest, ACleanStopMakesEverythingDurable) {
    open();
    owner->append(1, 3, 100);
    owner->log->append_change(settle_change(1, 0, 1), true);
    owner->close();
    EXPECT_TRUE(owner->closed);
    EXPECT_EQ(owner->durable.value, 2u);
    open();
    EXPECT_EQ(owner->log->durable().value, 2u);
    EXPECT_TRUE(owner->reports.empty());
}

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

TEST_F(LocalLogTest, EntriesBeforeTheCheckpointAreNotReplayed) {
    open();
    owner->append(1, 1, 100);
    owner->log->checkpoint(owner->state.encode());
    owner->append(1, 1, 100);
    owner->settle_down();
    crash();
    open();
    EXPECT_EQ(owner->log->figures().replayed_entries, 1u);
    expect_readable(1, 0, 2);
}

}  // namespace
}  // namespace fantail::storage
