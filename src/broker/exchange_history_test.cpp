// SPDX-License-Identifier: Apache-2.0
//! What a queue gets of an exchange's history, and what the exchange forgets.
#include "broker/exchange_history.hpp"

#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ExchangeId recent = make_id<ExchangeId>(1, 7);
constexpr QueueId far = make_id<QueueId>(2, 1);  ///< in another shard

struct HistoryWorld : World {
    HistoryWorld() {
        put(definition(q1));
        keep(3);
    }
    void keep(std::uint32_t length) {
        ExchangeDefinition definition;
        definition.id = recent;
        definition.type = ExchangeType::recent_history;
        definition.history_length = length;
        shard->exchange_put(definition);
    }
    RequestId remember(const std::string& body, std::uint64_t routed_at = 1, bool alone = true) {
        return send(alice, Remember{.exchange = recent,
                                    .batch = make_batch({{body}}, now.wall.ms),
                                    .body_bytes = body.size(),
                                    .priority = 9,
                                    .routed_at = routed_at,
                                    .alone = alone,
                                    .confirm = true});
    }
    RequestId recall(QueueId queue = q1, std::uint64_t until = 100) {
        return send(bob, Recall{.exchange = recent, .queue = queue, .highest_level = 0, .until = until});
    }
    std::vector<std::string> stored(QueueId queue = q1) {
        consume(bob, queue.value, queue);
        turn();
        return bodies();
    }
    void finish() {
        sync();
        answer_itself();
        sync();
    }
};

TEST(ExchangeHistory, AQueueGetsTheLastMessagesInTheirOrder) {
    HistoryWorld w;
    for (const char* body : {"a", "b", "c", "d"}) w.remember(body);
    w.recall();
    EXPECT_THAT(w.stored(), ElementsAre("b", "c", "d"));
}

TEST(ExchangeHistory, WhatTheQueueGotByItsBindingIsNotGivenToItAgain) {
    HistoryWorld w;
    w.remember("before", 4);
    w.remember("with the binding", 5);
    w.recall(q1, 5);
    EXPECT_THAT(w.stored(), ElementsAre("before"));
}

TEST(ExchangeHistory, ARecallIsAnsweredWhenAllIsOnDisk) {
    HistoryWorld w;
    w.remember("a");
    w.remember("b");
    w.take<Appended>();
    const RequestId request = w.recall();
    w.answer_itself();
    EXPECT_THAT(w.take<Appended>(), IsEmpty());
    w.finish();
    const auto answers = w.take<Appended>();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].request, request);
}

TEST(ExchangeHistory, ARecallOfNothingIsAnsweredAtOnce) {
    HistoryWorld w;
    const RequestId request = w.recall();
    const auto answers = w.take<Appended>();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].request, request);
}

TEST(ExchangeHistory, AQueueOfAnotherShardIsSentItAndTheLastAnswerStandsForAll) {
    HistoryWorld w;
    w.remember("a");
    w.remember("b");
    w.take<Appended>();
    w.recall(far);
    ASSERT_THAT(w.host.sent, SizeIs(2));
    EXPECT_FALSE(w.host.sent[0].command.confirm);
    EXPECT_TRUE(w.host.sent[1].command.confirm);
    EXPECT_EQ(w.host.sent[1].command.targets.at(0).level, 0) << "no higher than the queue has";
    EXPECT_THAT(w.take<Appended>(), IsEmpty());
    w.shard->on_event(Appended{w.host.sent[1].request}, w.now);
    EXPECT_THAT(w.take<Appended>(), SizeIs(1));
}

TEST(ExchangeHistory, TheAnswerSaysWhetherAnythingElseBecomesOfTheMessage) {
    HistoryWorld w;
    w.remember("alone", 1, true);
    w.remember("stored too", 1, false);
    const auto answers = w.take<Appended>();
    ASSERT_THAT(answers, SizeIs(2));
    EXPECT_FALSE(answers[0].missed);
    EXPECT_TRUE(answers[1].missed) << "that counts for nothing beside the queues' own answers";
}

TEST(ExchangeHistory, AShorterLengthForgetsAtOnce) {
    HistoryWorld w;
    for (const char* body : {"a", "b", "c"}) w.remember(body);
    w.keep(1);
    w.recall();
    EXPECT_THAT(w.stored(), ElementsAre("c"));
}

TEST(ExchangeHistory, ItIsBoundedInBytesToo) {
    ExchangeHistory history;
    history.set_length(100);
    const auto large = std::make_shared<const Bytes>(limits::exchange_history_bytes_max / 3);
    for (std::uint64_t i = 0; i < 10; ++i) history.add({.batch = large, .routed_at = i});
    EXPECT_THAT(history.recall({.until = 100}), SizeIs(3));
    history.add({.batch = std::make_shared<const Bytes>(limits::exchange_history_bytes_max + 1)});
    EXPECT_THAT(history.recall({.until = 100}), IsEmpty());
}

TEST(ExchangeHistory, NothingIsKeptForAnExchangeThatIsGone) {
    HistoryWorld w;
    w.remember("a");
    w.shard->exchange_removed(recent);
    w.remember("late");
    w.keep(3);
    w.recall();
    EXPECT_THAT(w.stored(), IsEmpty());
}

}  // namespace
}  // namespace fantail::broker::testing
