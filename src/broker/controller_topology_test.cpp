// SPDX-License-Identifier: Apache-2.0
//! The controller: queues, exchanges and bindings, and the words in which it refuses.
#include "broker/controller_test_support.hpp"

namespace fantail::broker::testing {
namespace {

// ------------------------------------------------------------------------------------------------------------- queues

TEST_F(ControllerTest, DeclaringAgainAnswersWithTheCounts) {
    const AdminReply first = ask(alice, queue("q"));
    EXPECT_EQ(first.messages, 0u);
    const AdminReply again = ask(bob, queue("q"), {.ready = 7, .consumers = 2});
    EXPECT_TRUE(again.outcome.has_value());
    EXPECT_EQ(again.queue, first.queue);
    EXPECT_EQ(again.messages, 7u);
    EXPECT_EQ(again.consumers, 2u);
}

TEST_F(ControllerTest, InequivalentDeclarationsNameTheDifference) {
    auto wanted = queue("q");
    record::FieldTableBuilder arguments;
    arguments.set("x-max-length",
                  record::FieldValueView(record::FieldTag::int32, std::array<std::uint8_t, 4>{0, 0, 0, 5}));
    arguments.set_text("x-custom", "kept");
    wanted.arguments = to_bytes(arguments.view().bytes());
    ask(alice, wanted);
    auto other = wanted;
    other.durable = false;
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'");
    other = wanted;
    other.auto_delete = true;
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'");
    other = wanted;
    other.kind = QueueKind::quorum;
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'");
    other = wanted;
    other.arguments.clear();
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but current is the value '5' "
              "of type 'signedint'");
    arguments.set_int("x-max-length", 6);
    other.arguments = to_bytes(arguments.view().bytes());
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received '6' but current is '5'");
    arguments.set_int("x-max-length", 5);  // of another width, but the same
    arguments.set_text("x-custom", "ignored");
    other.arguments = to_bytes(arguments.view().bytes());
    EXPECT_TRUE(ask(alice, other).outcome.has_value());
}

TEST_F(ControllerTest, ExclusiveQueuesAreLockedForOthers) {
    ask(alice, exclusive("x"));
    const std::string locked = refused(bob, exclusive("x"), ErrorCode::locked);
    EXPECT_TRUE(locked.starts_with("cannot obtain exclusive access to locked queue 'x' in vhost '/'")) << locked;
    EXPECT_EQ(refused(bob, DeleteQueue{root, "x"}, ErrorCode::locked), locked);
    EXPECT_EQ(refused(bob, Bind{binding("pre.topic", "x")}, ErrorCode::locked), locked);
    ask(alice, Bind{binding("pre.topic", "x")});
    EXPECT_EQ(refused(bob, Unbind{binding("pre.topic", "x")}, ErrorCode::locked), locked);
    EXPECT_TRUE(ask(alice, exclusive("x")).outcome.has_value());
    refused(alice, queue("x", false), ErrorCode::locked);
    ask(alice, queue("shared"));
    auto wants_own = exclusive("shared");
    wants_own.durable = true;
    refused(alice, wants_own, ErrorCode::locked);
}

TEST_F(ControllerTest, ExclusiveQueuesGoWithTheirConnection) {
    ask(alice, exclusive("x1"));
    ask(alice, exclusive("x2"));
    ask(bob, exclusive("y"));
    ask(alice, DeleteQueue{root, "x2"});
    send(alice, DeleteQueue{root, "y"});  // waits for nothing: it is bob's
    send(alice, exclusive("x1"));         // waits for a shard
    send(alice, exclusive("late"));       // begins only after it, and must not outlive the connection either
    controller.connection_closed(alice);
    settle();
    EXPECT_EQ(catalog.queue(root, "x1"), nullptr);
    EXPECT_EQ(catalog.queue(root, "late"), nullptr);
    EXPECT_NE(catalog.queue(root, "y"), nullptr);
    controller.connection_closed(alice);
    settle();
    EXPECT_EQ(catalog.queue_count(), 1u);
}

TEST_F(ControllerTest, DeletionChecksUseAndEmptiness) {
    ask(alice, queue("q"));
    EXPECT_EQ(refused(alice, DeleteQueue{root, "q", true, false}, ErrorCode::precondition_failed, {.consumers = 1}),
              "queue 'q' in vhost '/' in use");
    EXPECT_EQ(refused(alice, DeleteQueue{root, "q", false, true}, ErrorCode::precondition_failed, {.ready = 1}),
              "queue 'q' in vhost '/' is not empty");
    const AdminReply reply = ask(alice, DeleteQueue{root, "q"}, {.ready = 9, .consumers = 3});
    EXPECT_TRUE(reply.outcome.has_value());
    EXPECT_EQ(reply.messages, 9u);
    EXPECT_EQ(catalog.queue(root, "q"), nullptr);
    const AdminReply missing = ask(alice, DeleteQueue{root, "q"});
    EXPECT_TRUE(missing.outcome.has_value());
    EXPECT_EQ(missing.messages, 0u);
}

TEST_F(ControllerTest, UnusedQueuesAreDeletedUnlessSomebodyCame) {
    const QueueId id = ask(alice, queue("q")).queue;
    controller.queue_unused(id);
    controller.queue_unused(id);
    ASSERT_EQ(host.questions.size(), 1u);
    answer_question({.consumers = 1});
    EXPECT_NE(catalog.queue(id), nullptr);
    controller.queue_unused(id);
    answer_question();
    EXPECT_EQ(catalog.queue(id), nullptr);
    controller.queue_unused(id);
    EXPECT_TRUE(host.questions.empty());
}

TEST_F(ControllerTest, ServerNamedQueuesGetPrefixAnd22Characters) {
    auto command = queue("");
    command.name_prefix = "gen-";
    const std::string one = ask(alice, command).name;
    const std::string other = ask(alice, command).name;
    EXPECT_THAT(one, ::testing::MatchesRegex("gen-[A-Za-z0-9_-]{22}"));
    EXPECT_NE(one, other);
    EXPECT_NE(catalog.queue(root, one), nullptr);
}

TEST_F(ControllerTest, QueueIdsNameTheShardNearTheirTrafficAndAreNeverUsedAgain) {
    auto near = queue("a");
    near.near = CoreId(3);
    const QueueId first = ask(alice, near).queue;
    EXPECT_EQ(shard_of(first), ShardId(3));
    near.name = "b";
    near.near = CoreId(9);
    EXPECT_LT(shard_of(ask(alice, near).queue).value, 4);
    ask(alice, DeleteQueue{root, "a"});
    Catalog restored;
    ASSERT_TRUE(restored.restore(catalog.snapshot()));
    FakeControllerHost other_host(restored);
    Controller other(restored, other_host, default_options());
    other.bootstrap();
    near.name = "a";
    near.near = CoreId(3);
    other.handle({alice, RequestId(1)}, near, {});
    EXPECT_NE(restored.queue(root, "a")->id, first);
    EXPECT_EQ(level_stream(first, 255).value >> 48, 3u);
    EXPECT_EQ(queue_of(level_stream(first, 255)), first);
}

TEST_F(ControllerTest, NamesAreBounded) {
    EXPECT_EQ(refused(alice, queue(std::string(256, 'q')), ErrorCode::too_large),
              "the name of a queue is longer than 255 bytes");
    EXPECT_TRUE(ask(alice, queue(std::string(255, 'q'))).outcome.has_value());
}

// ---------------------------------------------------------------------------------------------- exchanges and bindings

TEST_F(ControllerTest, ExchangesAreComparedAndTheDefaultOneIsRefused) {
    ask(alice, exchange("e"));
    EXPECT_TRUE(ask(alice, exchange("e")).outcome.has_value());
    auto other = exchange("e");
    other.definition.type = ExchangeType::fanout;
    other.definition.type_name = "fanout";
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'type' for exchange 'e' in vhost '/': received 'fanout' but current is 'direct'");
    other = exchange("e");
    other.definition.internal = true;
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'internal' for exchange 'e' in vhost '/': received 'true' but current is 'false'");
    record::FieldTableBuilder arguments;
    arguments.set_text("alternate-exchange", "alt");
    other = exchange("e");
    other.definition.arguments = to_bytes(arguments.view().bytes());
    EXPECT_EQ(refused(alice, other, ErrorCode::precondition_failed),
              "inequivalent arg 'alternate-exchange' for exchange 'e' in vhost '/': received the value 'alt' of type "
              "'longstr' but current is none");
    const std::string no = "operation not permitted on the default exchange";
    EXPECT_EQ(refused(alice, exchange(""), ErrorCode::access_refused), no);
    EXPECT_EQ(refused(alice, DeleteExchange{root, ""}, ErrorCode::access_refused), no);
    EXPECT_EQ(refused(alice, Bind{binding("", "q")}, ErrorCode::access_refused), no);
    EXPECT_EQ(refused(alice, Unbind{binding("", "q")}, ErrorCode::access_refused), no);
}

TEST_F(ControllerTest, BindingNeedsBothEndsAndIsIdempotent) {
    ask(alice, queue("q"));
    ask(alice, exchange("e"));
    EXPECT_EQ(refused(alice, Bind{binding("none", "q")}, ErrorCode::not_found), "no exchange 'none' in vhost '/'");
    EXPECT_EQ(refused(alice, Bind{binding("e", "none")}, ErrorCode::not_found), "no queue 'none' in vhost '/'");
    EXPECT_EQ(refused(alice, Bind{binding("e", "none", "", true)}, ErrorCode::not_found),
              "no exchange 'none' in vhost '/'");
    const std::size_t logged = host.log.size();
    EXPECT_TRUE(ask(alice, Bind{binding("e", "q", "k")}).outcome.has_value());
    EXPECT_TRUE(ask(alice, Bind{binding("e", "q", "k")}).outcome.has_value());
    EXPECT_EQ(host.log.size(), logged + 1);
    EXPECT_TRUE(ask(alice, Unbind{binding("e", "q", "other")}).outcome.has_value());
    EXPECT_TRUE(ask(alice, Unbind{binding("none", "none")}).outcome.has_value());
    EXPECT_TRUE(ask(alice, Unbind{binding("e", "q", "k")}).outcome.has_value());
    EXPECT_FALSE(catalog.has_binding(binding("e", "q", "k")));
    auto weights = exchange("h");
    weights.definition.type = ExchangeType::consistent_hash;
    ask(alice, weights);
    refused(alice, Bind{binding("h", "q", "heavy")}, ErrorCode::precondition_failed);
}

TEST_F(ControllerTest, ANewBindingOfAnExchangeWithHistoryRecallsItOnceAllCoresKnowTheBinding) {
    auto recent = exchange("recent");
    recent.definition.type = ExchangeType::recent_history;
    ask(alice, recent);
    ask(alice, queue("q"));
    send(alice, Bind{binding("recent", "q")});
    EXPECT_TRUE(host.recalls.empty());
    settle();
    ASSERT_EQ(host.recalls.size(), 1u);
    const auto& [shard, request, recall] = host.recalls.front();
    EXPECT_EQ(shard, shard_of(catalog.exchange(root, "recent")->id));
    EXPECT_EQ(recall.queue, catalog.queue(root, "q")->id);
    EXPECT_EQ(recall.until, catalog.version());
    EXPECT_TRUE(host.replies.empty()) << "not before the queue has it";
    controller.on_event(Appended{request});
    EXPECT_TRUE(take().outcome.has_value());
    EXPECT_TRUE(ask(alice, Bind{binding("recent", "q")}).outcome.has_value());
    EXPECT_EQ(host.recalls.size(), 1u) << "nothing new";
}

TEST_F(ControllerTest, WhatFollowsABindingThatRecallsIsAnsweredBehindIt) {
    auto recent = exchange("recent");
    recent.definition.type = ExchangeType::recent_history;
    ask(alice, recent);
    ask(alice, queue("q"));
    const RequestId bind = send(alice, Bind{binding("recent", "q")});
    const RequestId declare = send(alice, queue("other"));
    settle();
    EXPECT_TRUE(host.replies.empty());
    controller.on_event(Appended{std::get<RequestId>(host.recalls.front())});
    EXPECT_EQ(take().request, bind);
    EXPECT_EQ(take().request, declare);
}

TEST_F(ControllerTest, DeletingAnExchangeChecksItsUse) {
    ask(alice, queue("q"));
    ask(alice, exchange("e"));
    ask(alice, Bind{binding("e", "q")});
    EXPECT_EQ(refused(alice, DeleteExchange{root, "e", true}, ErrorCode::precondition_failed),
              "exchange 'e' in vhost '/' in use");
    EXPECT_TRUE(ask(alice, DeleteExchange{root, "e", false}).outcome.has_value());
    EXPECT_EQ(catalog.exchange(root, "e"), nullptr);
    EXPECT_TRUE(ask(alice, DeleteExchange{root, "e", true}).outcome.has_value());
}

TEST_F(ControllerTest, AutoDeleteExchangesGoWithTheirLastBinding) {
    ask(alice, queue("q"));
    ask(alice, exchange("a", true));
    ask(alice, exchange("b", true));
    ask(alice, exchange("c", true));
    ask(alice, Bind{binding("a", "b", "", true)});
    ask(alice, Bind{binding("b", "q")});
    ask(alice, Bind{binding("b", "q", "k")});
    ask(alice, Unbind{binding("b", "q")});
    EXPECT_NE(catalog.exchange(root, "b"), nullptr);
    ask(alice, DeleteQueue{root, "q"});
    EXPECT_EQ(catalog.exchange(root, "b"), nullptr);  // its last destination went
    EXPECT_EQ(catalog.exchange(root, "a"), nullptr);  // and with it the last of this one
    EXPECT_NE(catalog.exchange(root, "c"), nullptr);  // never had one
}

}  // namespace
}  // namespace fantail::broker::testing
