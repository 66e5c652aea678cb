// SPDX-License-Identifier: Apache-2.0
//! What consuming promises: deliveries, acknowledgements, windows, get and direct replies.
#include <gmock/gmock.h>

#include "protocols/amqp091/reply_to.hpp"
#include "protocols/amqp091/session_scene.hpp"
#include "record/deaths.hpp"

namespace fantail::amqp091 {
namespace {

using broker::Deliver;
using broker::Outcome;
using broker::Settle;
using record::Properties;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct ConsumeScene : Scene {
    explicit ConsumeScene(const std::vector<std::string>& capabilities = {"consumer_cancel_notify"}) {
        queue = broker.topology.add_queue("q", 2).id;
        connect(capabilities).open(1);
    }
    QueueId queue;

    /// Messages "m<first>"… of the queue for a consumer.
    Deliver messages(ConsumerId consumer, std::uint64_t first, std::uint32_t count) {
        BatchMaker maker;
        for (std::uint32_t i = 0; i < count; ++i) maker.add("ex", "key", {}, "m" + std::to_string(first + i));
        return {.consumer = consumer, .queue = queue, .first = Offset(first), .count = count, .batch = maker.finish()};
    }
    ConsumeScene& give_messages(ConsumerId consumer, std::uint64_t first, std::uint32_t count) {
        give(messages(consumer, first, count)).turn();
        return *this;
    }
    /// Settlements since the last call: "accept 0-2 5-6".
    std::vector<std::string> settled() {
        static constexpr const char* names[] = {"accept", "reject", "requeue", "release"};
        std::vector<std::string> out;
        const auto all = broker.all<Settle>();
        for (std::size_t i = seen_; i < all.size(); ++i) {
            std::string text = names[static_cast<std::size_t>(all[i].outcome)];
            for (const auto& range : all[i].ranges)
                text += " " + std::to_string(range.first.value) + "-" + std::to_string(range.end.value);
            out.push_back(text);
        }
        seen_ = all.size();
        return out;
    }

private:
    std::size_t seen_ = 0;
};

record::FieldTableView headers_of(const Bytes& properties) { return *Properties::parse(properties).value().headers; }

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

TEST(AmqpQos, ASharedWindowHoldsDeliveriesBackUntilAcksFreeIt) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 3, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    const ConsumerId b = s.consume(1, "q", "b");
    EXPECT_EQ(s.broker.all<broker::AddConsumer>()[0].prefetch, 3u);
    s.give_messages(a, 0, 2).give_messages(b, 2, 3);
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m0"), HasSubstr("m1"), HasSubstr("m2")));
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("consumer_tag=b;delivery_tag=4;redelivered=0;exchange=ex;routing_key=key; m3")));
    s.send(1, BasicQos{.prefetch_count = 0, .global = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m4"), HasSubstr("qos-ok")));
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
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.send(1, BasicAck{.delivery_tag = 2}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m1")));
}

TEST(AmqpQos, WhatExpiresWhileASharedWindowHoldsItGoesBackToItsQueue) {
    ConsumeScene s;
    auto& brief = s.broker.topology.add_queue("brief", 2);
    brief.options = broker::QueueOptions{.message_ttl_ms = 100};
    s.queue = brief.id;
    s.broker.time.wall = WallTime{50};
    s.send(1, BasicQos{.prefetch_count = 1, .global = true}).turn();
    const ConsumerId a = s.consume(1, "brief", "a");
    s.give_messages(a, 0, 3);
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("m0")));
    s.broker.time.wall = WallTime{200};
    s.send(1, BasicAck{.delivery_tag = 1}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    EXPECT_THAT(s.settled(), ElementsAre("accept 0-1", "release 1-3"));
}

TEST(AmqpQos, WhatIsHeldForACancelledConsumerGoesBack) {
    ConsumeScene s;
    s.send(1, BasicQos{.prefetch_count = 1, .global = true}).turn();
    const ConsumerId a = s.consume(1, "q", "a");
    s.give_messages(a, 0, 3);
    s.send(1, BasicCancel{.consumer_tag = "a"}).turn();
    EXPECT_THAT(s.settled(), ElementsAre("release 1-3"));
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
    s.broker.direct_exists = false;
    const std::string address = to_text(ReplyAddress{ConnectionId(5), ConsumerId(6)});
    s.publish(1, {.routing_key = address, .mandatory = true}, "x")
        .publish(1, {.routing_key = "amq.rabbitmq.reply-to.nonsense", .mandatory = true}, "y")
        .turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("basic.return reply_code=312"), HasSubstr("basic.return reply_code=312")));
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
    s.send(1, QueueDeclare{.queue = to_text({ConnectionId(5), ConsumerId(6)}), .passive = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("queue.declare-ok")));
    s.send(1, QueueDeclare{.queue = "amq.rabbitmq.reply-to.nonsense", .passive = true}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("channel.close reply_code=404")));
}

TEST(AmqpDirectReply, AddressesSurviveTheirText) {
    const ReplyAddress address{ConnectionId(0x0001'0000'0000'00FF), ConsumerId(~std::uint64_t{0})};
    EXPECT_EQ(parse_reply_address(to_text(address)), address);
    EXPECT_FALSE(parse_reply_address("amq.rabbitmq.reply-to.g2dk"));
    EXPECT_FALSE(parse_reply_address("amq.rabbitmq.reply-to"));
}

}  // namespace
}  // namespace fantail::amqp091
