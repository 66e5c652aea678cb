// SPDX-License-Identifier: Apache-2.0
//! The local log on a simulated disk: journal, segments, and the space that settled messages give back.
#include "storage/local/local_log_scene.hpp"

namespace fantail::storage {
namespace {

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

}  // namespace
}  // namespace fantail::storage
