// SPDX-License-Identifier: Apache-2.0
//! What holding messages promises: acknowledgements, windows, get and direct replies.
#include "protocols/amqp091/consume_scene.hpp"

namespace fantail::amqp091 {
namespace {

// ------------------------------------------------------------------------------------------------ acknowledgements

TEST(AmqpAcks, AreGatheredPerTurn) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.give_messages(consumer, 0, 200);
    for (std::uint64_t tag = 1; tag <= 100; ++tag) s.send(1, BasicAck{.delivery_tag = tag});
    s.send(1, BasicAck{.delivery_tag = 150}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("accept 0-100 149-150"));
    s.send(1, BasicAck{.delivery_tag = 160, .multiple = true}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("accept 100-149 150-160"));
    s.send(1, BasicAck{.delivery_tag = 0, .multiple = true}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("accept 160-200"));
}

TEST(AmqpAcks, TranslateEveryOutcome) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.give_messages(consumer, 0, 6);
    s.send(1, BasicReject{.delivery_tag = 1, .requeue = true})
        .send(1, BasicReject{.delivery_tag = 2, .requeue = false});
    s.send(1, BasicNack{.delivery_tag = 3, .requeue = true})
        .send(1, BasicNack{.delivery_tag = 5, .multiple = true, .requeue = false})
        .turn();
    EXPECT_THAT(s.settled(), ElementsAre("requeue 0-1", "reject 1-2 3-5", "release 2-3"));
    s.said();
    s.send(1, BasicRecover{.requeue = true}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("release 5-6"));
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 basic.recover-ok")));
}

TEST(AmqpAcks, StreamsCanNotBeRejected_540) {
    const auto said_after = [](auto&& script) {
        ConsumeScene s;
        s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
        s.send(1, BasicQos{.prefetch_count = 10}).turn();
        s.give_messages(s.consume(1, "q", "t"), 0, 3);
        s.said();
        script(s);
        s.turn();
        const auto said = s.said();
        return said.empty() ? std::string() : said.back();
    };
    const auto refused = HasSubstr("connection.close reply_code=540");
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, BasicReject{.delivery_tag = 1}); }), refused);
    EXPECT_THAT(
        said_after([](Scene& s) { s.send(1, BasicNack{.delivery_tag = 3, .multiple = true, .requeue = true}); }),
        refused);
    EXPECT_THAT(
        said_after([](Scene& s) { s.send(1, TxSelect{}).send(1, BasicReject{.delivery_tag = 1}).send(1, TxCommit{}); }),
        refused);
    EXPECT_EQ(said_after([](Scene& s) { s.send(1, BasicAck{.delivery_tag = 3, .multiple = true}); }), "");
}

TEST(AmqpAcks, UnknownAndRepeatedTagsCloseTheChannel_406) {
    for (const BasicAck& bad : {BasicAck{.delivery_tag = 1}, BasicAck{.delivery_tag = 3},
                                BasicAck{.delivery_tag = 3, .multiple = true}, BasicAck{.delivery_tag = 0}}) {
        ConsumeScene s;
        const ConsumerId consumer = s.consume(1, "q", "t");
        s.give_messages(consumer, 0, 2);
        s.send(1, BasicAck{.delivery_tag = 1}).turn();
        s.said();
        s.send(1, bad).turn();
        EXPECT_THAT(s.said(), ElementsAre(HasSubstr("406;reply_text=PRECONDITION_FAILED - unknown delivery tag " +
                                                    std::to_string(bad.delivery_tag) + ";")));
        EXPECT_THAT(s.broker.all<broker::Detach>(), SizeIs(1));
    }
}

TEST(AmqpAcks, SettleBeforeLaterCommands) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.give_messages(consumer, 0, 1);
    s.send(1, BasicNack{.delivery_tag = 1, .requeue = true}).send(1, BasicGet{.queue = "q"}).turn();
    ASSERT_GE(s.broker.sent.size(), 3u);
    EXPECT_TRUE(std::holds_alternative<Settle>(s.broker.sent[1].command));
    EXPECT_TRUE(std::holds_alternative<broker::Get>(s.broker.sent[2].command));
}

TEST(AmqpUnacked, AgreesWithAPlainMapUnderRandomUse) {
    std::mt19937_64 random(20261122);
    Unacked unacked;
    std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> model;  // tag -> consumer, offset
    std::uint64_t tag = 0;
    std::uint64_t offsets[2] = {};
    for (int step = 0; step < 200'000; ++step) {
        const auto choice = random() % 16;
        if (choice < 8) {
            const std::uint64_t consumer = random() % 16 == 0 ? 1 : 0;
            if (random() % 32 == 0) offsets[consumer] += 5;
            unacked.add(++tag, ConsumerId(consumer), QueueId(1), 0, Offset(offsets[consumer]));
            model[tag] = {consumer, offsets[consumer]++};
        } else if (choice < 15) {
            const std::uint64_t wanted =
                model.empty() || random() % 8 == 0
                    ? random() % (tag + 2)
                    : std::next(model.begin(),
                                static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)))
                          ->first;
            LeaseRange range;
            const auto found = model.find(wanted);
            ASSERT_EQ(unacked.contains(wanted), found != model.end());
            ASSERT_EQ(unacked.take(wanted, range), found != model.end());
            if (found == model.end()) continue;
            ASSERT_EQ(range.consumer.value, found->second.first);
            ASSERT_EQ(range.first.value, found->second.second);
            model.erase(found);
        } else if (!model.empty() && random() % 8 == 0) {
            const auto last = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
            std::vector<LeaseRange> ranges;
            ASSERT_TRUE(unacked.take_to(last->first, ranges));
            std::uint64_t count = 0;
            for (const LeaseRange& range : ranges) count += range.count;
            ASSERT_EQ(count, static_cast<std::uint64_t>(std::distance(model.begin(), last) + 1));
            model.erase(model.begin(), std::next(last));
        }
        ASSERT_EQ(unacked.size(), model.size());
    }
}

// ------------------------------------------------------------------------------------------------ qos

TEST(AmqpQos, WhatASharedWindowHasNoRoomForGoesBackUnseen) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 3, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    const ConsumerId b = s.consume(1, "q", "b");
    EXPECT_EQ(s.broker.all<broker::AddConsumer>()[0].prefetch, 3u);
    s.give_messages(a, 0, 2).give_messages(b, 2, 3);
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m0"), HasSubstr("m1"), HasSubstr("m2")));
    EXPECT_THAT(s.settled(), ElementsAre("unseen 3-5")) << "other consumers of the queue may have it at once";
    EXPECT_THAT(s.windows(), ElementsAre("1: off", "2: off"));
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.windows(), ElementsAre("1: 2", "2: 2")) << "what each holds, and the one that is free";
    s.send(1, BasicAck{.delivery_tag = 0, .multiple = true}).turn();
    EXPECT_THAT(s.windows(), ElementsAre("1: 3", "2: 3"));
    s.give_messages(a, 3, 1).send(1, BasicAck{.delivery_tag = 4}).turn();
    EXPECT_THAT(s.windows(), IsEmpty()) << "nobody is limited by the others";
}

TEST(AmqpQos, WithoutASharedWindowConsumersHaveTheirOwnAgain) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 1, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    s.consume(1, "q", "b");
    s.give_messages(a, 0, 1);
    s.windows();
    s.send(1, BasicQos{.prefetch_count = 0, .global = true}).turn();
    const std::string unlimited = std::to_string(limits::unacked_per_consumer_max);
    EXPECT_THAT(s.windows(), ElementsAre("1: " + unlimited, "2: " + unlimited));
}

TEST(AmqpQos, MessagesTakenByGetDoNotCountInTheSharedWindow) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 1, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    s.broker.next_get = s.messages({}, 9, 1);
    s.send(1, BasicGet{.queue = "q"}).turn();
    s.said();
    s.give_messages(a, 0, 2);
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m0")));
    s.windows();
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.windows(), ElementsAre("1: off"));
    s.send(1, BasicAck{.delivery_tag = 2}).turn();
    EXPECT_THAT(s.windows(), ElementsAre("1: 1"));
}

TEST(AmqpQos, RecordsOfAStreamWaitForRoomInTheSharedWindow) {
    ConsumeScene s;
    s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
    s.send(1, BasicQos{.prefetch_count = 1, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    s.give_messages(a, 0, 2);
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m0")));
    EXPECT_THAT(s.settled(), IsEmpty());
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m1")));
}

// ------------------------------------------------------------------------------------------------ get

TEST(AmqpGet, AnswersWithAMessageOrEmpty) {
    ConsumeScene s;
    s.send(1, BasicGet{.queue = "q"}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 basic.get-empty")));
    s.broker.next_get = s.messages({}, 9, 1);
    s.send(1, BasicGet{.queue = "q"}).turn();
    EXPECT_THAT(
        s.said(),
        ElementsAre("1 basic.get-ok delivery_tag=1;redelivered=0;exchange=ex;routing_key=key;message_count=4; m9"));
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("accept 9-10"));
    EXPECT_EQ(s.broker.all<Settle>()[0].consumer, s.broker.all<broker::Get>()[0].consumer);
    s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
    s.send(1, BasicGet{.queue = "q"}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("connection.close reply_code=540")));
}

// ------------------------------------------------------------------------------------------------ direct reply-to

TEST(AmqpDirectReply, AnswersReachTheConsumerWithoutAQueue) {
    ConsumeScene s;
    s.send(1, BasicConsume{.queue = reply_queue, .consumer_tag = "r", .no_ack = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.consume-ok consumer_tag=r;"));
    s.publish(1, {.routing_key = "q"}, "ask", properties_of({.reply_to = reply_queue})).turn();
    const auto appended = s.broker.all<broker::Append>();
    ASSERT_THAT(appended, SizeIs(1));
    auto cursor = record::BatchView::parse(*appended[0].batch).value().records().value();
    record::RecordView record;
    ASSERT_TRUE(cursor.next(record));
    const auto envelope = record::EnvelopeView::parse(record.envelope).value();
    const std::string address(*Properties::parse(envelope.properties()).value().reply_to);
    EXPECT_THAT(address, StartsWith("amq.rabbitmq.reply-to."));

    s.publish(1, {.routing_key = address}, "answer").turn();
    ASSERT_THAT(s.broker.direct, SizeIs(1));
    EXPECT_EQ(s.broker.direct[0].connection, s.broker.id());
    s.give(Deliver{.consumer = s.broker.direct[0].consumer, .count = 1, .batch = s.broker.direct[0].batch}).turn();
    EXPECT_THAT(s.said(), ElementsAre(AllOf(HasSubstr("basic.deliver consumer_tag=r;"), HasSubstr("answer"))));
    s.send(1, QueueDeclare{.queue = address, .passive = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("queue.declare-ok")));
}

TEST(AmqpDirectReply, AnswersToNobodyAreReturned) {
    ConsumeScene s;
    const std::string address = to_text(ReplyAddress{ConnectionId(5), ConsumerId(6)});
    s.publish(1, {.routing_key = address, .mandatory = true}, "x")
        .publish(1, {.routing_key = "amq.rabbitmq.reply-to.nonsense", .mandatory = true}, "y")
        .turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("basic.return reply_code=312"), HasSubstr("basic.return reply_code=312")));
}

/// Whether a reply to the one direct reply consumer of channel 1 still goes somewhere, once the consumer's channel did that.
bool reply_goes_somewhere_after(const std::function<void(ConsumeScene&)>& leave) {
    ConsumeScene s;
    s.send(1, BasicConsume{.queue = reply_queue, .consumer_tag = "r", .no_ack = true}).turn();
    EXPECT_THAT(s.broker.direct_open, SizeIs(1));
    leave(s);
    s.turn();
    return !s.broker.direct_open.empty();
}

TEST(AmqpDirectReply, TheAddressIsGoneWithTheConsumerTheChannelAndTheConnection) {
    EXPECT_TRUE(reply_goes_somewhere_after([](ConsumeScene& s) { s.publish(1, {.routing_key = "q"}, "x"); }));
    EXPECT_FALSE(reply_goes_somewhere_after([](ConsumeScene& s) { s.send(1, BasicCancel{.consumer_tag = "r"}); }));
    EXPECT_FALSE(reply_goes_somewhere_after([](ConsumeScene& s) { s.send(1, ChannelClose{.reply_code = 200}); }));
    EXPECT_FALSE(reply_goes_somewhere_after(
        [](ConsumeScene& s) { s.publish(1, {.exchange = "none", .routing_key = "k"}, "channel error"); }));
    EXPECT_FALSE(reply_goes_somewhere_after([](ConsumeScene& s) { s.send(0, ConnectionClose{.reply_code = 200}); }));
    EXPECT_FALSE(reply_goes_somewhere_after([](ConsumeScene& s) { s.session.on_closed(); }));
}

TEST(AmqpDirectReply, HasItsRules_406) {
    ConsumeScene acks;
    acks.send(1, BasicConsume{.queue = reply_queue}).turn();
    EXPECT_THAT(acks.said(),
                ElementsAre(HasSubstr("406;reply_text=PRECONDITION_FAILED - reply consumer cannot acknowledge")));
    ConsumeScene twice;
    twice.send(1, BasicConsume{.queue = reply_queue, .no_ack = true})
        .send(1, BasicConsume{.queue = reply_queue, .no_ack = true})
        .turn();
    EXPECT_THAT(twice.said().back(), HasSubstr("reply consumer already set"));
}

TEST(AmqpDirectReply, AnAddressThatNobodyMadeIsNotFound_404) {
    ConsumeScene s;
    s.open(2);
    s.send(1, QueueDeclare{.queue = to_text({ConnectionId(5), ConsumerId(6)}), .passive = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("channel.close reply_code=404")));
    s.send(2, QueueDeclare{.queue = "amq.rabbitmq.reply-to.nonsense", .passive = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("channel.close reply_code=404")));
}

TEST(AmqpDirectReply, AnAddressOfAnOrdinaryConsumerIsNone) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.publish(1, {.routing_key = to_text({s.broker.id(), consumer}), .mandatory = true}, "forged").turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("basic.return reply_code=312")));
}

TEST(AmqpDirectReply, AddressesSurviveTheirText) {
    const ReplyAddress address{ConnectionId(0x0001'0000'0000'00FF), ConsumerId(~std::uint64_t{0})};
    EXPECT_EQ(parse_reply_address(to_text(address)), address);
    EXPECT_FALSE(parse_reply_address("amq.rabbitmq.reply-to.g2dk"));
    EXPECT_FALSE(parse_reply_address("amq.rabbitmq.reply-to"));
}

}  // namespace
}  // namespace fantail::amqp091
