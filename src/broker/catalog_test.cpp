// SPDX-License-Identifier: Apache-2.0
//! The catalog: changes and permissions.
#include "broker/catalog_scene.hpp"

namespace fantail::broker::testing {
namespace {

// ------------------------------------------------------------------------------------------------------------- changes

TEST_F(CatalogTest, RemovedQueuesAndExchangesTakeTheirBindingsAlong) {
    queue(1, "a");
    exchange(2, "x", ExchangeType::fanout);
    exchange(3, "y", ExchangeType::fanout);
    bind("x", "a", "");
    bind("x", "y", "", true);
    bind("y", "a", "");
    EXPECT_EQ(put(QueueRemoved{QueueId(1)}).kind, CatalogEffect::Kind::queue_removed);
    EXPECT_EQ(catalog.queue(QueueId(1)), nullptr);
    EXPECT_EQ(catalog.binding_count(*catalog.exchange(main_vhost, "x")), 1u);
    put(ExchangeRemoved{ExchangeId(3)});
    EXPECT_EQ(catalog.binding_count(*catalog.exchange(main_vhost, "x")), 0u);
    EXPECT_EQ(to("x", ""), Names{});
    EXPECT_EQ(put(QueueRemoved{QueueId(1)}).kind, CatalogEffect::Kind::none);
}

TEST_F(CatalogTest, APutOfAKnownQueueReplacesItsDefinitionAndKeepsItsBindings) {
    queue(1, "a");
    exchange(2, "x", ExchangeType::fanout);
    bind("x", "a", "");
    const std::uint64_t version = catalog.version();
    auto changed = queue_of(1, "a");
    QueueOptions options;
    options.length_max = 5;
    changed.options = options;
    const CatalogEffect effect = put(QueuePut{changed});
    EXPECT_EQ(effect.kind, CatalogEffect::Kind::queue_put);
    EXPECT_EQ(effect.queue, QueueId(1));
    EXPECT_EQ(catalog.queue(QueueId(1))->options->length_max, 5u);
    EXPECT_EQ(catalog.queue(main_vhost, "a"), catalog.queue(QueueId(1)));
    EXPECT_EQ(to("x", ""), Names{"a"});
    EXPECT_GT(catalog.version(), version);
}

TEST_F(CatalogTest, ACopyHasEverythingAndSharesTheDefinitionsOfQueues) {
    queue(1, "a");
    auto transient = queue_of(3, "t");
    transient.durable = false;
    put(QueuePut{transient});
    exchange(2, "x", ExchangeType::fanout);
    bind("x", "a", "");
    Catalog other;
    other.copy(catalog);
    EXPECT_EQ(other.snapshot().size(), catalog.snapshot().size());
    EXPECT_EQ(other.binding_count(*other.exchange(main_vhost, "x")), 1u);
    EXPECT_EQ(other.queue(QueueId(1)), catalog.queue(QueueId(1)));
    EXPECT_NE(other.queue(main_vhost, "t"), nullptr);
    ASSERT_TRUE(catalog.apply(CatalogChange(QueueRemoved{QueueId(1)})));
    EXPECT_EQ(other.queue(QueueId(1))->name, "a") << "the other replica still has it";
}

TEST_F(CatalogTest, EqualOptionsAreOneObject) {
    QueueOptions options;
    options.length_max = 5;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        auto made = queue_of(i, "q" + std::to_string(i));
        QueueOptions own;
        own.length_max = i % 10;
        made.declared = made.options = i % 2 == 0 ? options : own;
        put(QueuePut{made});
    }
    EXPECT_EQ(&*catalog.queue(QueueId(2))->options, &*catalog.queue(QueueId(4))->declared);
    EXPECT_NE(&*catalog.queue(QueueId(2))->options, &*catalog.queue(QueueId(1))->options);
    EXPECT_TRUE(OptionsRef(QueueOptions{}).is_default());
}

TEST_F(CatalogTest, RefusesWhatContradictsItAndChangesNothing) {
    queue(1, "a");
    exchange(2, "x", ExchangeType::fanout);
    const std::uint64_t version = catalog.version();
    auto elsewhere = queue_of(3, "q");
    elsewhere.vhost = VhostId(9);
    for (const CatalogChange& change : std::vector<CatalogChange>{
             QueuePut{queue_of(2, "a")}, QueuePut{queue_of(1, "b")}, QueuePut{elsewhere},
             ExchangePut{exchange_of(7, "x", ExchangeType::fanout)},
             ExchangePut{exchange_of(2, "x", ExchangeType::direct)},
             BindingAdded{{main_vhost, "x", "none", false, "", {}}},
             BindingAdded{{main_vhost, "none", "a", false, "", {}}}, VhostPut{vhost_of(VhostId(2), "/")},
             VhostPut{vhost_of(main_vhost, "other")}, PermissionPut{{"nobody", main_vhost, "", "", ""}}}) {
        const auto outcome = catalog.apply(encoded(change));
        ASSERT_FALSE(outcome.has_value()) << change.index();
        EXPECT_EQ(outcome.error().code, ErrorCode::corrupt);
    }
    EXPECT_EQ(catalog.version(), version);
    EXPECT_EQ(catalog.queue_count(), 1u);
}

TEST_F(CatalogTest, BindingTwiceIsBindingOnce) {
    queue(1, "a");
    exchange(2, "x", ExchangeType::fanout);
    bind("x", "a", "k");
    bind("x", "a", "k");
    EXPECT_EQ(catalog.binding_count(*catalog.exchange(main_vhost, "x")), 1u);
    put(BindingRemoved{{main_vhost, "x", "a", false, "k", {}}});
    EXPECT_EQ(to("x", ""), Names{});
    put(BindingRemoved{{main_vhost, "x", "a", false, "k", {}}});
}

TEST_F(CatalogTest, AVhostGoesWithEverythingInIt) {
    put(VhostPut{vhost_of(VhostId(2), "other")});
    put(UserPut{{"u", {}, {}, {}, {}}});
    put(PermissionPut{{"u", main_vhost, ".*", ".*", ".*"}});
    put(PolicyPut{{main_vhost, "p", ".*", {}, 0, false, {}, "", {}}});
    queue(1, "a");
    exchange(2, "x", ExchangeType::fanout);
    bind("x", "a", "");
    put(VhostRemoved{main_vhost});
    EXPECT_EQ(catalog.vhost("/"), nullptr);
    EXPECT_EQ(catalog.queue_count(), 0u);
    EXPECT_TRUE(catalog.permissions().empty());
    EXPECT_TRUE(catalog.policies().empty());
    EXPECT_FALSE(catalog.may_enter("u", main_vhost));
    EXPECT_NE(catalog.vhost("other"), nullptr);
}

// --------------------------------------------------------------------------------------------------------- permissions

TEST_F(CatalogTest, PermissionsAreSearchedUnanchoredUnlessTheySaySo) {
    put(UserPut{{"u", {}, {}, {}, {}}});
    EXPECT_FALSE(catalog.may_enter("u", main_vhost));
    put(PermissionPut{{"u", main_vhost, "^app-", "b.c", ""}});
    EXPECT_TRUE(catalog.may_enter("u", main_vhost));
    EXPECT_TRUE(catalog.permits("u", main_vhost, Operation::configure, "app-1"));
    EXPECT_FALSE(catalog.permits("u", main_vhost, Operation::configure, "my-app-1"));
    EXPECT_TRUE(catalog.permits("u", main_vhost, Operation::write, "aabxcc"));
    EXPECT_FALSE(catalog.permits("u", main_vhost, Operation::read, "a"));
    EXPECT_TRUE(catalog.permits("u", main_vhost, Operation::read, ""));
    EXPECT_FALSE(catalog.permits("v", main_vhost, Operation::read, ""));
    EXPECT_FALSE(catalog.permits("u", VhostId(2), Operation::read, ""));
    put(PermissionPut{{"u", main_vhost, ".*", "^$", "(a|b)$"}});
    EXPECT_TRUE(catalog.permits("u", main_vhost, Operation::configure, "anything\nat all"));
    EXPECT_FALSE(catalog.permits("u", main_vhost, Operation::write, "a"));
    EXPECT_TRUE(catalog.permits("u", main_vhost, Operation::read, "xb"));
    put(PermissionRemoved{"u", main_vhost});
    EXPECT_FALSE(catalog.permits("u", main_vhost, Operation::configure, "a"));
}

TEST_F(CatalogTest, TopicPermissionsBindOnlyWhereTheyAreSet) {
    put(UserPut{{"u.1", {}, {}, {}, {}}});
    put(TopicPermissionPut{{"u.1", main_vhost, "events", "^{username}\\.", "^({vhost}|{client_id})$"}});
    EXPECT_TRUE(catalog.permits_topic("u.1", main_vhost, Operation::write, "events", "u.1.x"));
    EXPECT_FALSE(catalog.permits_topic("u.1", main_vhost, Operation::write, "events", "uX1.x"))
        << "a name is no pattern";
    EXPECT_TRUE(catalog.permits_topic("u.1", main_vhost, Operation::read, "events", catalog.vhost(main_vhost)->name));
    EXPECT_TRUE(catalog.permits_topic("u.1", main_vhost, Operation::read, "events", "{client_id}"));
    EXPECT_FALSE(catalog.permits_topic("u.1", main_vhost, Operation::read, "events", "#"));
    EXPECT_TRUE(catalog.permits_topic("u.1", main_vhost, Operation::write, "others", "anything"));
    EXPECT_TRUE(catalog.permits_topic("u.1", VhostId(99), Operation::write, "events", "anything"));
    EXPECT_TRUE(catalog.permits_topic("v", main_vhost, Operation::write, "events", "anything"));
    put(TopicPermissionRemoved{"u.1", main_vhost, "events"});
    EXPECT_TRUE(catalog.permits_topic("u.1", main_vhost, Operation::write, "events", "anything"));
    EXPECT_TRUE(catalog.topic_permissions().empty());
}

}  // namespace
}  // namespace fantail::broker::testing
