// SPDX-License-Identifier: Apache-2.0
//! The local log on a simulated disk: when what was appended is readable, durable and back.
#include "storage/local/local_log_scene.hpp"

namespace fantail::storage {
namespace {

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
