// SPDX-License-Identifier: Apache-2.0
//! What topology methods promise: arguments, equivalence, permissions and codes.
#include <gmock/gmock.h>

#include "protocols/amqp091/session_scene.hpp"

namespace fantail::amqp091 {
namespace {

using record::FieldTableBuilder;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

struct TopologyScene : Scene {
    TopologyScene() { connect().open(1); }
    /// The last thing said about these methods.
    template <class... Methods>
    std::string after(const Methods&... methods) {
        (send(1, methods), ...);
        turn();
        const auto all = said();
        return all.empty() ? std::string() : all.back();
    }
};

/// What declaring queue "q" with these arguments is answered with.
std::string declared(const FieldTableBuilder& table, QueueDeclare method = {.queue = "q", .durable = true}) {
    TopologyScene s;
    method.arguments = table.view().bytes();
    return s.after(method);
}
broker::DeclareQueue command_for(const FieldTableBuilder& table) {
    TopologyScene s;
    s.after(QueueDeclare{.queue = "q", .durable = true, .arguments = table.view().bytes()});
    return s.broker.all_admin<broker::DeclareQueue>().at(0);
}

TEST(AmqpQueueDeclare, CreatesAndReportsCounts) {
    TopologyScene s;
    EXPECT_EQ(s.after(QueueDeclare{.queue = "q"}), "1 queue.declare-ok queue=q;message_count=0;consumer_count=0;");
    EXPECT_EQ(s.after(QueueDeclare{.queue = "q"}), "1 queue.declare-ok queue=q;message_count=3;consumer_count=0;");
    EXPECT_EQ(s.after(QueueDeclare{.queue = "q", .passive = true}),
              "1 queue.declare-ok queue=q;message_count=3;consumer_count=2;");
    EXPECT_EQ(s.after(QueueDeclare{.queue = "q", .no_wait = true}), "");
}

TEST(AmqpQueueDeclare, MakesANameAndRemembersIt) {
    TopologyScene s;
    EXPECT_THAT(s.after(QueueDeclare{.exclusive = true}), StartsWith("1 queue.declare-ok queue=amq.gen-"));
    EXPECT_TRUE(s.broker.all_admin<broker::DeclareQueue>()[0].exclusive);
    EXPECT_THAT(s.after(QueueBind{.exchange = "amq.direct"}), HasSubstr("bind-ok"));
    const auto binding = s.broker.all_admin<broker::Bind>().at(0).binding;
    EXPECT_EQ(binding.destination, "amq.gen-made");
    EXPECT_EQ(binding.routing_key, "amq.gen-made") << "no queue and no key mean the last queue for both";
}

TEST(AmqpQueueDeclare, StripsLineEndsFromNames) {
    TopologyScene s;
    EXPECT_THAT(s.after(QueueDeclare{.queue = "a\r\nb"}), HasSubstr("queue=ab;"));
}

TEST(AmqpQueueDeclare, ReadsItsArguments) {
    FieldTableBuilder t;
    t.set_int("x-message-ttl", 0);
    t.set_int("x-expires", 1000);
    t.set_text("x-dead-letter-exchange", "dlx");
    t.set_text("x-dead-letter-routing-key", "dead");
    t.set_int("x-max-length", 5);
    t.set_int("x-max-length-bytes", 6);
    t.set_text("x-overflow", "reject-publish-dlx");
    t.set_int("x-max-priority", 10);
    t.set_bool("x-single-active-consumer", true);
    t.set_int("x-deduplication-window", 60'000);
    t.set_text("x-queue-mode", "lazy");
    t.set_text("x-ha-policy", "all");
    t.set_int("x-queue-version", 2);
    t.set_text("x-anything", "kept");
    const auto command = command_for(t);
    const broker::QueueOptions& o = command.options;
    EXPECT_EQ(o.message_ttl_ms, 0);
    EXPECT_EQ(o.expires_ms, 1000);
    EXPECT_EQ(o.dead_letter_exchange, "dlx");
    EXPECT_EQ(o.dead_letter_routing_key, "dead");
    EXPECT_EQ(o.length_max, 5u);
    EXPECT_EQ(o.length_bytes_max, 6u);
    EXPECT_EQ(o.overflow, broker::Overflow::reject_publish_dlx);
    EXPECT_EQ(o.priority_max, 10);
    EXPECT_TRUE(o.single_active_consumer);
    EXPECT_EQ(o.deduplication_window_ms, 60'000);
    EXPECT_EQ(as_text(command.arguments), as_text(t.view().bytes()));
}

TEST(AmqpQueueDeclare, ReadsQuorumAndStreamArguments) {
    FieldTableBuilder q;
    q.set_text("x-queue-type", "quorum");
    q.set_int("x-delivery-limit", -1);
    q.set_text("x-dead-letter-exchange", "dlx");
    q.set_text("x-dead-letter-strategy", "at-least-once");
    q.set_text("x-delayed-retry-type", "failed");
    q.set_int("x-delayed-retry-min", 100);
    q.set_int("x-delayed-retry-max", 1000);
    q.set_int("x-quorum-initial-group-size", 3);
    const auto quorum = command_for(q);
    EXPECT_EQ(quorum.kind, broker::QueueKind::quorum);
    EXPECT_EQ(quorum.options.delivery_limit, -1);
    EXPECT_EQ(quorum.options.dead_letter_strategy, broker::DeadLetterStrategy::at_least_once);
    EXPECT_EQ(quorum.options.delayed_retry, broker::DelayedRetry::failed);
    EXPECT_EQ(quorum.options.delayed_retry_max_ms, 1000);
    FieldTableBuilder st;
    st.set_text("x-queue-type", "stream");
    st.set_text("x-max-age", "7D");
    st.set_int("x-stream-max-segment-size-bytes", 1000);
    EXPECT_EQ(command_for(st).options.retention_ms, 7 * 86'400'000ll);
}

TEST(AmqpQueueDeclare, RefusesBadArguments_406) {
    const auto with = [](auto&& set) {
        FieldTableBuilder t;
        set(t);
        return declared(t);
    };
    using Table = FieldTableBuilder;
    const auto invalid = [](std::string_view name) {
        return HasSubstr("reply_code=406;reply_text=PRECONDITION_FAILED - invalid arg '" + std::string(name) +
                         "' for queue 'q' in vhost '/'");
    };
    EXPECT_THAT(with([](Table& t) { t.set_int("x-message-ttl", -1); }), invalid("x-message-ttl"));
    EXPECT_THAT(with([](Table& t) { t.set_text("x-message-ttl", "60"); }), invalid("x-message-ttl"));
    EXPECT_THAT(with([](Table& t) { t.set_int("x-expires", 0); }), invalid("x-expires"));
    EXPECT_THAT(with([](Table& t) { t.set_int("x-dead-letter-exchange", 1); }), invalid("x-dead-letter-exchange"));
    EXPECT_THAT(with([](Table& t) { t.set_text("x-dead-letter-routing-key", "k"); }),
                invalid("x-dead-letter-routing-key"));
    EXPECT_THAT(with([](Table& t) { t.set_text("x-overflow", "burst"); }), invalid("x-overflow"));
    EXPECT_THAT(with([](Table& t) { t.set_int("x-max-priority", 256); }), invalid("x-max-priority"));
    EXPECT_THAT(with([](Table& t) { t.set_int("x-max-length", -1); }), invalid("x-max-length"));
    EXPECT_THAT(with([](Table& t) { t.set_int("x-single-active-consumer", 1); }), invalid("x-single-active-consumer"));
    EXPECT_THAT(with([](Table& t) { t.set_text("x-queue-type", "ring"); }), invalid("x-queue-type"));
    EXPECT_THAT(with([](Table& t) { t.set_text("x-max-age", "1h"); }),
                AllOf(invalid("x-max-age"), HasSubstr("of queue type classic")));
    EXPECT_THAT(with([](Table& t) {
                    t.set_text("x-queue-type", "stream");
                    t.set_text("x-dead-letter-exchange", "d");
                }),
                HasSubstr("of queue type stream"));
    EXPECT_THAT(with([](Table& t) {
                    t.set_text("x-queue-type", "quorum");
                    t.set_text("x-overflow", "reject-publish-dlx");
                }),
                invalid("x-overflow"));
    EXPECT_THAT(with([](Table& t) {
                    t.set_text("x-queue-type", "quorum");
                    t.set_int("x-max-priority", 5);
                }),
                HasSubstr("of queue type quorum"));
}

TEST(AmqpQueueDeclare, QuorumQueuesAndStreamsMustBePlain_406) {
    FieldTableBuilder t;
    t.set_text("x-queue-type", "quorum");
    EXPECT_THAT(declared(t, {.queue = "q"}), HasSubstr("invalid property 'non-durable' for queue 'q'"));
    EXPECT_THAT(
        declared(t, {.queue = "", .durable = true}),
        HasSubstr(
            "reply_code=406;reply_text=PRECONDITION_FAILED - cannot declare a server-named queue for type quorum"));
    EXPECT_THAT(declared(t, {.queue = "q", .durable = true, .exclusive = true}),
                HasSubstr("invalid property 'exclusive-owner'"));
    EXPECT_THAT(declared(t, {.queue = "q", .durable = true, .auto_delete = true}),
                HasSubstr("invalid property 'auto-delete'"));
}

TEST(AmqpQueueDeclare, TakesTheVhostsDefaultKindWhereThatIsPossible) {
    TopologyScene s;
    s.broker.topology.vhosts["/"].default_queue_kind = broker::QueueKind::quorum;
    s.after(QueueDeclare{.queue = "a", .durable = true});
    s.after(QueueDeclare{.queue = "b"});
    const auto commands = s.broker.all_admin<broker::DeclareQueue>();
    EXPECT_EQ(commands[0].kind, broker::QueueKind::quorum);
    EXPECT_EQ(commands[1].kind, broker::QueueKind::classic);
}

TEST(AmqpQueueDeclare, ComparesWithTheExistingOne_406) {
    const auto again = [](const QueueDeclare& first, const QueueDeclare& second) {
        TopologyScene s;
        s.after(first);
        return s.after(second);
    };
    EXPECT_THAT(again({.queue = "q", .durable = true}, {.queue = "q"}),
                HasSubstr("reply_code=406;reply_text=PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in "
                          "vhost '/': received 'false' but current is 'true'"));
    EXPECT_THAT(again({.queue = "q"}, {.queue = "q", .auto_delete = true}),
                HasSubstr("inequivalent arg 'auto_delete'"));
    EXPECT_THAT(again({.queue = "q"}, {.queue = "q", .exclusive = true}), HasSubstr("reply_code=405"));
    FieldTableBuilder t;
    t.set_int("x-max-length", 5);
    EXPECT_THAT(again({.queue = "q", .arguments = t.view().bytes()}, {.queue = "q"}),
                HasSubstr("inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but current is "
                          "the value '5' of type 'signedint'"));
    FieldTableBuilder quorum;
    quorum.set_text("x-queue-type", "quorum");
    EXPECT_THAT(
        again({.queue = "q", .durable = true}, {.queue = "q", .durable = true, .arguments = quorum.view().bytes()}),
        HasSubstr(
            "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'"));
}

TEST(AmqpQueueDeclare, RefusesLockedReservedAndForbiddenNames) {
    TopologyScene locked;
    locked.broker.topology.add_queue("q").exclusive_owner = ConnectionId(1);
    EXPECT_THAT(locked.after(QueueDeclare{.queue = "q", .exclusive = true}),
                HasSubstr("reply_code=405;reply_text=RESOURCE_LOCKED"));
    TopologyScene passive;
    passive.broker.topology.add_queue("q").exclusive_owner = ConnectionId(1);
    EXPECT_THAT(passive.after(QueueDeclare{.queue = "q", .passive = true}), HasSubstr("reply_code=405"));
    TopologyScene reserved;
    EXPECT_THAT(
        reserved.after(QueueDeclare{.queue = "amq.mine"}),
        HasSubstr("reply_code=403;reply_text=ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"));
    TopologyScene missing;
    EXPECT_THAT(missing.after(QueueDeclare{.queue = "none", .passive = true}),
                HasSubstr("reply_code=404;reply_text=NOT_FOUND - no queue 'none' in vhost '/'"));
    TopologyScene denied;
    denied.broker.topology.denied = {"configure q"};
    EXPECT_THAT(
        denied.after(QueueDeclare{.queue = "q"}),
        HasSubstr(
            "403;reply_text=ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'guest'"));
    TopologyScene dead_letter;
    dead_letter.broker.topology.denied = {"write dlx"};
    FieldTableBuilder t;
    t.set_text("x-dead-letter-exchange", "dlx");
    EXPECT_THAT(dead_letter.after(QueueDeclare{.queue = "q", .arguments = t.view().bytes()}),
                HasSubstr("write access to exchange 'dlx'"));
}

TEST(AmqpQueueDelete, ReportsMessagesAndToleratesAbsence) {
    TopologyScene s;
    s.after(QueueDeclare{.queue = "q"});
    EXPECT_EQ(s.after(QueueDelete{.queue = "q"}), "1 queue.delete-ok message_count=7;");
    EXPECT_EQ(s.after(QueueDelete{.queue = "q"}), "1 queue.delete-ok message_count=0;");
    s.broker.admin_error = Error{ErrorCode::precondition_failed, "it has consumers"};
    EXPECT_THAT(s.after(QueueDelete{.queue = "q", .if_unused = true}),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - queue 'q' in vhost '/' in use"));
    TopologyScene e;
    e.broker.admin_error = Error{ErrorCode::precondition_failed, "it is not empty"};
    EXPECT_THAT(e.after(QueueDelete{.queue = "q", .if_empty = true}), HasSubstr("queue 'q' in vhost '/' is not empty"));
}

TEST(AmqpQueuePurge, ReportsTheNumberAndRefusesStreams_540) {
    TopologyScene s;
    s.broker.topology.add_queue("q");
    EXPECT_EQ(s.after(QueuePurge{.queue = "q"}), "1 queue.purge-ok message_count=5;");
    s.broker.topology.queues["q"].kind = broker::QueueKind::stream;
    EXPECT_THAT(s.after(QueuePurge{.queue = "q"}), HasSubstr("connection.close reply_code=540"));
}

TEST(AmqpExchanges, DeclarePassiveDelete) {
    TopologyScene s;
    EXPECT_THAT(s.after(ExchangeDeclare{.exchange = "e", .type = "topic", .durable = true}),
                HasSubstr("exchange.declare-ok"));
    EXPECT_THAT(s.after(ExchangeDeclare{.exchange = "e", .passive = true}), HasSubstr("exchange.declare-ok"));
    EXPECT_THAT(s.after(ExchangeDelete{.exchange = "nothing"}), HasSubstr("exchange.delete-ok"));
    EXPECT_THAT(s.after(ExchangeDeclare{.exchange = "e", .type = "fanout", .durable = true}),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': "
                          "received 'fanout' but current is 'topic'"));
}

TEST(AmqpExchanges, ReadTypesAndArguments) {
    TopologyScene s;
    FieldTableBuilder t;
    t.set_text("x-delayed-type", "topic");
    t.set_text("alternate-exchange", "other");
    t.set_int("x-deduplication-window", 5);
    s.after(ExchangeDeclare{.exchange = "later", .type = "x-delayed-message", .arguments = t.view().bytes()});
    FieldTableBuilder h;
    h.set_text("hash-header", "user");
    s.after(ExchangeDeclare{.exchange = "hash", .type = "x-consistent-hash", .arguments = h.view().bytes()});
    s.after(ExchangeDeclare{.exchange = "recent", .type = "x-recent-history"});
    const auto commands = s.broker.all_admin<broker::DeclareExchange>();
    ASSERT_THAT(commands, SizeIs(3));
    EXPECT_TRUE(commands[0].definition.delayed);
    EXPECT_EQ(commands[0].definition.type, broker::ExchangeType::topic);
    EXPECT_EQ(commands[0].definition.alternate, "other");
    EXPECT_EQ(commands[0].definition.deduplication_window_ms, 5);
    EXPECT_EQ(commands[1].definition.hash_header, "user");
    EXPECT_EQ(commands[2].definition.history_length, 20u);
}

TEST(AmqpExchanges, RefuseWithTheRightCode) {
    const auto said_after = [](const auto& method) { return TopologyScene().after(method); };
    EXPECT_THAT(said_after(ExchangeDeclare{.type = "direct"}),
                HasSubstr("403;reply_text=ACCESS_REFUSED - operation not permitted on the default exchange"));
    EXPECT_THAT(said_after(ExchangeDeclare{.exchange = "amq.new", .type = "direct"}),
                HasSubstr("403;reply_text=ACCESS_REFUSED - exchange name 'amq.new' contains reserved prefix"));
    EXPECT_THAT(said_after(ExchangeDeclare{.exchange = "none", .passive = true}),
                HasSubstr("404;reply_text=NOT_FOUND - no exchange 'none' in vhost '/'"));
    EXPECT_THAT(said_after(ExchangeDelete{.exchange = "amq.direct"}), HasSubstr("403"));
    EXPECT_THAT(said_after(ExchangeDeclare{.exchange = "e", .type = "x-delayed-message"}), HasSubstr("406"));
    FieldTableBuilder none;
    none.set_int("x-recent-history-length", 0);
    EXPECT_THAT(
        said_after(ExchangeDeclare{.exchange = "e", .type = "x-recent-history", .arguments = none.view().bytes()}),
        HasSubstr("406"));
    TopologyScene used;
    used.broker.admin_error = Error{ErrorCode::precondition_failed, "bound"};
    EXPECT_THAT(used.after(ExchangeDelete{.exchange = "e", .if_unused = true}),
                HasSubstr("406;reply_text=PRECONDITION_FAILED - exchange 'e' in vhost '/' in use"));
}

TEST(AmqpBindings, BindAndUnbindQueuesAndExchanges) {
    TopologyScene s;
    s.broker.topology.add_queue("q");
    EXPECT_THAT(s.after(QueueBind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"}),
                HasSubstr("queue.bind-ok"));
    EXPECT_THAT(s.after(ExchangeBind{.destination = "amq.direct", .source = "amq.fanout"}),
                HasSubstr("exchange.bind-ok"));
    EXPECT_THAT(s.after(QueueUnbind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"}),
                HasSubstr("queue.unbind-ok"));
    s.broker.admin_error = Error{ErrorCode::not_found, "no such binding"};
    EXPECT_THAT(s.after(ExchangeUnbind{.destination = "amq.direct", .source = "amq.fanout"}),
                HasSubstr("exchange.unbind-ok"));
    EXPECT_TRUE(s.broker.all_admin<broker::Bind>()[1].binding.to_exchange);
}

TEST(AmqpBindings, RefuseWithTheRightCode) {
    const auto said_after = [](const auto& method) {
        TopologyScene s;
        s.broker.topology.add_queue("q");
        s.broker.topology.add_exchange("h", broker::ExchangeType::headers);
        s.broker.topology.add_exchange("hash", broker::ExchangeType::consistent_hash);
        return s.after(method);
    };
    EXPECT_THAT(said_after(QueueBind{.queue = "q"}), HasSubstr("403"));
    EXPECT_THAT(said_after(QueueBind{.queue = "none", .exchange = "amq.direct"}),
                HasSubstr("404;reply_text=NOT_FOUND - no queue 'none' in vhost '/'"));
    EXPECT_THAT(said_after(QueueBind{.queue = "q", .exchange = "none"}),
                HasSubstr("404;reply_text=NOT_FOUND - no exchange 'none' in vhost '/'"));
    FieldTableBuilder t;
    t.set_text("x-match", "some");
    EXPECT_THAT(said_after(QueueBind{.queue = "q", .exchange = "h", .arguments = t.view().bytes()}), HasSubstr("406"));
    EXPECT_THAT(said_after(QueueBind{.queue = "q", .exchange = "hash", .routing_key = "heavy"}), HasSubstr("406"));
    EXPECT_THAT(said_after(QueueBind{.queue = "q", .exchange = "hash", .routing_key = "10"}), HasSubstr("bind-ok"));
    const Bytes broken{3, 'a'};
    EXPECT_THAT(said_after(QueueBind{.queue = "q", .exchange = "h", .arguments = broken}),
                HasSubstr("connection.close reply_code=502"));
}

TEST(AmqpTopology, BindingFromATopicExchangeNeedsTheRightToTheKey_403) {
    Scene s;
    s.connect().open(1);
    s.broker.topology.add_exchange("topics", broker::ExchangeType::topic);
    s.broker.topology.add_queue("q");
    s.broker.topology.denied = {"read topics/#"};
    s.send(1, QueueBind{.queue = "q", .exchange = "topics", .routing_key = "a.*"}).turn();
    EXPECT_THAT(s.said(), testing::ElementsAre(testing::StartsWith("1 queue.bind-ok")));
    s.send(1, QueueBind{.queue = "q", .exchange = "topics", .routing_key = "#"}).turn();
    EXPECT_THAT(s.said(), testing::ElementsAre(testing::HasSubstr("read access to topic '#' in exchange 'topics'")));
}

}  // namespace
}  // namespace fantail::amqp091
