// SPDX-License-Identifier: Apache-2.0
//! What survives a crash, and what a snapshot keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ShardRecovery, DurableMessagesReturnAndSettledOnesDoNot) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a", "b", "c"});
    w.consume(bob, 1, q1, 2);
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::accept);
    w.turn();
    w.sync();
    w.crash();
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].body, "b");
    EXPECT_TRUE(got[0].redelivered);
    EXPECT_EQ(got[1].body, "c");
}

TEST(ShardRecovery, UndeliveredMessagesAreNotFlaggedAfterAStop) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    w.stop();
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_FALSE(w.deliveries().at(0).redelivered);
}

TEST(ShardRecovery, EverythingIsFlaggedAfterACrash_DeliveriesAreNotWrittenBeforeTheyAreMade) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    w.sync();
    w.consume(bob, 1, q1);
    w.turn();  // delivered, and nothing of that is durable
    w.crash();
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_TRUE(w.deliveries().at(0).redelivered);
}

TEST(ShardRecovery, CrashOfAProcessThatWroteNothingAfterAStopFlagsToo) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    w.stop();
    w.sync();  // what every start writes
    w.consume(bob, 1, q1);
    w.turn();
    w.crash();
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_TRUE(w.deliveries().at(0).redelivered);
}

TEST(ShardRecovery, TransientMessagesLeaveGapsThatNobodyWaitsFor) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"t1", "t2"}, true);
    w.publish(q1, {"d1"});
    w.publish(q1, {"t3"}, true);
    w.publish(q1, {"d2"});
    w.turn();
    w.sync();
    w.crash();
    EXPECT_EQ(w.figures().ready, 2u);
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("d1", "d2"));
}

TEST(ShardRecovery, UnsyncedMessagesAreGoneAndTheirOffsetsMayBeUsedAgain) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    w.sync();
    w.publish(q1, {"lost"});
    w.turn();
    w.crash();
    w.publish(q1, {"b"});
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[1].body, "b");
    EXPECT_EQ(got[1].offset, 1u);
}

TEST(ShardRecovery, ASnapshotKeepsCountsDelaysIdsAndSettledRanges) {
    World w;
    QueueOptions o;
    o.deduplication_window_ms = 100'000;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    const std::int64_t due = w.now.wall.ms + 5000;
    w.publish({{q1, 0}}, {{"a", {}, {}, "id-a"}, {"b"}, {"c"}, {"later", {}, due}});
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 3u);
    w.settle(got[1], Outcome::accept);
    w.settle(got[0], Outcome::requeue);
    w.turn();
    w.deliveries();
    w.stop();
    EXPECT_EQ(w.shard->snapshot(true), w.checkpoint->first);
    w.publish({{q1, 0}}, {{"again", {}, {}, "id-a"}});
    w.consume(bob, 1, q1);
    w.turn();
    const auto after = w.deliveries();
    ASSERT_EQ(after.size(), 2u);
    EXPECT_EQ(after[0].body, "a");
    EXPECT_EQ(after[0].failed, 1u);
    EXPECT_EQ(after[1].body, "c");
    w.advance_ms(5000);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("later"));
}

TEST(ShardRecovery, ReplayAloneKeepsCountsDelaysAndIds) {
    World w;
    QueueOptions o;
    o.deduplication_window_ms = 100'000;
    o.delayed_retry = DelayedRetry::failed;
    o.delayed_retry_min_ms = o.delayed_retry_max_ms = 4000;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish({{q1, 0}}, {{"a", {}, {}, "id-a"}, {"later", {}, w.now.wall.ms + 5000}});
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    w.sync();
    w.crash();
    w.consume(bob, 1, q1);
    w.publish({{q1, 0}}, {{"again", {}, {}, "id-a"}});
    w.turn();
    EXPECT_THAT(w.bodies(), IsEmpty());
    w.advance_ms(4000);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].failed, 1u);
    w.advance_ms(1000);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("later"));
}

TEST(ShardRecovery, IdsMeanNothingWithoutAWindowThoughTheClockWasSetBack) {
    World w;
    w.put(definition(q1));
    w.publish({{q1, 0}}, {{"a", {}, {}, "id-a"}});
    w.sync();
    w.now.wall.ms -= 10'000;
    w.crash();
    w.publish({{q1, 0}}, {{"again", {}, {}, "id-a"}});
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "again"));
}

TEST(ShardRecovery, ChangesMayBeReplayedTwice) {
    World w;
    w.put(definition(q1, QueueKind::quorum));
    w.publish(q1, {"a", "b", "c"});
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    w.settle(got.at(1), Outcome::accept);
    w.settle(got.at(0), Outcome::requeue);
    w.turn();
    w.sync();
    const auto entries = w.host.entries;
    for (const auto& e : entries) w.host.entries.push_back(e);
    w.crash();
    EXPECT_EQ(w.figures().ready, 2u);
}

TEST(ShardRecovery, StreamsOfQueuesThatWereNotPutAreForgotten) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.sync();
    w.definitions.clear();
    w.crash();
    EXPECT_TRUE(w.host.forgotten.contains(level_stream(q1, 0)));
    EXPECT_EQ(w.shard->live(level_stream(q1, 0), Offset(0), Offset(10)), 0u);
}

TEST(ShardRecovery, ARemovedQueueStaysRemoved) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.shard->queue_removed(q1);
    w.sync();
    w.host.forgotten.clear();
    w.crash();
    EXPECT_EQ(w.figures().ready, 0u);
}

TEST(ShardRecovery, LiveCountsWhatIsStillNeeded) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a", "b", "c", "d"});
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    w.settle(got.at(2), Outcome::accept);
    w.turn();
    w.sync();
    w.crash();
    EXPECT_EQ(w.shard->live(level_stream(q1, 0), Offset(0), Offset(4)), 3u);
    EXPECT_EQ(w.shard->live(level_stream(q1, 0), Offset(2), Offset(3)), 0u);
    EXPECT_EQ(w.shard->live(level_stream(q1, 5), Offset(0), Offset(4)), 0u);
}

TEST(ShardRecovery, AStreamKeepsItsTrimmedHeadAndItsTail) {
    World w;
    QueueOptions o;
    o.retention_ms = 1000;
    w.put(definition(q1, QueueKind::stream, o));
    for (int i = 0; i < 3; ++i) {
        w.publish(q1, {"m" + std::to_string(i)});
        w.sync();
        w.advance_ms(600);
    }
    w.turn();
    w.sync();
    w.crash();
    AddConsumer first;
    first.start = StreamStart::first;
    w.consume(bob, 1, q1, 0, first);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("m2"));
}

TEST(ShardRecovery, DamagedInputIsRefusedNotBelieved) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a", "b"});
    w.turn();
    const Bytes good = w.shard->snapshot();
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        FakeHost host;
        Shard shard(ShardId(1), host);
        EXPECT_FALSE(shard.restore(ByteView(good).first(cut))) << cut;
    }
    FakeHost host;
    Shard shard(ShardId(1), host);
    const std::uint8_t unknown[] = {9, 0, 0, 0, 0, 0, 0, 0, 1};
    EXPECT_FALSE(shard.replay_change(unknown));
    EXPECT_FALSE(shard.replay_batch(std::vector<Target>{{level_stream(q1, 0), Offset(0)}}, 1, ByteView(unknown)));
}

}  // namespace
}  // namespace fantail::broker::testing
