// SPDX-License-Identifier: Apache-2.0
//! Eviction, reading back, and queues of kind stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ShardMemory, DurableBatchesOverTheLimitAreDroppedAndReadBack) {
    World w;
    w.shard->set_tail_cache_limit(4000);
    w.put(definition(q1));
    for (int i = 0; i < 50; ++i) w.publish(q1, {"m" + std::to_string(i)});
    EXPECT_GT(w.shard->cached_bytes(), 4000u);
    w.sync();
    EXPECT_LE(w.shard->cached_bytes(), 4000u);
    w.consume(bob, 1, q1);
    w.turn();
    const auto bodies = w.bodies();
    ASSERT_EQ(bodies.size(), 50u);
    EXPECT_EQ(bodies[0], "m0");
    EXPECT_EQ(bodies[49], "m49");
}

TEST(ShardMemory, TransientBatchesOverTheLimitAreWrittenOutBeforeTheyAreDropped) {
    World w;
    w.shard->set_tail_cache_limit(4000);
    auto d = definition(q1);
    d.durable = false;
    w.put(d);
    for (int i = 0; i < 50; ++i) w.publish(q1, {"m" + std::to_string(i)});
    w.turn();
    ASSERT_FALSE(w.host.entries.empty());
    EXPECT_TRUE(w.host.entries[0].transient);
    EXPECT_GT(w.shard->cached_bytes(), 4000u);
    w.sync();
    w.turn();
    EXPECT_LE(w.shard->cached_bytes(), 4000u);
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 50u);
    EXPECT_EQ(got[49].body, "m49");
    for (const Got& g : got) w.settle(g, Outcome::accept);
    w.turn();
    EXPECT_EQ(w.host.released[level_stream(q1, 0)].size(), w.host.entries.size());
}

TEST(ShardMemory, TheLogGetsAQueuesBatchesInTheOrderOfTheirOffsets) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"transient"}, true);
    w.publish(q1, {"durable"});
    w.publish(q1, {"transient too"}, true);
    w.shard->set_tail_cache_limit(0);
    w.sync();
    w.turn();
    std::vector<std::uint64_t> offsets;
    for (const auto& entry : w.host.entries)
        for (const Target& target : entry.targets) offsets.push_back(target.base.value);
    EXPECT_THAT(offsets, ElementsAre(0, 1, 2));
}

TEST(ShardMemory, ABatchThatOnlyTheDurableQueueStillNeedsIsNotWrittenAgain) {
    World w;
    auto transient = definition(q2);
    transient.durable = false;
    w.put(definition(q1));
    w.put(transient);
    w.publish({{q1, 0}, {q2, 0}}, {{"a"}});
    w.publish({{q1, 0}, {q2, 0}}, {{"b"}});
    w.consume(bob, 1, q2);
    w.turn();
    w.settle(w.deliveries().at(1), Outcome::accept, q2);
    w.turn();
    w.shard->set_tail_cache_limit(0);
    w.sync();
    w.turn();
    for (const auto& entry : w.host.entries) EXPECT_TRUE(entry.batch == nullptr || !entry.targets.empty());
}

TEST(ShardMemory, ADrainReadsAheadButKeepsAtMostTwoChunks) {
    World w;
    w.shard->set_tail_cache_limit(0);
    w.put(definition(q1));
    for (int i = 0; i < 100; ++i) w.publish(q1, {std::string(30'000, 'x')});
    w.sync();
    AddConsumer automatic;
    automatic.settled_on_delivery = true;
    w.consume(bob, 1, q1, 0, automatic);
    w.shard->end_of_turn(w.now);
    ASSERT_EQ(w.host.reads.size(), 1u);
    const auto first = w.host.reads[0];
    w.host.reads.clear();
    w.answer(first);
    w.shard->end_of_turn(w.now);
    ASSERT_EQ(w.host.reads.size(), 1u);
    EXPECT_GT(w.host.reads[0].from, first.from);
    EXPECT_LE(w.shard->cached_bytes(), 2u * limits::read_chunk_size);
    w.turn();
    EXPECT_EQ(w.bodies().size(), 100u);
    EXPECT_EQ(w.shard->cached_bytes(), 0u);
}

TEST(ShardMemory, AFailedReadIsTriedAgainAfterAPause) {
    World w;
    w.shard->set_tail_cache_limit(0);
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.sync();
    w.consume(bob, 1, q1);
    w.shard->end_of_turn(w.now);
    const auto read = w.host.reads.at(0);
    w.host.reads.clear();
    w.shard->on_read(read.token, fail(ErrorCode::io, "disk"));
    w.shard->end_of_turn(w.now);
    EXPECT_THAT(w.host.reads, IsEmpty());
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(limits::read_retry_ms));
    w.advance_ms(limits::read_retry_ms);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
}

TEST(ShardMemory, AGetDoesNotWaitForWhatCannotBeRead) {
    World w;
    w.shard->set_tail_cache_limit(0);
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.sync();
    w.send(bob, Get{.queue = q1, .consumer = ConsumerId(0)});
    w.shard->end_of_turn(w.now);
    const auto read = w.host.reads.at(0);
    w.host.reads.clear();
    EXPECT_THAT(w.take<GetResult>(), IsEmpty());
    w.shard->on_read(read.token, fail(ErrorCode::corrupt, "segment 1: batch at 4096 fails its checksum"));
    w.shard->end_of_turn(w.now);
    const auto answers = w.take<GetResult>();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].message.count, 0u);
    EXPECT_EQ(answers[0].ready_left, 1u);
}

TEST(ShardStream, ConsumersReadAtTheirOwnPlacesOnceItIsDurable) {
    World w;
    w.put(definition(q1, QueueKind::stream));
    w.publish(q1, {"a", "b"});
    w.publish(q1, {"c"});
    AddConsumer first;
    first.start = StreamStart::first;
    w.consume(bob, 1, q1, 0, first);
    AddConsumer last;
    last.start = StreamStart::last;
    w.consume(bob, 2, q1, 0, last);
    AddConsumer at;
    at.start = StreamStart::offset;
    at.start_offset = Offset(1);
    w.consume(bob, 3, q1, 0, at);
    w.consume(bob, 4, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), IsEmpty());
    w.sync();
    w.turn();
    std::map<std::uint64_t, std::string> seen;
    for (const Got& g : w.deliveries()) seen[g.consumer.value] += g.body;
    EXPECT_EQ(seen[1], "abc");
    EXPECT_EQ(seen[2], "c");
    EXPECT_EQ(seen[3], "bc");
    EXPECT_EQ(seen[4], "");
}

TEST(ShardStream, SettlingReturnsCreditAndRemovesNothing) {
    World w;
    w.put(definition(q1, QueueKind::stream));
    w.publish(q1, {"a", "b", "c"});
    w.sync();
    AddConsumer first;
    first.start = StreamStart::first;
    w.consume(bob, 1, q1, 2, first);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    w.settle(got[0], Outcome::accept);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("c"));
    EXPECT_EQ(w.figures().ready, 3u);
    EXPECT_THAT(w.host.released, IsEmpty());
}

TEST(ShardStream, RetentionTrimsWholeBatchesFromTheHead) {
    World w;
    QueueOptions o;
    o.retention_ms = 1000;
    w.put(definition(q1, QueueKind::stream, o));
    for (int i = 0; i < 3; ++i) {
        w.publish(q1, {"a", "b"});
        w.sync();
        w.advance_ms(500);
    }
    w.turn();
    EXPECT_EQ(w.host.released[level_stream(q1, 0)].size(), 4u);
    EXPECT_EQ(w.figures().ready, 2u);
}

TEST(ShardStream, RetentionWaitsForWhatACrashMayTakeBack) {
    World w;
    QueueOptions o;
    o.retention_ms = 1000;
    w.put(definition(q1, QueueKind::stream, o));
    w.publish(q1, {"a"});
    w.sync();
    w.publish(q1, {"b"});
    w.publish(q1, {"c"});
    w.advance_ms(2000);
    w.turn();
    EXPECT_EQ(w.figures().ready, 2u) << "b and c are not durable: the log could end before it starts";
    w.sync();
    w.turn();
    EXPECT_EQ(w.figures().ready, 1u);
}

TEST(ShardStream, FiltersAndTimesSelectRecords) {
    World w;
    w.put(definition(q1, QueueKind::stream));
    w.publish({{q1, 0}}, {{"old", {}, {}, {}, "x"}});
    w.advance_ms(100);
    w.publish({{q1, 0}}, {{"a", {}, {}, {}, "x"}, {"b", {}, {}, {}, "y"}, {"c"}, {"d", {}, {}, {}, "x"}});
    w.sync();
    AddConsumer filtered;
    filtered.start = StreamStart::timestamp;
    filtered.start_time = w.now.wall;
    filtered.filters = {"x"};
    w.consume(bob, 1, q1, 0, filtered);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "d"));
    filtered.match_unfiltered = true;
    w.consume(bob, 2, q1, 0, filtered);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "c", "d"));
}

}  // namespace
}  // namespace fantail::broker::testing
