// SPDX-License-Identifier: Apache-2.0
//! The controller: starts, and when it answers.
#include <map>

#include "broker/controller_test_support.hpp"

namespace fantail::broker::testing {
namespace {

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
    FakeControllerHost other_host(restored);
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
    FakeControllerHost whole(scratch);
    Controller(scratch, whole, default_options()).bootstrap();
    for (std::size_t durable = 0; durable < whole.log.size(); ++durable) {
        Catalog recovered;
        for (std::size_t i = 0; i < durable; ++i) ASSERT_TRUE(recovered.apply(whole.log[i]));
        FakeControllerHost again(recovered);
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
    FakeControllerHost fresh_host(fresh);
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

}  // namespace
}  // namespace fantail::broker::testing
