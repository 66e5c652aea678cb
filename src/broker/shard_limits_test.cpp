// SPDX-License-Identifier: Apache-2.0
//! Expiry, length limits, delays, deduplication, dead letters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

QueueOptions with_letters(QueueOptions o = {}) {
    o.dead_letter_exchange = "dlx";
    return o;
}

TEST(ShardExpiry, TheQueuesRuleExpiresFromTheHeadAtItsTime) {
    World w;
    QueueOptions o;
    o.message_ttl_ms = 100;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a", "b"});
    w.turn();
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(100));
    w.advance_ms(99);
    w.turn();
    EXPECT_EQ(w.figures().ready, 2u);
    w.advance_ms(1);
    w.turn();
    EXPECT_EQ(w.figures().ready, 0u);
    EXPECT_EQ(w.shard->deadline(), MonoTime::never());
}

TEST(ShardExpiry, AWallClockSetForwardExpiresAtOnceWhatItsHourHasCome) {
    World w;
    QueueOptions o;
    o.message_ttl_ms = 3'600'000;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a"});
    w.turn();
    w.now.wall.ms += 7'200'000;
    w.turn();
    EXPECT_EQ(w.figures().ready, 0u);
}

TEST(ShardExpiry, AWallClockSetBackAndForthMovesTheTimerWithIt) {
    World w;
    QueueOptions o;
    o.message_ttl_ms = 1000;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a"});
    w.turn();
    w.now.wall.ms -= 3'600'000;
    w.turn();
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(3'601'000));
    w.now.wall.ms += 3'600'000;
    w.turn();
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(1000));
    EXPECT_EQ(w.figures().ready, 1u);
}

TEST(ShardExpiry, TheShorterOfTheQueuesAndTheMessagesTimeCountsAndOnlyAtTheHead) {
    World w;
    QueueOptions o;
    o.message_ttl_ms = 1000;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish({{q1, 0}}, {{"a", "500"}, {"b", "10"}, {"c", "5000"}});
    w.turn();
    w.advance_ms(20);
    w.turn();
    EXPECT_EQ(w.figures().ready, 3u);
    w.advance_ms(480);
    w.turn();
    EXPECT_EQ(w.figures().ready, 1u);
    w.advance_ms(500);
    w.turn();
    EXPECT_EQ(w.figures().ready, 0u);
}

TEST(ShardExpiry, AnExpiredMessageBehindALiveOneIsNotDelivered) {
    World w;
    w.put(definition(q1));
    w.publish({{q1, 0}}, {{"a"}, {"b", "10"}, {"c"}});
    w.turn();
    w.advance_ms(20);
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "c"));
}

TEST(ShardExpiry, ZeroExpiresUnlessAConsumerCanTakeItAtOnce) {
    World w;
    w.put(definition(q1));
    w.publish({{q1, 0}}, {{"lost", "0"}});
    w.turn();
    EXPECT_EQ(w.figures().ready, 0u);
    w.consume(bob, 1, q1);
    w.publish({{q1, 0}}, {{"taken", "0"}});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("taken"));
}

TEST(ShardOrder, AGetComesAfterWhatEarlierCommandsOfTheTurnBringAbout) {
    World w;
    QueueOptions o;
    o.length_max = 1;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"dropped", "kept"});
    w.send(bob, Get{q1, ConsumerId(9), true});
    w.publish({{q1, 0}}, {{"expired", "0"}});
    w.send(bob, Get{q1, ConsumerId(9), true});
    w.consume(alice, 1, q1);
    w.publish(q1, {"consumed"});
    w.send(bob, Get{q1, ConsumerId(9), true});
    w.turn();
    const auto got = w.take<GetResult>();
    ASSERT_THAT(got, SizeIs(3));
    EXPECT_EQ(body_at(*got[0].message.batch, got[0].message.index), "kept");
    EXPECT_EQ(got[0].ready_left, 0u);
    EXPECT_EQ(got[1].message.count, 0u);
    EXPECT_EQ(got[2].message.count, 0u);
    EXPECT_THAT(w.bodies(), ElementsAre("consumed"));
}

TEST(ShardOrder, CountsAndPurgesDoNotSeeWhatConsumersWereGivenBefore) {
    World w;
    w.put(definition(q1));
    w.consume(alice, 1, q1);
    w.publish(q1, {"a"});
    w.send(bob, Inspect{q1});
    w.publish(q1, {"b"});
    w.send(bob, Purge{q1});
    w.publish(q1, {"c"});
    w.send(alice, RemoveConsumer{q1, ConsumerId(1)});
    w.turn();
    const auto counts = w.take<QueueCounts>();
    ASSERT_THAT(counts, SizeIs(2));
    EXPECT_EQ(counts[0].ready, 0u);
    EXPECT_EQ(counts[1].purged, 0u);
    EXPECT_THAT(w.bodies(), ElementsAre("a", "b", "c"));
}

TEST(ShardExpiry, AnUnusedQueueIsReportedOnceAfterItsTime) {
    World w;
    QueueOptions o;
    o.expires_ms = 1000;
    w.put(definition(q1, QueueKind::classic, o));
    w.turn();
    w.advance_ms(900);
    w.send(bob, Get{q1, ConsumerId(1), true});
    w.turn();
    w.advance_ms(900);
    w.turn();
    EXPECT_THAT(w.host.unused, IsEmpty());
    w.advance_ms(100);
    w.turn();
    w.advance_ms(5000);
    w.turn();
    EXPECT_THAT(w.host.unused, ElementsAre(q1));
}

TEST(ShardLength, DropHeadKeepsTheNewestAndCountsOnlyWhatIsReady) {
    World w;
    QueueOptions o;
    o.length_max = 2;
    w.put(definition(q1, QueueKind::classic, o));
    w.consume(bob, 1, q1, 1);
    w.publish(q1, {"a", "b", "c", "d"});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
    EXPECT_EQ(w.figures().ready, 2u);
    w.send(bob, SetFlow{q1, ConsumerId(1), true, 0});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("c", "d"));
}

TEST(ShardLength, BytesAreBoundedExactlyByWhatBodiesTake) {
    World w;
    QueueOptions o;
    o.length_bytes_max = 10;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"1234567", "89", "0"});
    w.turn();
    EXPECT_EQ(w.figures().ready, 3u);
    w.publish(q1, {"x"});
    w.turn();
    EXPECT_EQ(w.figures().ready, 3u);
    EXPECT_EQ(w.figures().body_bytes, 4u);
}

TEST(ShardLength, RejectPublishRefusesAndStoresNothing) {
    World w;
    QueueOptions o;
    o.length_max = 1;
    o.overflow = Overflow::reject_publish;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a"});
    w.publish(q1, {"b"});
    w.sync();
    w.turn();
    const auto answers = w.take<Appended>();
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers[0].accepted);
    EXPECT_FALSE(answers[1].accepted);
    EXPECT_EQ(w.figures().ready, 1u);
    EXPECT_THAT(w.host.letters, IsEmpty());
}

TEST(ShardLength, RejectPublishDlxRefusesAndDeadLetters) {
    World w;
    QueueOptions o = with_letters();
    o.length_max = 0;
    o.overflow = Overflow::reject_publish_dlx;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a"});
    EXPECT_FALSE(w.take<Appended>().at(0).accepted);
    ASSERT_EQ(w.host.letters.size(), 1u);
    EXPECT_EQ(w.host.letters[0].reason, DeathReason::maxlen);
    w.shard->dead_lettered(q1, 0, w.host.letters[0].offset, true);
    w.turn();
}

TEST(ShardDelay, MessagesBecomeReadyAtTheirTime) {
    World w;
    w.put(definition(q1));
    const std::int64_t t = w.now.wall.ms;
    w.publish({{q1, 0}}, {{"late", {}, t + 200}, {"now"}, {"soon", {}, t + 100}});
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("now"));
    EXPECT_EQ(w.figures().ready, 0u);
    w.advance_ms(100);
    EXPECT_LE(w.shard->deadline(), w.now.mono);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("soon"));
    w.advance_ms(100);
    w.turn();
    const auto got = w.deliveries();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].body, "late");
    EXPECT_FALSE(got[0].redelivered);
}

TEST(ShardDeduplication, ADuplicateInTheWindowIsAcceptedButNotStored) {
    World w;
    QueueOptions o;
    o.deduplication_window_ms = 1000;
    w.put(definition(q1, QueueKind::quorum, o));
    const Message m{"a", {}, {}, "id"};
    w.publish({{q1, 0}}, {m});
    w.publish({{q1, 0}}, {m});
    w.sync();
    const auto answers = w.take<Appended>();
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers[1].accepted);
    EXPECT_EQ(w.figures().ready, 1u);
    w.advance_ms(1000);
    w.publish({{q1, 0}}, {m});
    EXPECT_EQ(w.figures().ready, 2u);
}

TEST(ShardDeduplication, DuplicatesInsideOneBatchAreSettledAtOnce) {
    World w;
    QueueOptions o;
    o.deduplication_window_ms = 1000;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish({{q1, 0}}, {{"a", {}, {}, "1"}, {"b", {}, {}, "1"}, {"c", {}, {}, "2"}});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a", "c"));
}

TEST(ShardDeduplication, AMessagesOwnWindowWorksInAnyQueueAndOutlivesACrash) {
    World w;
    w.put(definition(q1, QueueKind::quorum));
    Message windowed{"a", {}, {}, "id"};
    windowed.dedup_window_ms = 1000;
    const Message bare{"b", {}, {}, "id"};
    w.publish({{q1, 0}}, {windowed});
    w.publish({{q1, 0}}, {windowed});
    EXPECT_EQ(w.figures().ready, 1u);
    w.sync();
    w.crash();
    w.publish({{q1, 0}}, {windowed});
    EXPECT_EQ(w.figures().ready, 1u);
    w.take_checkpoint();
    w.sync();
    w.crash();
    w.publish({{q1, 0}}, {windowed});
    EXPECT_EQ(w.figures().ready, 1u);
    w.advance_ms(1000);
    w.publish({{q1, 0}}, {windowed});
    EXPECT_EQ(w.figures().ready, 2u);
    w.advance_ms(1000);
    w.publish({{q1, 0}}, {bare, bare});
    EXPECT_EQ(w.figures().ready, 4u);
}

TEST(ShardDeduplication, TheLongerOfTheQueuesAndTheMessagesWindowCounts) {
    World w;
    QueueOptions o;
    o.deduplication_window_ms = 100;
    w.put(definition(q1, QueueKind::quorum, o));
    Message longer{"a", {}, {}, "id"};
    longer.dedup_window_ms = 1000;
    const Message other{"b", {}, {}, "other"};
    w.publish({{q1, 0}}, {longer});
    w.publish({{q1, 0}}, {other});
    w.advance_ms(200);
    w.publish({{q1, 0}}, {longer});
    EXPECT_EQ(w.figures().ready, 2u);
    w.publish({{q1, 0}}, {other});
    EXPECT_EQ(w.figures().ready, 3u);
    w.advance_ms(50);
    w.publish({{q1, 0}}, {other});
    EXPECT_EQ(w.figures().ready, 3u);
}

TEST(ShardDeadLetters, ARejectedMessageIsSettledOnlyWhenItIsSafeElsewhere) {
    World w;
    w.put(definition(q1, QueueKind::classic, with_letters()));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::reject);
    w.turn();
    ASSERT_EQ(w.host.letters.size(), 1u);
    EXPECT_EQ(w.host.letters[0].reason, DeathReason::rejected);
    EXPECT_EQ(w.figures().unsettled, 1u);
    w.shard->dead_lettered(q1, 0, Offset(0), false);
    w.turn();
    EXPECT_EQ(w.host.letters.size(), 1u);
    w.advance_ms(limits::dead_letter_retry_ms);
    w.turn();
    ASSERT_EQ(w.host.letters.size(), 2u);
    w.shard->dead_lettered(q1, 0, Offset(0), true);
    w.turn();
    EXPECT_EQ(w.figures().unsettled, 0u);
    EXPECT_EQ(w.host.released[level_stream(q1, 0)].size(), 1u);
}

TEST(ShardDeadLetters, ExpiredAndOverlongMessagesSayWhy) {
    World w;
    QueueOptions o = with_letters();
    o.message_ttl_ms = 10;
    o.length_max = 1;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, {"a", "b"});
    w.turn();
    ASSERT_EQ(w.host.letters.size(), 1u);
    EXPECT_EQ(w.host.letters[0].reason, DeathReason::maxlen);
    EXPECT_EQ(w.host.letters[0].index, 0u);
    w.advance_ms(10);
    w.turn();
    ASSERT_EQ(w.host.letters.size(), 2u);
    EXPECT_EQ(w.host.letters[1].reason, DeathReason::expired);
    EXPECT_EQ(w.host.letters[1].index, 1u);
}

TEST(ShardDeadLetters, ABoundedNumberIsUnderWay) {
    World w;
    QueueOptions o = with_letters();
    o.length_max = 0;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish(q1, std::vector<std::string>(1000, "x"));
    w.turn();
    EXPECT_EQ(w.host.letters.size(), limits::dead_letters_in_flight_max);
    for (std::size_t i = 0; i < w.host.letters.size() && i < 2000; ++i) {
        w.shard->dead_lettered(q1, 0, w.host.letters[i].offset, true);
        if (i + 1 == w.host.letters.size()) w.turn();
    }
    EXPECT_EQ(w.host.letters.size(), 1000u);
    EXPECT_EQ(w.figures().unsettled, 0u);
}

TEST(ShardDeadLetters, TheDeliveryLimitIsAReasonAndTellsTheCount) {
    World w;
    QueueOptions o = with_letters();
    o.delivery_limit = 0;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    w.settle(w.deliveries().at(0), Outcome::requeue);
    w.turn();
    ASSERT_EQ(w.host.letters.size(), 1u);
    EXPECT_EQ(w.host.letters[0].reason, DeathReason::delivery_limit);
    EXPECT_EQ(w.host.letters[0].delivery_count, 1u);
}

}  // namespace
}  // namespace fantail::broker::testing
