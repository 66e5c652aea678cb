// SPDX-License-Identifier: Apache-2.0
//! Closing queues that are to be deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct CloseWorld : World {
    QueueCounts close(CloseQueue command) {
        command.queue = q1;
        send(ConnectionId(9), command);
        return take<QueueCounts>().at(0);
    }
};

TEST(ShardClose, AQueueWithMessagesIsNotClosedIfItMustBeEmpty) {
    CloseWorld w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    const QueueCounts counts = w.close({.if_empty = true});
    EXPECT_FALSE(counts.closed);
    EXPECT_EQ(counts.ready, 1u);
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
}

TEST(ShardClose, AQueueWithConsumersIsNotClosedIfItMustBeUnused) {
    CloseWorld w;
    w.put(definition(q1));
    w.consume(bob, 1, q1);
    EXPECT_FALSE(w.close({.if_unused = true}).closed);
    w.publish(q1, {"a"});
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
}

TEST(ShardClose, NothingGetsIntoAClosedQueue) {
    CloseWorld w;
    w.put(definition(q1));
    ASSERT_TRUE(w.close({.if_unused = true, .if_empty = true}).closed);
    w.publish(q1, {"late"});
    w.consume(bob, 1, q1);
    w.send(bob, Get{q1, ConsumerId(2), true});
    w.send(bob, Inspect{q1});
    w.sync();
    w.turn();
    EXPECT_TRUE(w.take<Appended>().at(0).missed);
    const auto added = w.take<ConsumerAdded>();
    ASSERT_FALSE(added.at(0).outcome);
    EXPECT_EQ(added[0].outcome.error().code, ErrorCode::not_found);
    EXPECT_FALSE(w.take<GetResult>().at(0).found);
    EXPECT_FALSE(w.take<QueueCounts>().at(0).found);
    EXPECT_FALSE(w.close({}).closed) << "it is the first to ask who deletes it";
    EXPECT_EQ(w.figures().ready, 0u);
}

TEST(ShardClose, AMessageThatReachesAnotherQueueIsNotMissed) {
    CloseWorld w;
    w.put(definition(q1));
    w.put(definition(q2));
    (void)w.close({});
    w.publish({{q1, 0}, {q2, 0}}, {{"x"}});
    w.sync();
    EXPECT_FALSE(w.take<Appended>().at(0).missed);
}

TEST(ShardClose, AClosedQueueKeepsItsMessagesUntilItIsRemoved) {
    CloseWorld w;
    w.put(definition(q1));
    w.publish(q1, {"a"});
    w.turn();
    w.sync();
    EXPECT_EQ(w.close({}).ready, 1u);
    w.turn();
    w.sync();
    w.crash();  // the deletion was never decided
    w.consume(bob, 1, q1);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
}

TEST(ShardClose, AnExpiredQueueThatIsUsedAgainStays) {
    CloseWorld w;
    QueueOptions o;
    o.expires_ms = 1000;
    w.put(definition(q1, QueueKind::classic, o));
    w.advance_ms(1000);
    w.turn();
    ASSERT_THAT(w.host.unused, ElementsAre(q1));
    w.send(bob, Inspect{q1, true});
    w.take<QueueCounts>();
    EXPECT_FALSE(w.close({.if_abandoned = true}).closed);
    w.host.unused.clear();
    w.advance_ms(999);
    w.turn();
    EXPECT_THAT(w.host.unused, IsEmpty());
    w.advance_ms(1);
    w.turn();
    EXPECT_THAT(w.host.unused, ElementsAre(q1));
    EXPECT_TRUE(w.close({.if_abandoned = true}).closed);
}

TEST(ShardClose, AnAutoDeleteQueueStaysIfSomebodyConsumesAgain) {
    CloseWorld w;
    QueueDefinition d = definition(q1);
    d.auto_delete = true;
    w.put(d);
    w.consume(bob, 1, q1);
    w.send(bob, RemoveConsumer{q1, ConsumerId(1)});
    ASSERT_THAT(w.host.unused, ElementsAre(q1));
    w.consume(alice, 1, q1);
    EXPECT_FALSE(w.close({.if_abandoned = true}).closed);
    w.send(alice, RemoveConsumer{q1, ConsumerId(1)});
    EXPECT_THAT(w.host.unused, ElementsAre(q1, q1));
    EXPECT_TRUE(w.close({.if_abandoned = true}).closed);
}

}  // namespace
}  // namespace fantail::broker::testing
