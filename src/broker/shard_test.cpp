// SPDX-License-Identifier: Apache-2.0
//! Publishing, delivering, and consumers of one shard.
#include "broker/shard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ShardAppend, ADurableMessageIsConfirmedOnlyWhenDurable) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    EXPECT_THAT(w.take<Appended>(), IsEmpty());
    w.sync();
    const auto answers = w.take<Appended>();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(answers[0].accepted);
}

TEST(ShardAppend, ATransientMessageIsConfirmedAtOnceAndNotLogged) {
    World w;
    w.put(definition(q1));
    w.publish(q1, {"a"}, true);
    EXPECT_EQ(w.take<Appended>().size(), 1u);
    EXPECT_THAT(w.host.entries, IsEmpty());
}

TEST(ShardAppend, AQuorumQueueLogsTransientMessagesToo) {
    World w;
    w.put(definition(q1, QueueKind::quorum));
    w.publish(q1, {"a"}, true);
    EXPECT_EQ(w.host.entries.size(), 1u);
    EXPECT_FALSE(w.host.entries[0].transient);
}

TEST(ShardAppend, AnswersToOneConnectionKeepTheOrderOfRequests) {
    World w;
    w.put(definition(q1));
    const RequestId first = w.publish(q1, {"durable"});
    const RequestId second = w.publish(q1, {"transient"}, true);
    EXPECT_THAT(w.take<Appended>(), IsEmpty());
    w.sync();
    const auto answers = w.take<Appended>();
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].request, first);
    EXPECT_EQ(answers[1].request, second);
}

TEST(ShardAppend, ABatchForManyQueuesIsLoggedOnceForTheDurableOnes) {
    World w;
    w.put(definition(q1));
    auto memory = definition(q2);
    memory.durable = false;
    w.put(memory);
    w.publish({{q1, 0}, {q2, 0}}, {{"a"}, {"b"}});
    ASSERT_EQ(w.host.entries.size(), 1u);
    ASSERT_EQ(w.host.entries[0].targets.size(), 1u);
    EXPECT_EQ(w.host.entries[0].targets[0].stream, level_stream(q1, 0));
    EXPECT_EQ(w.figures(q1).ready, 2u);
    EXPECT_EQ(w.figures(q2).ready, 2u);
}

TEST(ShardAppend, ToAQueueDeletedMeanwhileIsAccepted) {
    World w;
    w.publish(q1, {"a"});
    EXPECT_TRUE(w.take<Appended>().at(0).accepted);
}

TEST(ShardDispatch, AWholeBatchGoesToALoneConsumerInOneEvent) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a", "b", "c"});
    w.turn();
    const auto events = w.take<Deliver>();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].count, 3u);
    EXPECT_FALSE(events[0].redelivered);
}

TEST(ShardDispatch, MessagesGoRoundRobinOneByOne) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    w.consume(bob, 2, q1);
    w.publish(q1, {"a", "b", "c", "d"});
    w.turn();
    std::vector<std::uint64_t> order;
    for (const Got& g : w.deliveries()) order.push_back(g.consumer.value);
    EXPECT_THAT(order, ElementsAre(1, 2, 1, 2));
}

TEST(ShardDispatch, AHigherPriorityIsServedUntilItsWindowIsFull) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    AddConsumer important;
    important.priority = 5;
    w.consume(bob, 2, q1, 2, important);
    w.publish(q1, {"a", "b", "c"});
    w.turn();
    std::vector<std::uint64_t> order;
    for (const Got& g : w.deliveries()) order.push_back(g.consumer.value);
    EXPECT_THAT(order, ElementsAre(2, 2, 1));
}

TEST(ShardDispatch, PrefetchBoundsWhatIsHeldAndSettlingOpensTheWindow) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 1, q1, 2);
    w.publish(q1, {"a", "b", "c"});
    w.turn();
    const auto first = w.deliveries();
    ASSERT_EQ(first.size(), 2u);
    w.settle(first[0], Outcome::accept);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("c"));
    EXPECT_EQ(w.figures().unsettled, 2u);
}

TEST(ShardDispatch, APausedConsumerGetsNothingUntilItResumes) {
    World w;
    w.put(definition(q1));
    AddConsumer paused;
    paused.flow_on = false;
    w.consume(bob, 1, q1, 0, paused);
    w.publish(q1, {"a"});
    w.turn();
    EXPECT_THAT(w.bodies(), IsEmpty());
    w.send(bob, SetFlow{q1, ConsumerId(1), true, {}});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
}

TEST(ShardDispatch, HigherLevelsGoFirst) {
    World w;
    QueueOptions o;
    o.priority_max = 3;
    w.put(definition(q1, QueueKind::classic, o));
    w.publish({{q1, 0}}, {{"low"}});
    w.publish({{q1, 3}}, {{"high"}});
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("high", "low"));
}

TEST(ShardDispatch, AQueueGivesWayAfterItsShareOfATurn) {
    World w;
    w.put(definition(q1));
    const std::string big(600'000, 'x');
    for (int i = 0; i < 4; ++i) w.publish(q1, {big});
    w.consume(bob, 1, q1);
    w.shard->end_of_turn(w.now);
    EXPECT_LT(w.take<Deliver>().size(), 4u);
    EXPECT_TRUE(w.shard->busy());
}

TEST(ShardConsumers, AnExclusiveConsumerIsRefusedBesideOthersAndKeepsOthersOut) {
    World w;
    w.put(definition(q1));
    AddConsumer exclusive;
    exclusive.exclusive = true;
    w.consume(bob, 1, q1, 0, exclusive);
    w.consume(bob, 2, q1);
    w.send(bob, RemoveConsumer{q1, ConsumerId(1)});
    w.consume(bob, 3, q1);
    w.consume(bob, 4, q1, 0, exclusive);
    const auto answers = w.take<ConsumerAdded>();
    ASSERT_EQ(answers.size(), 4u);
    EXPECT_TRUE(answers[0].outcome);
    EXPECT_EQ(answers[1].outcome.error().code, ErrorCode::access_refused);
    EXPECT_TRUE(answers[2].outcome);
    EXPECT_EQ(answers[3].outcome.error().code, ErrorCode::access_refused);
}

TEST(ShardConsumers, ASingleActiveConsumerIsNeverExclusive) {
    World w;
    QueueOptions o;
    o.single_active_consumer = true;
    w.put(definition(q1, QueueKind::classic, o));
    AddConsumer exclusive;
    exclusive.exclusive = true;
    w.consume(bob, 1, q1, 0, exclusive);
    w.consume(bob, 2, q1);
    const auto added = w.take<ConsumerAdded>();
    ASSERT_EQ(added.size(), 2u);
    EXPECT_EQ(added[0].outcome.error().code, ErrorCode::access_refused);
    EXPECT_TRUE(added[1].outcome.has_value());
}

TEST(ShardConsumers, TheSingleActiveConsumerHandsOver) {
    World w;
    QueueOptions o;
    o.single_active_consumer = true;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(alice, 1, q1);
    w.consume(bob, 2, q1);
    w.publish(q1, {"a", "b"});
    w.turn();
    auto got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[1].connection, alice);
    w.detach(alice);
    w.turn();
    got = w.deliveries();
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].connection, bob);
    EXPECT_EQ(got[0].body, "a");
}

/// A queue with a single active consumer, and two consumers of which the second has the higher priority.
struct SingleActiveWorld : World {
    explicit SingleActiveWorld(QueueKind kind, std::uint32_t prefetch = 0) {
        QueueOptions o;
        o.single_active_consumer = true;
        put(definition(q1, kind, o));
        consume(alice, 1, q1, prefetch);
    }
    void consume_first(ConnectionId from) {
        AddConsumer command;
        command.priority = 5;
        consume(from, 2, q1, 0, command);
    }
    std::vector<ConnectionId> publish_one(const std::string& body) {
        publish(q1, {body});
        turn();
        std::vector<ConnectionId> out;
        for (const Got& got : last = deliveries()) out.push_back(got.connection);
        return out;
    }
    std::vector<Got> last;
};

TEST(ShardConsumers, AQuorumQueuesSingleActiveConsumerGivesWayToAHigherPriorityOnceItHoldsNothing) {
    SingleActiveWorld w(QueueKind::quorum);
    EXPECT_THAT(w.publish_one("a"), ElementsAre(alice));
    const Got held = w.last.at(0);
    w.consume_first(bob);
    EXPECT_THAT(w.publish_one("b"), IsEmpty()) << "the one gets no more, the other nothing yet";
    w.settle(held, Outcome::accept);
    EXPECT_THAT(w.publish_one("c"), ElementsAre(bob, bob));
    w.detach(bob);
    w.turn();
    EXPECT_THAT(w.deliveries().at(0).connection, alice);
}

TEST(ShardConsumers, ASingleActiveConsumerThatHoldsNothingGivesWayAtOnce) {
    SingleActiveWorld w(QueueKind::quorum);
    w.consume_first(bob);
    EXPECT_THAT(w.publish_one("a"), ElementsAre(bob));
}

TEST(ShardConsumers, ASingleActiveConsumerGoesOnWhenTheHigherPriorityLeavesAgain) {
    SingleActiveWorld w(QueueKind::quorum);
    EXPECT_THAT(w.publish_one("a"), ElementsAre(alice));
    w.consume_first(bob);
    w.detach(bob);
    EXPECT_THAT(w.publish_one("b"), ElementsAre(alice));
}

TEST(ShardConsumers, ASingleActiveConsumerThatGivesWayAndTimesOutIsReplaced) {
    World w;
    QueueOptions o;
    o.single_active_consumer = true;
    o.consumer_timeout_ms = 1000;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(alice, 1, q1);
    w.publish(q1, {"a"});
    w.turn();
    w.bodies();
    AddConsumer command;
    command.priority = 1;
    w.consume(bob, 2, q1, 0, command);
    w.advance_ms(1000);
    w.turn();
    EXPECT_THAT(w.deliveries().at(0).connection, bob);
}

TEST(ShardConsumers, AClassicQueuesSingleActiveConsumerStaysWhateverThePriority) {
    SingleActiveWorld w(QueueKind::classic);
    w.consume_first(bob);
    EXPECT_THAT(w.publish_one("a"), ElementsAre(alice));
}

TEST(ShardConsumers, AnAutoDeleteQueueIsUnusedAfterItsLastConsumer) {
    World w;
    auto d = definition(q1);
    d.auto_delete = true;
    w.put(d);
    w.consume(bob, 1, q1);
    w.consume(bob, 2, q1);
    w.send(bob, RemoveConsumer{q1, ConsumerId(1)});
    EXPECT_THAT(w.host.unused, IsEmpty());
    w.detach(bob);
    EXPECT_THAT(w.host.unused, ElementsAre(q1));
}

TEST(ShardConsumers, ARemovedQueueCancelsItsConsumersAndForgetsItsStreams) {
    World w;
    w.put(definition(q1));
    w.consume(bob, 7, q1);
    w.publish(q1, {"a"});
    w.shard->queue_removed(q1);
    const auto cancelled = w.take<ConsumerCancelled>();
    ASSERT_EQ(cancelled.size(), 1u);
    EXPECT_EQ(cancelled[0].consumer, ConsumerId(7));
    EXPECT_FALSE(cancelled[0].timed_out);
    EXPECT_TRUE(w.host.forgotten.contains(level_stream(q1, 0)));
    w.turn();
    w.settle({bob, ConsumerId(7)}, Outcome::accept);
}

TEST(ShardConsumers, HoldingAMessageTooLongCancelsAndReturnsIt) {
    World w;
    QueueOptions o;
    o.consumer_timeout_ms = 1000;
    w.put(definition(q1, QueueKind::quorum, o));
    w.consume(bob, 1, q1);
    w.publish(q1, {"a", "b"});
    w.turn();
    const auto got = w.deliveries();
    w.settle(got.at(0), Outcome::accept);
    EXPECT_EQ(w.shard->deadline(), w.now.mono.plus_ms(1000));
    w.advance_ms(999);
    w.turn();
    EXPECT_THAT(w.take<ConsumerCancelled>(), IsEmpty());
    w.advance_ms(1);
    w.turn();
    const auto cancelled = w.take<ConsumerCancelled>();
    ASSERT_EQ(cancelled.size(), 1u);
    EXPECT_TRUE(cancelled[0].timed_out);
    EXPECT_EQ(w.figures().ready, 1u);
    EXPECT_EQ(w.figures().consumers, 0u);
}

}  // namespace
}  // namespace fantail::broker::testing
