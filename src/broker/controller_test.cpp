// SPDX-License-Identifier: Apache-2.0
//! The controller against a host that is played by the test: when it answers, what it refuses and in which words.
#include "broker/controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "record/field_table.hpp"

namespace fantail::broker {
namespace {

/// Carries out effects on one catalog; barriers, durability and shards' answers come when the test says so.
class FakeHost final : public ControllerHost {
public:
    explicit FakeHost(Catalog& catalog) : catalog_(catalog) {}
    Lsn log_change(ByteView change) override {
        log.push_back(to_bytes(change));
        return Lsn(log.size());
    }
    void broadcast(std::shared_ptr<const CatalogChange> change, RequestId barrier) override {
        const auto effect = catalog_.apply(*change);
        ASSERT_TRUE(effect.has_value()) << effect.error().message;
        shown.push_back(*change);
        barriers.push_back(barrier);
    }
    void send(ShardId shard, RequestId request, ShardCommand command) override {
        questions.push_back({shard, request, std::get<Inspect>(command).queue});
    }
    void emit(ConnectionId to, Event event) override {
        if (auto* reply = std::get_if<AdminReply>(&event)) replies.push_back({to, std::move(*reply)});
        else closes.push_back({to, std::get<CloseRequested>(event).reason});
    }
    std::uint64_t random() override { return random_(); }

    struct Question {
        ShardId shard;
        RequestId request;
        QueueId queue;
    };
    std::vector<Bytes> log;
    std::vector<CatalogChange> shown;
    std::deque<RequestId> barriers;
    std::deque<Question> questions;
    std::deque<std::pair<ConnectionId, AdminReply>> replies;
    std::vector<std::pair<ConnectionId, std::string>> closes;

private:
    Catalog& catalog_;
    std::mt19937_64 random_{42};
};

constexpr ConnectionId alice{100};
constexpr ConnectionId bob{200};

class ControllerTest : public testing::Test {
protected:
    explicit ControllerTest(ControllerOptions options = default_options())
        : controller(catalog, host, std::move(options)) {
        controller.bootstrap();
        settle();
        root = catalog.vhost("/")->id;
        host.log.clear();
        host.shown.clear();
    }
    static ControllerOptions default_options() {
        ControllerOptions options;
        options.shard_count = 4;
        ExchangeDefinition topic;
        topic.name = "pre.topic";
        topic.type = ExchangeType::topic;
        topic.type_name = "topic";
        options.predeclared.push_back(topic);
        UserDefinition user;
        user.name = "guest";
        options.default_users.push_back(user);
        return options;
    }

    RequestId send(ConnectionId from, AdminCommand command) {
        const RequestId request(++requests_);
        controller.handle({from, request}, std::move(command), {});
        return request;
    }
    /// Everything on its way arrives: questions (answered with `counts`), barriers, durability.
    void settle(QueueCounts counts = {}) {
        while (!host.questions.empty()) answer_question(counts);
        reach_barriers();
        controller.on_durable(Lsn(1'000'000));
    }
    void answer_question(QueueCounts counts = {}) {
        const auto question = host.questions.front();
        host.questions.pop_front();
        counts.request = question.request;
        counts.found = catalog.queue(question.queue) != nullptr;
        controller.on_event(counts);
    }
    void reach_barriers() {
        while (!host.barriers.empty()) {
            const RequestId barrier = host.barriers.front();
            host.barriers.pop_front();
            controller.on_barrier(barrier);
        }
    }
    AdminReply take() {
        EXPECT_FALSE(host.replies.empty());
        if (host.replies.empty()) return {.outcome = fail(ErrorCode::internal, "no reply")};
        AdminReply reply = std::move(host.replies.front().second);
        host.replies.pop_front();
        return reply;
    }
    AdminReply ask(ConnectionId from, AdminCommand command, QueueCounts counts = {}) {
        const RequestId request = send(from, std::move(command));
        settle(counts);
        AdminReply reply = take();
        EXPECT_EQ(reply.request, request);
        return reply;
    }
    std::string refused(ConnectionId from, AdminCommand command, ErrorCode code, QueueCounts counts = {}) {
        const AdminReply reply = ask(from, std::move(command), counts);
        if (reply.outcome) return "was done";
        EXPECT_EQ(reply.outcome.error().code, code);
        return reply.outcome.error().message;
    }

    DeclareQueue queue(const std::string& name, bool durable = true) const {
        DeclareQueue command;
        command.vhost = root;
        command.name = name;
        command.durable = durable;
        return command;
    }
    DeclareQueue exclusive(const std::string& name) const {
        DeclareQueue command = queue(name, false);
        command.exclusive = true;
        return command;
    }
    DeclareExchange exchange(const std::string& name, bool auto_delete = false) const {
        DeclareExchange command;
        command.definition.vhost = root;
        command.definition.name = name;
        command.definition.type_name = "direct";
        command.definition.auto_delete = auto_delete;
        return command;
    }
    BindingDefinition binding(const std::string& from, const std::string& to, const std::string& key = "",
                              bool to_exchange = false) const {
        return {root, from, to, to_exchange, key, {}};
    }
    PolicyDefinition policy(const std::string& name, const std::string& pattern, QueueOptions options,
                            bool is_operator = false) const {
        PolicyDefinition made;
        made.vhost = root;
        made.name = name;
        made.pattern = pattern;
        made.options = std::move(options);
        made.is_operator = is_operator;
        return made;
    }

    Catalog catalog;
    FakeHost host{catalog};
    Controller controller;
    VhostId root;

private:
    std::uint64_t requests_ = 0;
};

// ------------------------------------------------------------------------------------------------------------- starts

TEST_F(ControllerTest, TheFirstStartMakesVhostExchangesAndUsers) {
    EXPECT_EQ(catalog.boot(), 1u);
    ASSERT_NE(catalog.exchange(root, ""), nullptr);
    EXPECT_EQ(catalog.exchange(root, "pre.topic")->type, ExchangeType::topic);
    EXPECT_TRUE(catalog.permits("guest", root, Operation::configure, "anything"));
}

TEST_F(ControllerTest, LaterStartsOnlyCountAndAddWhatIsNew) {
    ask(alice, RemoveUser{"guest"});
    Catalog restored;
    ASSERT_TRUE(restored.restore(catalog.snapshot()));
    FakeHost other_host(restored);
    ControllerOptions options = default_options();
    options.predeclared.push_back(options.predeclared.front());
    options.predeclared.back().name = "pre.new";
    Controller other(restored, other_host, options);
    other.bootstrap();
    EXPECT_EQ(restored.boot(), 2u);
    EXPECT_EQ(restored.user("guest"), nullptr);
    EXPECT_NE(restored.exchange(root, "pre.new"), nullptr);
    EXPECT_EQ(other_host.shown.size(), 2u);
}

TEST_F(ControllerTest, AFirstStartCutOffAnywhereIsCompletedByTheNext) {
    Catalog scratch;
    FakeHost whole(scratch);
    Controller(scratch, whole, default_options()).bootstrap();
    for (std::size_t durable = 0; durable < whole.log.size(); ++durable) {
        Catalog recovered;
        for (std::size_t i = 0; i < durable; ++i) ASSERT_TRUE(recovered.apply(whole.log[i]));
        FakeHost again(recovered);
        Controller(recovered, again, default_options()).bootstrap();
        const VhostDefinition* vhost = recovered.vhost("/");
        ASSERT_NE(vhost, nullptr);
        EXPECT_TRUE(recovered.permits("guest", vhost->id, Operation::write, "q"));
        EXPECT_NE(recovered.exchange(vhost->id, "pre.topic"), nullptr);
    }
}

// ----------------------------------------------------------------------------------------------- order and durability

TEST_F(ControllerTest, AnswersADurableDeclarationWhenItIsDurableAndSeenByAll) {
    Catalog fresh;
    FakeHost fresh_host(fresh);
    Controller fresh_controller(fresh, fresh_host, default_options());
    fresh_controller.bootstrap();
    const Lsn before(fresh_host.log.size());
    fresh_controller.on_durable(before);
    fresh_controller.on_barrier(fresh_host.barriers.back());
    auto declare = queue("q");
    declare.vhost = fresh.vhost("/")->id;
    fresh_controller.handle({alice, RequestId(1)}, declare, {});
    EXPECT_TRUE(fresh_host.replies.empty());
    fresh_controller.on_durable(before);
    EXPECT_TRUE(fresh_host.replies.empty());
    fresh_controller.on_durable(before.plus(1));
    EXPECT_TRUE(fresh_host.replies.empty());
    fresh_controller.on_barrier(fresh_host.barriers.back());
    ASSERT_EQ(fresh_host.replies.size(), 1u);
    // One that finds it must not be answered sooner than the one that made it; a transient one waits for no log.
    declare.name = "r";
    fresh_controller.handle({alice, RequestId(2)}, declare, {});
    fresh_controller.handle({bob, RequestId(3)}, declare, {});
    fresh_controller.on_event(QueueCounts{.request = fresh_host.questions.front().request});
    auto transient = queue("t", false);
    transient.vhost = declare.vhost;
    fresh_controller.handle({ConnectionId(300), RequestId(4)}, transient, {});
    fresh_controller.on_barrier(fresh_host.barriers.back());
    ASSERT_EQ(fresh_host.replies.size(), 2u);
    EXPECT_EQ(fresh_host.replies.back().second.request, RequestId(4));
    fresh_controller.on_durable(before.plus(2));
    EXPECT_EQ(fresh_host.replies.size(), 4u);
}

TEST_F(ControllerTest, OnlyDurableThingsAreLogged) {
    ask(alice, queue("d"));
    EXPECT_EQ(host.log.size(), 1u);
    ask(alice, queue("t", false));
    ask(alice, exclusive("x"));
    ask(alice, Bind{binding("pre.topic", "t")});
    EXPECT_EQ(host.log.size(), 1u);
    ask(alice, Bind{binding("pre.topic", "d")});
    EXPECT_EQ(host.log.size(), 2u);
    ask(alice, DeleteQueue{root, "t"});
    EXPECT_EQ(host.log.size(), 2u);
    ask(alice, DeleteQueue{root, "d"});
    EXPECT_EQ(host.log.size(), 3u);
}

TEST_F(ControllerTest, CommandsOfOneConnectionAreDecidedAndAnsweredInOrder) {
    ask(alice, queue("q"));
    const RequestId removed = send(alice, DeleteQueue{root, "q"});
    const RequestId declared = send(alice, queue("q", false));  // inequivalent, unless the deletion came first
    const RequestId bound = send(alice, Bind{binding("pre.topic", "q")});
    const RequestId refusal = send(alice, Bind{binding("none", "q")});
    const RequestId elsewhere = send(bob, queue("other"));
    reach_barriers();
    controller.on_durable(Lsn(1'000'000));
    ASSERT_EQ(host.replies.size(), 1u);  // only bob's: alice's wait for the shard
    EXPECT_EQ(take().request, elsewhere);
    settle({.ready = 3});
    for (const RequestId expected : {removed, declared, bound}) {
        const AdminReply reply = take();
        EXPECT_EQ(reply.request, expected);
        EXPECT_TRUE(reply.outcome.has_value());
    }
    EXPECT_EQ(take().request, refusal);
    EXPECT_FALSE(catalog.queue(root, "q")->durable);
}

TEST_F(ControllerTest, AQueueReplacedWhileItWasInspectedIsLookedAtAnew) {
    ask(alice, queue("q", false));
    send(alice, queue("q", false));
    const QueueId old = catalog.queue(root, "q")->id;
    send(bob, DeleteQueue{root, "q"});
    std::swap(host.questions[0], host.questions[1]);
    answer_question();  // bob's deletion
    EXPECT_EQ(catalog.queue(old), nullptr);
    send(bob, queue("q", true));
    answer_question();  // alice's old question: now the flags differ
    settle();
    std::map<ConnectionId, std::vector<bool>> outcomes;
    for (auto& [to, reply] : host.replies) outcomes[to].push_back(reply.outcome.has_value());
    EXPECT_EQ(outcomes[alice], std::vector<bool>{false});
    EXPECT_EQ(outcomes[bob], (std::vector<bool>{true, true}));
}

TEST_F(ControllerTest, CommandsWithoutARequestNumberAreNotAnswered) {
    controller.handle({alice, RequestId()}, queue("q"), {});
    settle();
    EXPECT_TRUE(host.replies.empty());
    EXPECT_NE(catalog.queue(root, "q"), nullptr);
}

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
    EXPECT_THAT(one, testing::MatchesRegex("gen-[A-Za-z0-9_-]{22}"));
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
    FakeHost other_host(restored);
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

// ------------------------------------------------------------------------------------------------- limits, vhosts, users

TEST_F(ControllerTest, ConnectionLimitsOfVhostAndUser) {
    VhostDefinition vhost = *catalog.vhost("/");
    vhost.connections_max = 2;
    ask(alice, PutVhost{vhost});
    UserDefinition user;
    user.name = "u";
    user.connections_max = 1;
    ask(alice, PutUser{user});
    EXPECT_TRUE(ask(alice, ConnectionOpened{"u", root}).outcome.has_value());
    EXPECT_EQ(refused(bob, ConnectionOpened{"u", root}, ErrorCode::not_allowed),
              "connection refused for user 'u': user connection limit (1) is reached");
    EXPECT_TRUE(ask(bob, ConnectionOpened{"guest", root}).outcome.has_value());
    const ConnectionId third(300);
    EXPECT_EQ(refused(third, ConnectionOpened{"guest", root}, ErrorCode::not_allowed),
              "access to vhost '/' refused for user 'guest': connection limit (2) is reached");
    EXPECT_EQ(controller.connection_count(root), 2u);
    send(alice, ConnectionClosed{});
    controller.connection_closed(bob);
    controller.connection_closed(third);
    settle();
    EXPECT_EQ(controller.connection_count(), 0u);
}

TEST_F(ControllerTest, QueueLimitOfAVhost) {
    VhostDefinition vhost = *catalog.vhost("/");
    vhost.queues_max = 1;
    ask(alice, PutVhost{vhost});
    ask(alice, queue("a"));
    EXPECT_EQ(refused(alice, queue("b"), ErrorCode::precondition_failed),
              "cannot declare queue 'b': queue limit in vhost '/' (1) is reached");
    EXPECT_TRUE(ask(alice, queue("a")).outcome.has_value());
    ask(alice, DeleteQueue{root, "a"});
    EXPECT_TRUE(ask(alice, queue("b")).outcome.has_value());
}

TEST_F(ControllerTest, ANewVhostHasThePredeclaredExchangesAndARemovedOneNothing) {
    VhostDefinition made;
    made.name = "v";
    ask(alice, PutVhost{made});
    const VhostId id = catalog.vhost("v")->id;
    EXPECT_NE(catalog.exchange(id, ""), nullptr);
    EXPECT_NE(catalog.exchange(id, "pre.topic"), nullptr);
    auto declare = queue("q");
    declare.vhost = id;
    const QueueId queue_id = ask(alice, declare).queue;
    auto own = exclusive("x");
    own.vhost = id;
    ask(alice, own);
    ask(alice, ConnectionOpened{"guest", id});
    host.shown.clear();
    host.log.clear();
    EXPECT_TRUE(ask(bob, RemoveVhost{"v"}).outcome.has_value());
    EXPECT_EQ(host.closes, (std::vector<std::pair<ConnectionId, std::string>>{{alice, "vhost 'v' is deleted"}}));
    EXPECT_TRUE(std::ranges::any_of(host.shown, [&](const CatalogChange& change) {
        return std::holds_alternative<QueueRemoved>(change) && std::get<QueueRemoved>(change).queue == queue_id;
    }));
    EXPECT_EQ(host.log.size(), 1u);  // all of it or nothing
    EXPECT_EQ(catalog.vhost("v"), nullptr);
    EXPECT_EQ(catalog.queue_count(), 0u);
    EXPECT_EQ(refused(bob, RemoveVhost{"v"}, ErrorCode::not_found), "no vhost 'v'");
    controller.connection_closed(alice);
    declare.name = "late";
    refused(bob, declare, ErrorCode::not_found);
}

TEST_F(ControllerTest, UsersAndPermissions) {
    UserDefinition user;
    user.name = "u";
    user.password_hash = {1, 2, 3};
    ask(alice, PutUser{user});
    user.password_hash.clear();
    user.tags = {"monitoring"};
    ask(alice, PutUser{user, true});
    EXPECT_EQ(catalog.user("u")->password_hash, (Bytes{1, 2, 3}));
    EXPECT_EQ(catalog.user("u")->tags, std::vector<std::string>{"monitoring"});
    EXPECT_EQ(refused(alice, PutPermission{{"nobody", root, "", "", ""}}, ErrorCode::not_found), "no user 'nobody'");
    EXPECT_TRUE(refused(alice, PutPermission{{"u", root, ".*", "(", ""}}, ErrorCode::malformed)
                    .starts_with("'(' is not a regular expression"));
    ask(alice, PutPermission{{"u", root, "^a", "", ".*"}});
    EXPECT_TRUE(catalog.permits("u", root, Operation::configure, "ab"));
    ask(alice, RemovePermission{"u", root});
    EXPECT_FALSE(catalog.may_enter("u", root));
    refused(alice, RemovePermission{"u", root}, ErrorCode::not_found);
    ask(bob, ConnectionOpened{"u", root});
    ask(alice, RemoveUser{"u"});
    EXPECT_EQ(host.closes, (std::vector<std::pair<ConnectionId, std::string>>{{bob, "user 'u' is deleted"}}));
    EXPECT_EQ(refused(alice, RemoveUser{"u"}, ErrorCode::not_found), "no user 'u'");
}

// ------------------------------------------------------------------------------------------------------------- policies

TEST_F(ControllerTest, PoliciesChangeWhatIsInForceNowAndLater) {
    ask(alice, queue("app.one"));
    ask(alice, queue("other"));
    QueueOptions options;
    options.length_max = 10;
    ask(alice, PutPolicy{policy("p", "^app\\.", options)});
    EXPECT_EQ(catalog.queue(root, "app.one")->options->length_max, 10u);
    EXPECT_EQ(catalog.queue(root, "app.one")->policy, "p");
    EXPECT_FALSE(catalog.queue(root, "other")->options->length_max);
    ask(alice, queue("app.two"));
    EXPECT_EQ(catalog.queue(root, "app.two")->options->length_max, 10u);
    EXPECT_TRUE(ask(alice, queue("app.two")).outcome.has_value());  // declared as before
    ask(alice, RemovePolicy{root, "p", false});
    EXPECT_TRUE(catalog.queue(root, "app.one")->options.is_default());
    EXPECT_EQ(catalog.queue(root, "app.two")->policy, "");
    EXPECT_EQ(refused(alice, RemovePolicy{root, "p", false}, ErrorCode::not_found), "no policy 'p'");
    refused(alice, PutPolicy{policy("bad", "(", options)}, ErrorCode::malformed);
}

TEST_F(ControllerTest, TheLowestLimitCountsAndTheDeclarationWinsElsewhere) {
    auto declare = queue("q");
    declare.options.length_max = 50;
    declare.options.dead_letter_exchange = "own";
    ask(alice, declare);
    QueueOptions user;
    user.length_max = 100;
    user.message_ttl_ms = 1000;
    user.dead_letter_exchange = "policys";
    user.dead_letter_routing_key = "key";
    user.overflow = Overflow::reject_publish;
    PolicyDefinition put = policy("user", "", user);
    put.pattern = "q";
    put.keys = {{"overflow", "\"reject-publish\""}};
    ask(alice, PutPolicy{put});
    QueueOptions ops;
    ops.length_max = 70;
    ops.message_ttl_ms = 500;
    ask(alice, PutPolicy{policy("ops", "q", ops, true)});
    const QueueDefinition& q = *catalog.queue(root, "q");
    EXPECT_EQ(q.options->length_max, 50u);
    EXPECT_EQ(q.options->message_ttl_ms, 500);
    EXPECT_EQ(q.options->dead_letter_exchange, "own");
    EXPECT_EQ(q.options->dead_letter_routing_key, "key");
    EXPECT_EQ(q.options->overflow, Overflow::reject_publish);
    EXPECT_EQ(q.policy, "user");
    EXPECT_EQ(q.operator_policy, "ops");
    ask(alice, RemovePolicy{root, "user", false});
    const QueueDefinition& after = *catalog.queue(root, "q");
    EXPECT_EQ(after.options->overflow, Overflow::drop_head);
    EXPECT_EQ(after.options->message_ttl_ms, 500);
    EXPECT_EQ(*after.declared, declare.options);
}

TEST_F(ControllerTest, DeliveryLimitsStatedOrNotAndNone) {
    auto unstated = queue("unstated");
    unstated.kind = QueueKind::quorum;
    auto stated = unstated;
    stated.name = "stated";
    stated.options.delivery_limit = 30;
    auto none = unstated;
    none.name = "none";
    none.options.delivery_limit = -1;
    for (const auto& each : {unstated, stated, none, queue("classic")}) ask(alice, each);
    const auto limit = [&](const char* name) { return catalog.queue(root, name)->options->delivery_limit; };
    EXPECT_EQ(limit("unstated"), delivery_limit_default);
    EXPECT_EQ(limit("stated"), 30);
    EXPECT_EQ(limit("none"), std::nullopt);
    EXPECT_EQ(limit("classic"), std::nullopt);
    QueueOptions options;
    options.delivery_limit = 50;
    ask(alice, PutPolicy{policy("p", ".*", options)});
    EXPECT_EQ(limit("unstated"), 50);
    EXPECT_EQ(limit("stated"), 30);
    EXPECT_EQ(limit("none"), 50);
    EXPECT_EQ(limit("classic"), 50);
    options.delivery_limit = -1;
    ask(alice, PutPolicy{policy("p", ".*", options)});
    EXPECT_EQ(limit("unstated"), std::nullopt);
    EXPECT_EQ(limit("stated"), 30);
    EXPECT_EQ(limit("none"), std::nullopt);
}

TEST_F(ControllerTest, ThePolicyOfHighestPriorityThatAppliesCounts) {
    ask(alice, queue("q"));
    ask(alice, exchange("q"));
    QueueOptions low, high, streams;
    low.length_max = 1;
    high.length_max = 2;
    streams.length_max = 3;
    ask(alice, PutPolicy{policy("low", "q", low)});
    PolicyDefinition put = policy("high", "q", high);
    put.priority = 5;
    ask(alice, PutPolicy{put});
    put = policy("streams", "q", streams);
    put.priority = 9;
    put.apply_to = PolicyTarget::streams;
    ask(alice, PutPolicy{put});
    EXPECT_EQ(catalog.queue(root, "q")->options->length_max, 2u);
    put = policy("for-exchanges", "q", {});
    put.priority = 7;
    put.apply_to = PolicyTarget::exchanges;
    put.alternate_exchange = "alt";
    ask(alice, PutPolicy{put});
    EXPECT_EQ(catalog.exchange(root, "q")->alternate, "alt");
    EXPECT_EQ(catalog.queue(root, "q")->policy, "high");
    ask(alice, RemovePolicy{root, "for-exchanges", false});
    EXPECT_EQ(catalog.exchange(root, "q")->alternate, "");
}

TEST_F(ControllerTest, APolicyOfWhichOnlyHalfWasLoggedIsAppliedAtTheNextStart) {
    ask(alice, queue("q"));
    Catalog recovered;
    ASSERT_TRUE(recovered.restore(catalog.snapshot()));
    QueueOptions options;
    options.length_max = 4;
    Bytes cut_off;
    encode_change(PolicyPut{policy("p", "q", options)}, cut_off);
    ASSERT_TRUE(recovered.apply(cut_off));
    FakeHost other_host(recovered);
    Controller(recovered, other_host, default_options()).bootstrap();
    EXPECT_EQ(recovered.queue(root, "q")->options->length_max, 4u);
}

}  // namespace
}  // namespace fantail::broker
