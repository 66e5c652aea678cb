// SPDX-License-Identifier: Apache-2.0
//! What publishers are told: confirms, returns, transactions, and what exchanges remember.
#include "protocols/amqp091/publish_scene.hpp"

namespace fantail::amqp091 {
namespace {

// ------------------------------------------------------------------------------------------------ confirms

TEST(AmqpConfirms, AreCoalesced) {
    PublishScene s;
    s.confirm();
    for (int i = 0; i < 5; ++i) s.publish(1, {.routing_key = "q"}, "x");
    s.turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=5;multiple=1;"));
    s.publish(1, {.routing_key = "q"}, "x").turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=6;multiple=0;"));
}

TEST(AmqpConfirms, WaitForEveryShardAndKeepGapsApart) {
    PublishScene s;
    s.broker.topology.bind("amq.fanout", "q");
    s.broker.topology.bind("amq.fanout", "r");
    s.confirm();
    s.broker.answers = false;
    s.publish(1, {.exchange = "amq.fanout"}, "both").turn();
    s.publish(1, {.routing_key = "q"}, "one").turn();
    ASSERT_THAT(s.broker.sent, SizeIs(3));
    const RequestId both = s.broker.sent[0].request;
    EXPECT_EQ(both, s.broker.sent[1].request);
    s.give(broker::Appended{both}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.give(broker::Appended{s.broker.sent[2].request}).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=2;multiple=0;"));
    s.give(broker::Appended{both}).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=1;multiple=0;"));
}

TEST(AmqpConfirms, NackWhatIsRefused) {
    PublishScene s;
    s.confirm();
    s.broker.answers = false;
    s.publish(1, {.routing_key = "q"}, "a").turn();
    s.publish(1, {.routing_key = "q"}, "b").turn();
    s.publish(1, {.routing_key = "q"}, "c").turn();
    const auto& sent = s.broker.sent;
    s.give(broker::Appended{sent[0].request})
        .give(broker::Appended{sent[1].request, false})
        .give(broker::Appended{sent[2].request})
        .turn();
    EXPECT_THAT(s.said(),
                ElementsAre(StartsWith("1 basic.nack delivery_tag=2;"), "1 basic.ack delivery_tag=3;multiple=1;"));
}

TEST(AmqpConfirms, AReturnPrecedesItsAck) {
    PublishScene s;
    s.confirm();
    s.publish(1, {.routing_key = "nowhere", .mandatory = true}, "x").turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("basic.return"), "1 basic.ack delivery_tag=1;multiple=0;"));
    s.publish(1, {.routing_key = "nowhere"}, "x").turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=2;multiple=0;"));
}

TEST(AmqpConfirms, OfAnEarlierOpeningOfTheChannelAreForgotten) {
    PublishScene s;
    s.confirm();
    s.broker.answers = false;
    s.publish(1, {.routing_key = "q"}, "a").turn();
    s.send(1, ChannelClose{}).send(1, ChannelOpen{}).send(1, ConfirmSelect{}).turn();
    s.said();
    s.give(broker::Appended{s.broker.sent[0].request}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
}

// ------------------------------------------------------------------------------------------------ transactions

TEST(AmqpTx, PublishesAtCommitAndAnswersWhenStored) {
    PublishScene s;
    s.send(1, TxSelect{}).turn();
    s.said();
    s.publish(1, {.routing_key = "q"}, "a").publish(1, {.routing_key = "none", .mandatory = true}, "b").turn();
    EXPECT_THAT(s.appends(), IsEmpty());
    s.broker.answers = false;
    s.send(1, TxCommit{}).send(1, BasicQos{}).turn();
    ASSERT_THAT(s.appends(), SizeIs(1));
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("basic.return")))
        << "commit-ok waits for the disk, and what follows waits for it";
    s.give(broker::Appended{s.broker.sent.back().request}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 tx.commit-ok"), StartsWith("1 basic.qos-ok")));
}

TEST(AmqpTx, RollbackForgetsPublishesAndAcks) {
    PublishScene s;
    s.hold({"m"});
    s.send(1, TxSelect{})
        .publish(1, {.routing_key = "q"}, "a")
        .send(1, BasicAck{.delivery_tag = 1})
        .send(1, TxRollback{})
        .send(1, TxCommit{})
        .turn();
    EXPECT_THAT(s.appends(), IsEmpty());
    EXPECT_THAT(s.broker.all<broker::Settle>(), IsEmpty());
    s.send(1, BasicAck{.delivery_tag = 1}).send(1, TxCommit{}).turn();
    EXPECT_THAT(s.broker.all<broker::Settle>(), SizeIs(1));
}

TEST(AmqpTx, WhatItSettlesIsNoLongerTheClients) {
    PublishScene s;
    s.hold({"a", "b", "c"}).send(1, TxSelect{}).turn();
    s.send(1, BasicReject{.delivery_tag = 2}).send(1, BasicAck{.delivery_tag = 3, .multiple = false}).turn();
    EXPECT_THAT(s.broker.all<broker::Settle>(), IsEmpty()) << "not before the commit";
    s.send(1, BasicRecover{.requeue = true}).turn();
    ASSERT_THAT(s.broker.all<broker::Settle>(), SizeIs(1));
    EXPECT_THAT(s.broker.all<broker::Settle>()[0].ranges[0].first, Offset(0)) << "only what is still the client's";
    EXPECT_THAT(s.broker.all<broker::Settle>()[0].ranges[0].end, Offset(1));
    s.said();
    s.send(1, BasicAck{.delivery_tag = 3}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("channel.close reply_code=406;reply_text=PRECONDITION_FAILED - "
                                                "unknown delivery tag 3")));
}

TEST(AmqpTx, MultipleSettlesWhatNoEarlierMethodOfTheTransactionDid) {
    PublishScene s;
    s.hold({"a", "b", "c"}).send(1, TxSelect{}).turn();
    s.send(1, BasicReject{.delivery_tag = 2})
        .send(1, BasicAck{.delivery_tag = 3, .multiple = true})
        .send(1, TxCommit{})
        .turn();
    std::vector<std::pair<std::uint64_t, broker::Outcome>> settled;
    for (const broker::Settle& settle : s.broker.all<broker::Settle>()) {
        for (const auto& range : settle.ranges) {
            for (std::uint64_t at = range.first.value; at < range.end.value; ++at)
                settled.emplace_back(at, settle.outcome);
        }
    }
    EXPECT_THAT(settled, testing::UnorderedElementsAre(testing::Pair(0, broker::Outcome::accept),
                                                       testing::Pair(1, broker::Outcome::reject),
                                                       testing::Pair(2, broker::Outcome::accept)));
}

TEST(AmqpTx, ExcludesConfirmsAndNeedsSelect_406) {
    const auto said_after = [](auto&& script) {
        PublishScene s;
        script(s);
        s.turn();
        return s.said().back();
    };
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, TxSelect{}).send(1, ConfirmSelect{}); }),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - cannot switch from tx to confirm mode"));
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, ConfirmSelect{}).send(1, TxSelect{}); }),
                HasSubstr("cannot switch from confirm to tx mode"));
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, TxCommit{}); }),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - channel is not transactional"));
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, TxRollback{}); }), HasSubstr("channel is not transactional"));
    EXPECT_THAT(said_after([](Scene& s) {
                    s.broker.accept_appends = false;
                    s.send(1, TxSelect{}).publish(1, {.routing_key = "q"}, "a").send(1, TxCommit{});
                }),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - partial tx completion"));
}

// ------------------------------------------------------------------------------------------- exchanges that remember

struct HistoryScene : PublishScene {
    HistoryScene() {
        auto& recent = broker.topology.add_exchange("recent", broker::ExchangeType::recent_history);
        recent.id = make_id<ExchangeId>(3, 9);
        broker.topology.repeatable = false;
        confirm();
    }
};

TEST(AmqpHistory, AMessageGoesToTheExchangesShardAndToItsQueues) {
    HistoryScene s;
    s.broker.topology.bind("recent", "q");
    const Bytes properties = properties_of({.priority = 4});
    s.publish(1, {.exchange = "recent", .routing_key = "k"}, "x", properties).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=1;multiple=0;"));
    ASSERT_THAT(s.appends(), SizeIs(1));
    const auto remembered = s.broker.all<broker::Remember>();
    ASSERT_THAT(remembered, SizeIs(1));
    EXPECT_EQ(remembered[0].exchange, make_id<ExchangeId>(3, 9));
    EXPECT_EQ(remembered[0].batch, s.appends()[0].batch);
    EXPECT_EQ(remembered[0].priority, 4);
    EXPECT_EQ(remembered[0].routed_at, s.broker.topology.changes);
    EXPECT_FALSE(remembered[0].alone);
}

TEST(AmqpHistory, AMessageWithoutQueuesIsRememberedAndReturnedAndThenAcked) {
    HistoryScene s;
    s.publish(1, {.exchange = "recent", .routing_key = "k", .mandatory = true}, "x").turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("basic.return reply_code=312"), HasSubstr("basic.ack delivery_tag=1")));
    ASSERT_THAT(s.broker.all<broker::Remember>(), SizeIs(1));
    EXPECT_TRUE(s.broker.all<broker::Remember>()[0].alone);
    EXPECT_THAT(s.appends(), IsEmpty());
}

TEST(AmqpHistory, MessagesThatAskNotToBeStoredOnlyPass) {
    HistoryScene s;
    s.broker.topology.bind("recent", "q");
    record::FieldTableBuilder headers;
    headers.set_bool("x-recent-history-no-store", true);
    const Bytes properties = properties_of({.headers = headers.view()});
    s.publish(1, {.exchange = "recent"}, "x", properties).turn();
    EXPECT_THAT(s.broker.all<broker::Remember>(), IsEmpty());
    EXPECT_THAT(s.appends(), SizeIs(1));
    s.publish(1, {.exchange = "recent"}, "y").turn();
    EXPECT_THAT(s.broker.all<broker::Remember>(), SizeIs(1)) << "the next one stays";
}

TEST(AmqpHistory, ALargeMessageIsRememberedToo) {
    HistoryScene s;
    s.broker.topology.bind("recent", "q");
    s.publish(1, {.exchange = "recent"}, std::string(300'000, 'x')).turn();
    ASSERT_THAT(s.broker.all<broker::Remember>(), SizeIs(1));
    EXPECT_EQ(s.broker.all<broker::Remember>()[0].body_bytes, 300'000u);
    EXPECT_THAT(s.said(), SizeIs(1));
}

}  // namespace
}  // namespace fantail::amqp091
