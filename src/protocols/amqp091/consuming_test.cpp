// SPDX-License-Identifier: Apache-2.0
//! What consuming promises: consumers, deliveries and how messages look.
#include "protocols/amqp091/consume_scene.hpp"

namespace fantail::amqp091 {
namespace {

// ------------------------------------------------------------------------------------------------ consume

TEST(AmqpConsume, AnswersWithTheTagAndAsksTheQueuesShard) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 7})
        .send(1, BasicConsume{.queue = "q", .consumer_tag = "t", .exclusive = true})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 basic.qos-ok"), "1 basic.consume-ok consumer_tag=t;"));
    const auto added = s.broker.all<broker::AddConsumer>();
    ASSERT_THAT(added, SizeIs(1));
    EXPECT_EQ(added[0].prefetch, 7u);
    EXPECT_TRUE(added[0].exclusive);
    EXPECT_EQ(added[0].timeout_ms, 1'800'000);
    EXPECT_EQ(s.broker.sent[0].shard, ShardId(2));
}

TEST(AmqpConsume, MakesATagAndUsesTheLastDeclaredQueue) {
    ConsumeScene s;
    s.send(1, QueueDeclare{.queue = "q", .passive = true}).send(1, BasicConsume{.no_ack = true}).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("declare-ok"), StartsWith("1 basic.consume-ok consumer_tag=amq.ctag-")));
    EXPECT_TRUE(s.broker.all<broker::AddConsumer>()[0].settled_on_delivery);
}

TEST(AmqpConsume, ReadsItsArguments) {
    ConsumeScene s;
    s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
    record::FieldTableBuilder arguments;
    arguments.set_int("x-priority", -3);
    arguments.set_int("x-consumer-timeout", 5000);
    arguments.set_int("x-stream-offset", 42);
    record::FieldArrayBuilder filters;
    filters.add_text("a");
    filters.add_text("b");
    arguments.set_array("x-stream-filter", filters.view());
    arguments.set_bool("x-stream-match-unfiltered", true);
    s.send(1, BasicQos{.prefetch_count = 1})
        .send(1, BasicConsume{.queue = "q", .arguments = arguments.view().bytes()})
        .turn();
    const auto added = s.broker.all<broker::AddConsumer>();
    ASSERT_THAT(added, SizeIs(1));
    EXPECT_EQ(added[0].priority, -3);
    EXPECT_EQ(added[0].timeout_ms, 5000);
    EXPECT_EQ(added[0].start, broker::StreamStart::offset);
    EXPECT_EQ(added[0].start_offset, Offset(42));
    EXPECT_THAT(added[0].filters, ElementsAre("a", "b"));
    EXPECT_TRUE(added[0].match_unfiltered);
}

TEST(AmqpConsume, RefusesAPriorityThatIsNoNumber_406) {
    const auto said_after = [](auto&& set) {
        ConsumeScene s;
        record::FieldTableBuilder arguments;
        set(arguments);
        s.send(1, BasicConsume{.queue = "q", .arguments = arguments.view().bytes()}).turn();
        return s.said().back();
    };
    const auto refusal = HasSubstr("reply_code=406;reply_text=PRECONDITION_FAILED - invalid arg 'x-priority'");
    EXPECT_THAT(said_after([](auto& t) { t.set_text("x-priority", "high"); }), refusal);
    EXPECT_THAT(said_after([](auto& t) { t.set_nothing("x-priority"); }), refusal);
}

TEST(AmqpConsume, UnderstandsEveryFormOfStreamOffset) {
    const auto start_of = [](auto&& set) {
        ConsumeScene s;
        s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
        record::FieldTableBuilder arguments;
        set(arguments);
        s.send(1, BasicQos{.prefetch_count = 1})
            .send(1, BasicConsume{.queue = "q", .arguments = arguments.view().bytes()})
            .turn();
        const auto added = s.broker.all<broker::AddConsumer>();
        return added.empty()
                   ? std::string("refused")
                   : std::to_string(static_cast<int>(added[0].start)) + " " + std::to_string(added[0].start_time.ms);
    };
    using Table = record::FieldTableBuilder;
    EXPECT_EQ(start_of([](Table&) {}), "0 0");
    EXPECT_EQ(start_of([](Table& t) { t.set_text("x-stream-offset", "first"); }), "1 0");
    EXPECT_EQ(start_of([](Table& t) { t.set_text("x-stream-offset", "last"); }), "2 0");
    EXPECT_EQ(start_of([](Table& t) { t.set_text("x-stream-offset", "next"); }), "0 0");
    EXPECT_EQ(start_of([](Table& t) { t.set_timestamp("x-stream-offset", 1'600'000'000); }), "4 1600000000000");
    EXPECT_EQ(start_of([](Table& t) { t.set_text("x-stream-offset", "1h"); }), "4 1699996400000");
    EXPECT_EQ(start_of([](Table& t) { t.set_text("x-stream-offset", "yesterday"); }), "refused");
    EXPECT_EQ(start_of([](Table& t) { t.set_int("x-stream-offset", -1); }), "refused");
}

TEST(AmqpConsume, RefusesWithTheRightCode) {
    const auto said_after = [](auto&& script) {
        ConsumeScene s;
        script(s);
        s.turn();
        return s.said().back();
    };
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, BasicConsume{.queue = "none"}); }),
                HasSubstr("404;reply_text=NOT_FOUND - no queue 'none' in vhost '/'"));
    EXPECT_THAT(said_after([](Scene& s) { s.send(1, BasicConsume{}); }),
                HasSubstr("404;reply_text=NOT_FOUND - no previously declared queue"));
    EXPECT_THAT(
        said_after([](Scene& s) {
            s.broker.topology.denied.insert("read q");
            s.send(1, BasicConsume{.queue = "q"});
        }),
        HasSubstr("403;reply_text=ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'guest'"));
    EXPECT_THAT(
        said_after([](Scene& s) {
            s.broker.topology.queues["q"].exclusive_owner = ConnectionId(1);
            s.send(1, BasicConsume{.queue = "q"});
        }),
        HasSubstr("405;reply_text=RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"));
    EXPECT_THAT(said_after([](Scene& s) {
                    s.broker.has_consumer_error = true;
                    s.broker.consumer_error = ErrorCode::access_refused;
                    s.send(1, BasicConsume{.queue = "q"});
                }),
                HasSubstr("403;reply_text=ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"));
    const auto stream = [](Scene& s, BasicConsume method) {
        s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
        s.send(1, method);
    };
    EXPECT_THAT(said_after([&](Scene& s) { stream(s, {.queue = "q"}); }),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - consumer prefetch count is not set for stream"));
    EXPECT_THAT(said_after([&](Scene& s) { stream(s, {.queue = "q", .no_ack = true}); }),
                HasSubstr("connection.close reply_code=540"));
}

TEST(AmqpConsume, CancelOkComesBehindTheLastDelivery) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.broker.answers = false;
    s.send(1, BasicCancel{.consumer_tag = "t"}).turn();
    EXPECT_THAT(s.broker.all<broker::RemoveConsumer>(), SizeIs(1));
    s.give_messages(consumer, 0, 1);
    s.give(broker::QueueCounts{.request = s.broker.sent.back().request}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("basic.deliver"), "1 basic.cancel-ok consumer_tag=t;"));
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("accept 0-1")) << "what it holds can still be acked";
    s.send(1, BasicCancel{.consumer_tag = "unknown"}).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.cancel-ok consumer_tag=unknown;"));
}

TEST(AmqpConsume, TellsCapableClientsThatAQueueIsGone) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.give(broker::ConsumerCancelled{consumer, s.queue}).turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.cancel consumer_tag=t;no_wait=1;"));
    EXPECT_EQ(s.session.info().consumers, 0u);
}

TEST(AmqpConsume, WhoDeletesTheQueueHearsDeleteOkBeforeCancel) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.broker.answers = false;
    s.send(1, QueueDelete{.queue = "q"}).turn();
    s.give(broker::ConsumerCancelled{consumer, s.queue}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.give(broker::AdminReply{.request = s.broker.admin.back().request}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 queue.delete-ok"), "1 basic.cancel consumer_tag=t;no_wait=1;"));
    EXPECT_EQ(s.session.info().consumers, 0u);
}

TEST(AmqpConsume, ATimeoutClosesTheChannelOnlyOfClientsThatKnowNoCancel_406) {
    ConsumeScene capable;
    capable.give(broker::ConsumerCancelled{capable.consume(1, "q", "t"), capable.queue, true}).turn();
    EXPECT_THAT(capable.said(), ElementsAre(HasSubstr("basic.cancel")));
    ConsumeScene old(std::vector<std::string>{});
    old.give(broker::ConsumerCancelled{old.consume(1, "q", "t"), old.queue, true}).turn();
    EXPECT_THAT(old.said(), ElementsAre(HasSubstr("channel.close reply_code=406;reply_text=PRECONDITION_FAILED - "
                                                  "delivery acknowledgement on channel 1 timed out")));
}

// ------------------------------------------------------------------------------------------------ deliveries

TEST(AmqpDeliver, WritesEachRecordOfTheBatchFromTheIndexOn) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    Deliver delivery = s.messages(consumer, 10, 3);
    delivery.first = Offset(11);
    delivery.index = 1;
    delivery.count = 2;
    delivery.redelivered = true;
    s.give(delivery).turn();
    EXPECT_THAT(
        s.said(),
        ElementsAre("1 basic.deliver consumer_tag=t;delivery_tag=1;redelivered=1;exchange=ex;routing_key=key; m11",
                    "1 basic.deliver consumer_tag=t;delivery_tag=2;redelivered=1;exchange=ex;routing_key=key; m12"));
}

TEST(AmqpDeliver, PassesPropertiesOnAsTheyCame) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t", true);
    const Bytes properties = properties_of({.content_type = "text/plain", .delivery_mode = 2, .app_id = "app"});
    s.give(Deliver{.consumer = consumer,
                   .queue = s.queue,
                   .count = 1,
                   .batch = BatchMaker().add("", "q", properties, "x").finish(),
                   .delivery_count = 3})
        .turn();
    s.said();
    ASSERT_THAT(s.properties_said, SizeIs(1));
    EXPECT_EQ(as_text(s.properties_said[0]), as_text(properties));
}

TEST(AmqpDeliver, CountsFailedDeliveriesOfQuorumQueues) {
    ConsumeScene s;
    s.broker.topology.queues["q"].kind = broker::QueueKind::quorum;
    const ConsumerId consumer = s.consume(1, "q", "t");
    Deliver delivery = s.messages(consumer, 0, 1);
    delivery.delivery_count = 2;
    delivery.acquired_count = 4;
    s.give(delivery).turn();
    s.said();
    const auto headers = headers_of(s.properties_said.at(0));
    EXPECT_EQ(headers.find("x-delivery-count")->as_int(), 2);
    EXPECT_EQ(headers.find("x-acquired-count")->as_int(), 4);
}

TEST(AmqpDeliver, StatesStreamOffsets) {
    ConsumeScene s;
    s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
    s.send(1, BasicQos{.prefetch_count = 10}).turn();
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.give_messages(consumer, 100, 2);
    s.said();
    EXPECT_EQ(headers_of(s.properties_said.at(1)).find("x-stream-offset")->as_int(), 101);
}

TEST(AmqpDeliver, RendersTheDeathHistory) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t");
    record::DeathHistory history;
    record::record_death(history, {.queue = "first",
                                   .reason = record::DeathReason::expired,
                                   .exchange = "e",
                                   .routing_keys = {"k"},
                                   .time = WallTime{5000},
                                   .original_expiration = "60"});
    record::record_death(history, {.queue = "second",
                                   .reason = record::DeathReason::rejected,
                                   .exchange = "dlx",
                                   .routing_keys = {"k2"},
                                   .time = WallTime{6000}});
    Bytes deaths;
    record::encode_deaths(deaths, history);
    Bytes envelope;
    record::FieldTableBuilder own;
    own.set_text("mine", "kept");
    const Bytes properties = properties_of({.headers = own.view()});
    record::encode_envelope(envelope,
                            record::EnvelopeParts{.properties = properties, .exchange = "dlx", .deaths = deaths});
    record::BatchBuilder builder;
    builder.append_message(WallTime{1}, as_bytes("k"), envelope, as_bytes("x"));
    s.give(Deliver{.consumer = consumer,
                   .queue = s.queue,
                   .count = 1,
                   .batch = std::make_shared<const Bytes>(builder.finish(Offset(0)))})
        .turn();
    s.said();
    const auto headers = headers_of(s.properties_said.at(0));
    EXPECT_EQ(headers.find("mine")->as_text(), "kept");
    EXPECT_EQ(headers.find("x-first-death-queue")->as_text(), "first");
    EXPECT_EQ(headers.find("x-first-death-reason")->as_text(), "expired");
    EXPECT_EQ(headers.find("x-last-death-queue")->as_text(), "second");
    EXPECT_EQ(headers.find("x-last-death-exchange")->as_text(), "dlx");
    auto entries = headers.find("x-death")->as_array()->values();
    record::FieldValueView latest;
    record::FieldValueView earliest;
    ASSERT_TRUE(entries.next(latest) && entries.next(earliest));
    EXPECT_EQ(latest.as_table()->find("queue")->as_text(), "second");
    EXPECT_EQ(earliest.as_table()->find("time")->as_timestamp(), 5u);
    EXPECT_EQ(earliest.as_table()->find("count")->as_int(), 1);
    EXPECT_EQ(earliest.as_table()->find("original-expiration")->as_text(), "60");
}

TEST(AmqpDeliver, MapsRecordsOfOtherProtocols) {
    ConsumeScene s;
    const ConsumerId consumer = s.consume(1, "q", "t", true);
    record::BatchBuilder builder;
    const record::HeaderParts header{.key = "trace", .value = as_bytes("abc")};
    builder.append(
        {.timestamp = WallTime{7000}, .key = as_bytes("k"), .value = as_bytes("v"), .headers = {&header, 1}});
    s.give(Deliver{.consumer = consumer,
                   .queue = s.queue,
                   .count = 1,
                   .batch = std::make_shared<const Bytes>(builder.finish(Offset(0)))})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("exchange=;routing_key=k; v")));
    const auto properties = Properties::parse(s.properties_said.at(0)).value();
    EXPECT_EQ(properties.timestamp, 7u);
    EXPECT_EQ(as_text(*properties.headers->find("trace")->as_binary()), "abc");
}

TEST(AmqpDeliver, LeavesOutHeadersThatDoNotFitTheFrame) {
    Mapper mapper;
    record::FieldTableBuilder headers;
    const std::string large(5000, 'x');
    headers.set_text("large", large);
    const Bytes properties = properties_of({.headers = headers.view(), .app_id = "app"});
    const SharedBytes batch = BatchMaker().add("", "q", properties, "x").finish();
    auto cursor = record::BatchView::parse(*batch).value().records().value();
    record::RecordView record;
    ASSERT_TRUE(cursor.next(record));
    const auto message = mapper.map(record, {}, 4096);
    EXPECT_TRUE(header_fits(message.properties, 4096));
    EXPECT_EQ(Properties::parse(message.properties)->app_id, "app");
}

TEST(AmqpDeliver, PausesAndResumesWithAPeerThatReadsSlowly) {
    ConsumeScene s;
    s.consume(1, "q", "t");
    s.session.on_writable(false);
    s.send(1, BasicConsume{.queue = "q", .consumer_tag = "u"}).turn();
    s.session.on_writable(true);
    const auto flows = s.broker.all<broker::SetFlow>();
    ASSERT_THAT(flows, SizeIs(3));
    EXPECT_FALSE(flows[0].on);
    EXPECT_TRUE(flows[1].on && flows[2].on);
    EXPECT_FALSE(s.broker.all<broker::AddConsumer>()[1].flow_on);
}

}  // namespace
}  // namespace fantail::amqp091
