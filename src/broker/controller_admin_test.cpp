// SPDX-License-Identifier: Apache-2.0
//! The controller: limits, vhosts, users and policies.
#include <algorithm>

#include "broker/controller_test_support.hpp"

namespace fantail::broker::testing {
namespace {

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
    EXPECT_EQ(refused(alice, PutTopicPermission{{"nobody", root, "e", "", ""}}, ErrorCode::not_found),
              "no user 'nobody'");
    refused(alice, PutTopicPermission{{"u", root, "e", "(", ""}}, ErrorCode::malformed);
    ask(alice, PutTopicPermission{{"u", root, "e", "^{username}", ".*"}});
    EXPECT_FALSE(catalog.permits_topic("u", root, Operation::write, "e", "key"));
    ask(alice, RemoveTopicPermission{"u", root, "e"});
    refused(alice, RemoveTopicPermission{"u", root, "e"}, ErrorCode::not_found);
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
    FakeControllerHost other_host(recovered);
    Controller(recovered, other_host, default_options()).bootstrap();
    EXPECT_EQ(recovered.queue(root, "q")->options->length_max, 4u);
}

}  // namespace
}  // namespace fantail::broker::testing
