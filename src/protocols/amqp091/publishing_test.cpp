// SPDX-License-Identifier: Apache-2.0
//! What publishing promises: batches, routes and properties.
#include "protocols/amqp091/publish_scene.hpp"

namespace fantail::amqp091 {
namespace {

TEST(AmqpPublish, GathersATurnIntoOneBatchPerTargetSet) {
    PublishScene s;
    for (const char* body : {"1", "2", "3"})
        s.publish(1, {.routing_key = "q"}, body).publish(1, {.routing_key = "r"}, body);
    s.turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    EXPECT_FALSE(s.appends()[0].confirm);
    for (const Append& append : s.appends()) {
        EXPECT_EQ(append.count, 3u);
        EXPECT_EQ(append.body_bytes, 3u);
        EXPECT_TRUE(append.traits.transient);
        EXPECT_TRUE(record::BatchView::parse(*append.batch)->verify_crc());
    }
    EXPECT_EQ(s.broker.topology.routed, 2u) << "routes are remembered";
}

TEST(AmqpPublish, KeepsOrderWhereTargetSetsOverlap) {
    PublishScene s;
    s.broker.topology.bind("amq.fanout", "q");
    s.broker.topology.bind("amq.fanout", "r");
    s.publish(1, {.routing_key = "q"}, "a")
        .publish(1, {.exchange = "amq.fanout"}, "b")
        .publish(1, {.routing_key = "q"}, "c")
        .turn();
    std::vector<std::string> on_q;
    for (const Append& append : s.appends()) {
        const bool for_q =
            std::ranges::any_of(append.targets, [](const auto& t) { return shard_of(t.queue) == ShardId(0); });
        if (!for_q) continue;
        for (std::string& text : records_of(append)) on_q.push_back(std::move(text));
    }
    EXPECT_THAT(on_q, ElementsAre("/q: a", "amq.fanout/: b", "/q: c"));
}

TEST(AmqpPublish, StoresAFanoutOnceForAllShards) {
    PublishScene s;
    s.broker.topology.bind("amq.fanout", "q");
    s.broker.topology.bind("amq.fanout", "r");
    s.publish(1, {.exchange = "amq.fanout"}, "b").turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    EXPECT_EQ(s.appends()[0].batch, s.appends()[1].batch);
}

TEST(AmqpPublish, KeepsPersistentAndTransientApart) {
    PublishScene s;
    const Bytes persistent = properties_of({.delivery_mode = 2});
    s.publish(1, {.routing_key = "q"}, "a").publish(1, {.routing_key = "q"}, "b", persistent).turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    EXPECT_TRUE(s.appends()[0].traits.transient);
    EXPECT_FALSE(s.appends()[1].traits.transient);
    EXPECT_EQ(as_text(first_envelope(s.appends()[1]).properties), as_text(persistent));
}

TEST(AmqpPublish, SeesANewTopologyAtOnce) {
    PublishScene s;
    s.publish(1, {.routing_key = "new", .mandatory = true}, "a").turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("basic.return reply_code=312;reply_text=NO_ROUTE;exchange=;routing_key=new; a")));
    s.broker.topology.add_queue("new");
    s.publish(1, {.routing_key = "new"}, "b").turn();
    EXPECT_THAT(s.appends(), SizeIs(1));
}

TEST(AmqpPublish, DoesNotKeepRoutesThatDependOnMoreThanTheKey) {
    PublishScene s;
    s.broker.topology.repeatable = false;
    s.broker.topology.bind("amq.fanout", "q");
    s.publish(1, {.exchange = "amq.fanout"}, "a").publish(1, {.exchange = "amq.fanout"}, "b").turn();
    EXPECT_EQ(s.broker.topology.routed, 2u);
    EXPECT_THAT(s.appends(), SizeIs(1)) << "the batch is still shared";
}

TEST(AmqpPublish, TakesBodiesInSeveralFramesAndInterleavedChannels) {
    PublishScene s;
    s.open(2);
    const std::string large(300'000, 'L');
    const std::string tail(5, 't');
    s.send(1, BasicPublish{.routing_key = "q"});
    Bytes whole;
    write_publish(whole, 1, {.routing_key = "q"}, {{}, as_bytes(large)}, 131072);
    Frame method;
    ASSERT_TRUE(take_frame(whole, 131072, method));
    const ByteView content = ByteView(whole).subspan(method.wire_size);
    s.raw(content.first(150'000)).turn();
    EXPECT_FALSE(s.broker.closed);
    // The rest of the cut frame, another channel's message behind it, then the end.
    Frame cut;
    ByteView at = content;
    std::size_t end = 0;
    while (end < 150'000) {
        ASSERT_EQ(next_frame(at.subspan(end), 131072, cut).value(), FrameStatus::complete);
        end += cut.wire_size;
    }
    s.raw(content.subspan(150'000, end - 150'000))
        .publish(2, {.routing_key = "q"}, tail)
        .raw(content.subspan(end))
        .turn();
    std::vector<std::size_t> sizes;
    for (const Append& append : s.appends()) sizes.push_back(append.body_bytes);
    EXPECT_THAT(sizes, ElementsAre(5u, 300'000u));
    EXPECT_EQ(records_of(s.appends()[1])[0], "/q: " + large);
}

TEST(AmqpPublish, JoinsMessagesCutAtAReadsEnd) {
    PublishScene s;
    Bytes two;
    for (const char* body : {"first", "second"})
        write_publish(two, 1, {.routing_key = "q"}, {{}, as_bytes(body)}, 131072);
    for (std::size_t i = 0; i < two.size(); ++i) s.raw(ByteView(two).subspan(i, 1)).turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    EXPECT_THAT(records_of(s.appends()[1]), ElementsAre("/q: second"));
}

TEST(AmqpPublish, AcceptsEmptyBodies) {
    PublishScene s;
    s.publish(1, {.routing_key = "q"}, "").turn();
    EXPECT_THAT(records_of(s.appends().at(0)), ElementsAre("/q: "));
}

TEST(AmqpPublish, MarksExpirationDelayAndPriority) {
    PublishScene s;
    broker::QueueOptions options;
    options.priority_max = 5;
    s.broker.topology.queues["q"].declared = options;
    record::FieldTableBuilder headers;
    headers.set_int("x-opt-delivery-delay", 1500);
    s.publish(1, {.routing_key = "q"}, "a", properties_of({.priority = 9, .expiration = "60"}));
    s.publish(1, {.routing_key = "q"}, "b", with_headers(headers)).turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    const auto appends = s.appends();
    EXPECT_TRUE(std::ranges::any_of(
        appends, [](const Append& a) { return a.targets[0].level == 5 && a.traits.has_expiration; }));
    for (const Append& append : appends) {
        if (append.targets[0].level != 0) continue;
        EXPECT_TRUE(append.traits.has_due_time);
        EXPECT_EQ(first_envelope(append).due_time, WallTime{s.broker.time.wall.ms + 1500});
    }
}

TEST(AmqpPublish, HonoursXDelayThroughAnyExchangeAndIgnoresWhatIsNoNumberThere) {
    PublishScene s;
    s.broker.topology.bind("amq.fanout", "q");
    record::FieldTableBuilder headers;
    headers.set_int("x-delay", 250);
    s.publish(1, {.exchange = "amq.fanout"}, "later", with_headers(headers)).turn();
    headers.set_int("x-opt-delivery-delay", 100);
    s.publish(1, {.routing_key = "q"}, "later too", with_headers(headers)).turn();
    record::FieldTableBuilder other;
    other.set_text("x-delay", "none");
    s.publish(1, {.routing_key = "q"}, "now", with_headers(other)).turn();
    ASSERT_THAT(s.appends(), SizeIs(3));
    EXPECT_EQ(first_envelope(s.appends()[0]).due_time, WallTime{s.broker.time.wall.ms + 250});
    EXPECT_EQ(first_envelope(s.appends()[1]).due_time, WallTime{s.broker.time.wall.ms + 250});
    EXPECT_FALSE(first_envelope(s.appends()[2]).due_time);
}

TEST(AmqpPublish, QuorumQueuesHave32LevelsUndeclaredAndEqualPrioritiesShareABatch) {
    PublishScene s;
    s.broker.topology.queues["q"].kind = broker::QueueKind::quorum;
    for (const std::uint8_t priority : {7, 7, 200})
        s.publish(1, {.routing_key = "q"}, "x", properties_of({.priority = priority}));
    s.turn();
    std::vector<std::pair<int, std::uint32_t>> levels;
    for (const Append& append : s.appends()) levels.emplace_back(append.targets.at(0).level, append.count);
    EXPECT_THAT(levels, UnorderedElementsAre(std::pair(7, 2u), std::pair(31, 1u)));
}

/// An exchange that lets no duplicate pass, with queues in two shards.
struct OnceScene : PublishScene {
    OnceScene() {
        auto& exchange = broker.topology.add_exchange("once", broker::ExchangeType::fanout);
        exchange.id = make_id<ExchangeId>(5, 9);
        exchange.durable = false;
        exchange.deduplication_window_ms = 500;
        broker.topology.bind("once", "q");
        broker.topology.bind("once", "r");
        confirm();
    }
};

TEST(AmqpPublish, ThroughAnExchangeWithADeduplicationWindowAMessageGoesAsAWholeToTheExchangesShard) {
    OnceScene s;
    s.publish(1, {.exchange = "once"}, "a", properties_of({.message_id = "m-1"})).turn();
    ASSERT_THAT(s.broker.sent, SizeIs(1));
    EXPECT_EQ(s.broker.sent[0].shard, ShardId(5));
    const auto sent = s.broker.all<broker::AppendOnce>().at(0);
    EXPECT_EQ(sent.exchange, make_id<ExchangeId>(5, 9));
    EXPECT_FALSE(sent.durable);
    EXPECT_EQ(sent.window_ms, 500);
    EXPECT_EQ(as_text(sent.id), "Sm-1");
    EXPECT_THAT(sent.append.targets, SizeIs(2));
    EXPECT_THAT(records_of(sent.append), ElementsAre("once/: a"));
    EXPECT_EQ(first_envelope(sent.append).dedup_window_ms, 500u);
    EXPECT_EQ(as_text(*first_envelope(sent.append).dedup_id), "Sm-1");
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=1;multiple=0;"));
}

TEST(AmqpPublish, MessagesWithoutIdKeepTheirPlaceAmongThoseOfTheExchange) {
    OnceScene s;
    s.publish(1, {.exchange = "once"}, "a", properties_of({.message_id = "m-1"}))
        .publish(1, {.exchange = "once"}, "b")
        .turn();
    const auto sent = s.broker.all<broker::AppendOnce>();
    ASSERT_THAT(sent, SizeIs(2));
    EXPECT_THAT(sent[1].id, IsEmpty());
    EXPECT_FALSE(first_envelope(sent[1].append).dedup_window_ms);
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=2;multiple=1;"));
}

TEST(AmqpPublish, ADeduplicationHeaderIsNoLongerThanAMessageId_406) {
    OnceScene s;
    record::FieldTableBuilder headers;
    headers.set_text("x-deduplication-header", std::string(256, 'x'));
    s.publish(1, {.exchange = "once"}, "a", with_headers(headers)).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 channel.close reply_code=406")));
}

TEST(AmqpPublish, AMessageThatFindsAllItsQueuesDeletedIsNacked) {
    PublishScene s;
    s.broker.topology.add_exchange("both", broker::ExchangeType::fanout);
    s.broker.topology.bind("both", "q");
    s.broker.topology.bind("both", "r");
    s.confirm();
    s.broker.answers = false;
    s.publish(1, {.exchange = "both"}, "a").turn();
    s.publish(1, {.exchange = "both"}, "b").turn();
    ASSERT_THAT(s.broker.sent, SizeIs(4));
    for (const bool missed : {true, false, true, true}) {
        s.broker.events.push_back(
            broker::Appended{.request = s.broker.sent[s.broker.events.size()].request, .missed = missed});
    }
    s.turn();
    EXPECT_THAT(s.said(), ElementsAre("1 basic.nack delivery_tag=2;multiple=0;requeue=0;",
                                      "1 basic.ack delivery_tag=1;multiple=0;"));
}

TEST(AmqpPublish, SendsMessagesOneByOneWhereAQueueDecidesOnEach) {
    PublishScene s;
    broker::QueueOptions options;
    options.deduplication_window_ms = 1000;
    s.broker.topology.queues["q"].options = options;
    s.confirm();
    const Bytes id = properties_of({.message_id = "m-1"});
    s.publish(1, {.routing_key = "q"}, "a", id).publish(1, {.routing_key = "q"}, "b", id).turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    EXPECT_TRUE(s.appends()[0].traits.has_deduplication);
    EXPECT_EQ(as_text(*first_envelope(s.appends()[0]).dedup_id), "Sm-1");
    EXPECT_THAT(s.said(), ElementsAre("1 basic.ack delivery_tag=2;multiple=1;"));
}

TEST(AmqpPublish, EveryKeyOfATopicExchangeMustBePermitted_403) {
    PublishScene s;
    s.broker.topology.add_exchange("topics", broker::ExchangeType::topic);
    s.broker.topology.add_exchange("direct", broker::ExchangeType::direct);
    s.broker.topology.denied = {"write topics/b", "write direct/b"};
    s.publish(1, {.exchange = "direct", .routing_key = "b"}, "x")
        .publish(1, {.exchange = "topics", .routing_key = "a"}, "x")
        .turn();
    EXPECT_THAT(s.said(), IsEmpty());
    record::FieldTableBuilder headers;
    record::FieldArrayBuilder copies;
    copies.add_text("b");
    headers.set_array("CC", copies.view());
    s.publish(1, {.exchange = "topics", .routing_key = "a"}, "x", with_headers(headers)).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(AllOf(StartsWith("1 channel.close reply_code=403"),
                                  HasSubstr("write access to topic 'b' in exchange 'topics' in vhost '/' refused"))));
}

TEST(AmqpPublish, CopiesGoToCcAndBccAndBccIsRemoved) {
    PublishScene s;
    record::FieldTableBuilder headers;
    record::FieldArrayBuilder copies;
    copies.add_text("r");
    headers.set_array("BCC", copies.view());
    headers.set_text("kept", "yes");
    s.publish(1, {.routing_key = "q"}, "a", with_headers(headers)).turn();
    ASSERT_THAT(s.appends(), SizeIs(2));
    const auto stored = Properties::parse(first_envelope(s.appends()[0]).properties).value();
    EXPECT_FALSE(stored.headers->find("BCC"));
    EXPECT_TRUE(stored.headers->find("kept"));
}

TEST(AmqpPublish, ReadsChangingPropertiesAfresh) {
    PublishScene s;
    const Bytes plain = properties_of({.delivery_mode = 2, .message_id = "1"});
    record::FieldTableBuilder headers;
    headers.set_int("x-opt-delivery-delay", 9);
    const Bytes delayed = with_headers(headers);
    for (const Bytes* properties : {&plain, &plain, &delayed, &plain, &delayed})
        s.publish(1, {.routing_key = "q"}, "x", *properties).turn();
    std::string seen;
    for (const Append& append : s.appends()) {
        seen += append.traits.transient ? "t" : "p";
        seen += append.traits.has_due_time ? "d " : "- ";
        EXPECT_EQ(first_envelope(append).due_time.has_value(), append.traits.has_due_time);
    }
    EXPECT_EQ(seen, "p- p- td p- td ");
}

TEST(AmqpPublish, SoftErrorsCloseTheChannel) {
    const auto said_after = [](const BasicPublish& method, const Bytes& properties, auto&& prepare) {
        PublishScene s;
        prepare(s);
        s.publish(1, method, "x", properties).turn();
        const auto said = s.said();
        EXPECT_THAT(said, SizeIs(1));
        EXPECT_THAT(s.appends(), IsEmpty());
        return said.empty() ? std::string() : said[0];
    };
    const auto nothing = [](Scene&) {};
    EXPECT_THAT(said_after({.exchange = "none"}, {}, nothing),
                HasSubstr("channel.close reply_code=404;reply_text=NOT_FOUND - no exchange 'none' in vhost '/'"));
    EXPECT_THAT(said_after({.exchange = "amq.fanout"}, {},
                           [](Scene& s) { s.broker.topology.denied.insert("write amq.fanout"); }),
                HasSubstr("reply_code=403;reply_text=ACCESS_REFUSED - write access to exchange 'amq.fanout' in vhost "
                          "'/' refused for user 'guest'"));
    EXPECT_THAT(said_after({}, {}, [](Scene& s) { s.broker.topology.denied.insert("write amq.default"); }),
                HasSubstr("exchange 'amq.default'"));
    EXPECT_THAT(said_after({.exchange = "inner"}, {},
                           [](Scene& s) {
                               s.broker.topology.add_exchange("inner", broker::ExchangeType::fanout).internal = true;
                           }),
                HasSubstr("reply_code=403;reply_text=ACCESS_REFUSED - cannot publish to internal exchange 'inner'"));
    EXPECT_THAT(said_after({.routing_key = "q"}, properties_of({.expiration = "soon"}), nothing),
                HasSubstr("reply_code=406"));
    EXPECT_THAT(said_after({.routing_key = "q"}, properties_of({.user_id = "root"}), nothing),
                HasSubstr("reply_code=406;reply_text=PRECONDITION_FAILED - user_id property set to 'root' but "
                          "authenticated user was 'guest'"));
    record::FieldTableBuilder headers;
    headers.set_text("CC", "not a list");
    EXPECT_THAT(said_after({.routing_key = "q"}, with_headers(headers), nothing), HasSubstr("reply_code=406"));
    EXPECT_THAT(said_after({.routing_key = "q"}, properties_of({.reply_to = "amq.rabbitmq.reply-to"}), nothing),
                HasSubstr("fast reply consumer does not exist"));
    const Bytes broken{0xFF, 0xFF};
    EXPECT_THAT(said_after({.routing_key = "q"}, broken, nothing), HasSubstr("connection.close reply_code=502"));
}

TEST(AmqpPublish, ImpersonatorsAndOneselfMayBeNamedAsUser) {
    PublishScene s;
    s.publish(1, {.routing_key = "q"}, "x", properties_of({.user_id = "guest"})).turn();
    EXPECT_THAT(s.appends(), SizeIs(1));
}

TEST(AmqpPublish, BoundsTheMessageSize_406) {
    AmqpOptions options;
    options.message_size_max = 10;
    Scene s(options);
    s.broker.topology.add_queue("q");
    s.connect().open(1).open(2);
    s.publish(1, {.routing_key = "q"}, "12345678901").turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("message size 11 is larger than configured max size 10")));
    // Announced in a header of its own, before a byte of it came.
    Bytes whole;
    const std::string large(50'000, 'x');
    write_publish(whole, 2, {.routing_key = "q"}, {{}, as_bytes(large)}, 4096);
    s.raw(whole).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("2 channel.close reply_code=406")));
}

TEST(AmqpPublish, ABodyLongerThanAnnouncedIs501) {
    PublishScene s;
    Bytes whole;
    write_publish(whole, 1, {.routing_key = "q"}, {{}, as_bytes("123")}, 131072);
    const std::uint8_t more[] = {3, 0, 1, 0, 0, 0, 4, '1', '2', '3', '4', 0xCE};
    whole.resize(whole.size() - 11);
    s.raw(whole).raw(more).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("reply_code=501")));
}

}  // namespace
}  // namespace fantail::amqp091
