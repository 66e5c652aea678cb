// SPDX-License-Identifier: Apache-2.0
//! Settling, returning, getting, purging.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ShardSettle, ReturnedMessagesComeFirstInTheirOrderFlaggedAndCounted) {
    World w;
    w.put(definition(q1, QueueKind::quorum));
    w.consume(bob, 1, q1, 3);
    w.publish(q1, {"a", "b", "c", "d"});
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 3u);
    w.settle(got[2], Outcome::release);
    w.settle(got[0], Outcome::requeue);
    w.turn();
    const auto again = w.deliveries();
    ASSERT_EQ(again.size(), 2u);
    EXPECT_EQ(again[0].body, "a");
    EXPECT_TRUE(again[0].redelivered);
    EXPECT_EQ(again[0].failed, 1u);
    EXPECT_EQ(again[1].body, "c");
    EXPECT_EQ(again[1].failed, 0u);
    EXPECT_EQ(again[1].acquired, 1u);
}

TEST(ShardSettle, WhatWasNotSeenComesBackAsIfItHadNeverLeft) {
    World w;
    w.put(definition(q1, QueueKind::quorum));
    w.consume(bob, 1, q1, 2);
    w.publish(q1, {"a", "b"});
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    w.send(bob, SetFlow{q1, ConsumerId(1), false, {}});
    w.settle(got[1], Outcome::unseen);
    w.consume(alice, 1, q1, 2);
    w.turn();
    const auto again = w.deliveries();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].body, "b");
    EXPECT_FALSE(again[0].redelivered);
    EXPECT_EQ(again[0].acquired, 0u);
}

TEST(ShardSettle, WhatWasNotSeenIsFlaggedIfOthersGotLaterMessages) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1, 1);
    w.consume(alice, 1, q1, 2);
    w.publish(q1, {"a", "b"});
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    ASSERT_EQ(got[0].body, "a");
    w.send(bob, SetFlow{q1, ConsumerId(1), false, {}});
    w.settle(got[0], Outcome::unseen);
    w.turn();
    const auto again = w.deliveries();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_TRUE(again[0].redelivered) << "alice has b already";
}

TEST(ShardSettle, WhatAConnectionHeldComesBackInOrder) {
    World w;
    w.put(definition(q1));
    w.consume(alice, 1, q1, 2);
    w.consume(alice, 2, q1, 2);
    w.publish(q1, {"a", "b", "c", "d", "e"});
    w.turn();
    EXPECT_EQ(w.deliveries().size(), 4u);
    w.detach(alice);
    w.consume(bob, 1, q1);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 5u);
    EXPECT_EQ(got[0].body, "a");
    EXPECT_EQ(got[3].body, "d");
    EXPECT_TRUE(got[3].redelivered);
    EXPECT_FALSE(got[4].redelivered);
}

TEST(ShardSettle, ConsumersLagWhileTheyLeaveMoreThanTheyTake) {
    World w;
    w.put(definition(q1));
    w.consume(alice, 1, q1, 2);
    w.publish(q1, {"a", "b", "c", "d", "e", "f", "g"});
    w.turn();
    EXPECT_EQ(w.shard->consumer_pace().kind, ConsumerPace::Kind::behind) << "5 behind 2";
    w.turn();
    EXPECT_EQ(w.shard->consumer_pace().kind, ConsumerPace::Kind::none)
        << "it settled nothing: shorter turns would not help it";
    const auto settle_window = [&w] {
        for (const Got& got : w.deliveries()) w.settle(got, Outcome::accept);
        w.turn();
    };
    settle_window();
    EXPECT_EQ(w.shard->consumer_pace().kind, ConsumerPace::Kind::behind) << "3 behind 2";
    settle_window();
    EXPECT_EQ(w.shard->consumer_pace().kind, ConsumerPace::Kind::even) << "1 behind 2";
}

TEST(ShardSettle, UnknownOffsetsAndOtherConsumersLeasesAreIgnored) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    auto got = w.deliveries().at(0);
    got.consumer = ConsumerId(9);
    w.settle(got, Outcome::accept);
    got.consumer = ConsumerId(1);
    got.offset = 77;
    w.settle(got, Outcome::accept);
    EXPECT_EQ(w.figures().unsettled, 1u);
}

TEST(ShardSettle, SettledOffsetsAreReleasedOnceAndLoggedInOneChangeATurn) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a", "b", "c", "d"});
    w.turn();
    const auto got = w.deliveries();
    const std::size_t before = w.host.entries.size();
    for (int i : {2, 0, 3, 1}) w.settle(got[static_cast<std::size_t>(i)], Outcome::accept);
    w.turn();
    EXPECT_EQ(w.host.entries.size(), before + 1);
    EXPECT_EQ(w.host.released[level_stream(q1, 0)].size(), 4u);
    const auto change = decode_queue_change(w.host.entries.back().change);
    ASSERT_TRUE(change);
    EXPECT_THAT(std::get<ProgressChange>(*change).settled, ElementsAre(OffsetSpan{0, 4}));
}

TEST(ShardSettle, MemoryOnlyMessagesAreNeitherLoggedNorReleased) {
    World w;
    auto d = definition(q1);
    d.durable = false;
    w.put(d);
    AddConsumer automatic;
    automatic.settled_on_delivery = true;
    w.consume(bob, 1, q1, 0, automatic);
    w.publish(q1, {"a"});
    w.turn();
    EXPECT_EQ(w.figures().unsettled, 0u);
    EXPECT_THAT(w.host.entries, IsEmpty());
    EXPECT_THAT(w.host.released, IsEmpty());
    EXPECT_EQ(w.shard->cached_bytes(), 0u);
}

TEST(ShardSettle, TheDeliveryLimitDropsAMessageReturnedMoreOften) {
    World w;
    QueueOptions o;
    o.delivery_limit = 1;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::release);
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    EXPECT_THAT(w.bodies(), IsEmpty());
    EXPECT_EQ(w.figures().unsettled, 0u);
}

TEST(ShardSettle, DelayedRetryHoldsAReturnedMessageBackLongerEachTime) {
    World w;
    QueueOptions o;
    o.delayed_retry = DelayedRetry::failed;
    o.delayed_retry_min_ms = 100;
    o.delayed_retry_max_ms = 150;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    EXPECT_THAT(w.bodies(), IsEmpty());
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(100));
    w.advance_ms(100);
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(150));
}

TEST(ShardGet, TakesOneMessageAndTellsWhatIsLeft) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a", "b"});
    w.send(bob, Get{q1, ConsumerId(5), false});
    w.turn();
    const auto answers = w.take<GetResult>();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].message.count, 1u);
    EXPECT_EQ(answers[0].ready_left, 1u);
    w.settle({bob, ConsumerId(5), 0, 0}, Outcome::accept);
    EXPECT_EQ(w.figures().unsettled, 0u);
    EXPECT_EQ(w.figures().ready, 1u);
}

TEST(ShardGet, AnEmptyQueueAnswersCountZeroAndAMissingOneNotFound) {
    World w;
    w.put(definition(q1));
    w.send(bob, Get{q1, ConsumerId(5), true});
    w.send(bob, Get{q2, ConsumerId(5), true});
    w.turn();
    const auto answers = w.take<GetResult>();
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers[0].found);
    EXPECT_EQ(answers[0].message.count, 0u);
    EXPECT_FALSE(answers[1].found);
}

TEST(ShardPurge, RemovesWhatIsReadyAndLeavesWhatIsLeased) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1, 1);
    w.publish(q1, {"a", "b", "c"});
    w.turn();
    w.send(alice, Purge{q1});
    EXPECT_EQ(w.take<QueueCounts>().at(0).purged, 2u);
    w.turn();
    EXPECT_EQ(w.figures().ready, 0u);
    EXPECT_EQ(w.figures().unsettled, 1u);
    w.publish(q1, {"d"});
    w.detach(bob);
    w.consume(bob, 2, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "a", "d"));
}

TEST(ShardInspect, CountsReadyUnsettledAndConsumers) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1, 1);
    w.publish(q1, {"a", "b"});
    w.turn();
    w.send(alice, Inspect{q1});
    const auto counts = w.take<QueueCounts>().at(0);
    EXPECT_EQ(counts.ready, 1u);
    EXPECT_EQ(counts.unsettled, 1u);
    EXPECT_EQ(counts.consumers, 1u);
}

TEST(ShardMemory, AnIdleQueueIsSmall) { EXPECT_LE(sizeof(Queue), 500u); }

}  // namespace
}  // namespace fantail::broker::testing
