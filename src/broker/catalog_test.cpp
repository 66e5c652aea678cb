// SPDX-License-Identifier: Apache-2.0
//! The catalog: changes, replicas, routes, permissions.
#include "broker/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace fantail::broker {
namespace {

constexpr VhostId main_vhost{1};

Bytes encoded(const CatalogChange& change) {
    Bytes out;
    encode_change(change, out);
    return out;
}

QueueDefinition queue_of(std::uint64_t id, const std::string& name) {
    QueueDefinition queue;
    queue.id = QueueId(id);
    queue.vhost = main_vhost;
    queue.name = name;
    return queue;
}

ExchangeDefinition exchange_of(std::uint32_t id, const std::string& name, ExchangeType type) {
    ExchangeDefinition exchange;
    exchange.id = ExchangeId(id);
    exchange.vhost = main_vhost;
    exchange.name = name;
    exchange.type = type;
    return exchange;
}

VhostDefinition vhost_of(VhostId id, const std::string& name) {
    VhostDefinition vhost;
    vhost.id = id;
    vhost.name = name;
    return vhost;
}

/// A catalog with vhost "/" and its default exchange, and short ways to change it.
class CatalogTest : public testing::Test {
protected:
    CatalogTest() {
        put(VhostPut{vhost_of(main_vhost, "/")});
        put(ExchangePut{exchange_of(1, "", ExchangeType::direct)});
    }
    CatalogEffect put(const CatalogChange& change) {
        auto effect = catalog.apply(encoded(change));
        EXPECT_TRUE(effect.has_value()) << (effect ? "" : effect.error().message);
        return effect.value_or(CatalogEffect{});
    }
    void queue(std::uint64_t id, const std::string& name) { put(QueuePut{queue_of(id, name)}); }
    void exchange(std::uint32_t id, const std::string& name, ExchangeType type, const std::string& alternate = "") {
        auto made = exchange_of(id, name, type);
        made.alternate = alternate;
        put(ExchangePut{made});
    }
    void bind(const std::string& from, const std::string& to, const std::string& key, bool to_exchange = false) {
        put(BindingAdded{{main_vhost, from, to, to_exchange, key, {}}});
    }
    Route routed(const std::string& exchange, std::string_view key, std::vector<std::string_view> more = {}) {
        RoutingFacts facts;
        facts.routing_key = key;
        facts.more_keys = more;
        Route route;
        catalog.route(*catalog.exchange(main_vhost, exchange), facts, route);
        return route;
    }
    std::vector<std::string> to(const std::string& exchange, std::string_view key,
                                std::vector<std::string_view> more = {}) {
        std::vector<std::string> names;
        for (const QueueDefinition* each : routed(exchange, key, std::move(more)).queues) names.push_back(each->name);
        std::ranges::sort(names);
        return names;
    }
    using Names = std::vector<std::string>;

    Catalog catalog;
};

// -------------------------------------------------------------------------------------------------------------- routes

TEST_F(CatalogTest, DefaultExchangeRoutesToTheQueueNamedByEachKey) {
    queue(1, "a");
    queue(2, "b");
    EXPECT_EQ(to("", "a"), Names{"a"});
    EXPECT_EQ(to("", "none"), Names{});
    EXPECT_EQ(to("", "a", {"b", "a", "none"}), (Names{"a", "b"}));
    EXPECT_TRUE(routed("", "a").repeatable);
}

TEST_F(CatalogTest, AQueueIsReachedOnceHoweverManyBindingsMatch) {
    queue(1, "a");
    exchange(2, "t", ExchangeType::topic);
    for (const char* pattern : {"#", "x.*", "x.y", "*.y"}) bind("t", "a", pattern);
    EXPECT_EQ(to("t", "x.y"), Names{"a"});
    EXPECT_EQ(to("t", "x.y", {"x.z"}), Names{"a"});
}

TEST_F(CatalogTest, FurtherKeysAreRoutedAlike) {
    queue(1, "a");
    queue(2, "b");
    exchange(2, "d", ExchangeType::direct);
    bind("d", "a", "one");
    bind("d", "b", "two");
    EXPECT_EQ(to("d", "one", {"two"}), (Names{"a", "b"}));
    EXPECT_EQ(to("d", "none", {"two"}), Names{"b"});
}

TEST_F(CatalogTest, ExchangesLeadToExchangesAndCyclesEnd) {
    queue(1, "a");
    queue(2, "b");
    exchange(2, "x", ExchangeType::fanout);
    exchange(3, "y", ExchangeType::direct);
    exchange(4, "z", ExchangeType::topic);
    bind("x", "y", "", true);
    bind("y", "z", "k.1", true);
    bind("z", "x", "#", true);
    bind("x", "x", "", true);
    bind("z", "a", "k.*");
    bind("x", "b", "");
    EXPECT_EQ(to("x", "k.1"), (Names{"a", "b"}));
    EXPECT_EQ(to("x", "k.2"), Names{"b"});
    EXPECT_EQ(to("z", "k.2"), (Names{"a", "b"}));
}

TEST_F(CatalogTest, TheAlternateTakesWhatMatchedNothingAtAnyHop) {
    queue(1, "lost");
    queue(2, "a");
    exchange(2, "alt", ExchangeType::fanout);
    exchange(3, "d", ExchangeType::direct, "alt");
    exchange(4, "entry", ExchangeType::fanout);
    bind("alt", "lost", "");
    bind("d", "a", "k");
    bind("entry", "d", "", true);
    EXPECT_EQ(to("d", "k"), Names{"a"});
    EXPECT_EQ(to("d", "other"), Names{"lost"});
    EXPECT_EQ(to("entry", "other"), Names{"lost"});
    put(ExchangeRemoved{ExchangeId(2)});
    EXPECT_EQ(to("d", "other"), Names{});
    exchange(5, "alt", ExchangeType::direct, "d");  // alternates of each other
    EXPECT_EQ(to("d", "other"), Names{});
}

TEST_F(CatalogTest, RoutesThatHeadersOrChanceDecideAreNotRepeatable) {
    exchange(2, "d", ExchangeType::direct);
    exchange(3, "h", ExchangeType::headers);
    exchange(4, "r", ExchangeType::random);
    EXPECT_TRUE(routed("d", "k").repeatable);
    EXPECT_FALSE(routed("h", "k").repeatable);
    EXPECT_FALSE(routed("r", "k").repeatable);
    bind("d", "h", "k", true);
    EXPECT_FALSE(routed("d", "k").repeatable);
    EXPECT_TRUE(routed("d", "other").repeatable);
}

TEST_F(CatalogTest, ARandomExchangeReachesAllOfItsQueues) {
    exchange(2, "r", ExchangeType::random);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        queue(i, "q" + std::to_string(i));
        bind("r", "q" + std::to_string(i), "");
    }
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto names = to("r", "k");
        ASSERT_EQ(names.size(), 1u);
        seen.insert(names.front());
    }
    EXPECT_EQ(seen.size(), 3u);
}

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

TEST(NamePattern, AMatchThatNeedsTooManyStepsIsNoneAndSoon) {
    for (const char* evil : {"^([a-z]+-?)*$", "^(a+)+$", "(a|aa)+$", "^(.*a){20}$"}) {
        const NamePattern pattern = NamePattern::compile(evil).value();
        EXPECT_FALSE(pattern.matches(std::string(250, 'a') + "!")) << evil;  // for ever, if every way were tried
    }
    EXPECT_TRUE(NamePattern::compile("^([a-z]+-?)*$").value().matches("orders-eu"));
}

TEST(NamePattern, LooksAheadAsRabbitMqsDo) {
    const NamePattern pattern = NamePattern::compile("^(?!amq\\.).*").value();
    EXPECT_TRUE(pattern.matches("orders"));
    EXPECT_FALSE(pattern.matches("amq.topic"));
}

TEST(NamePattern, RefusesWhatIsNoExpression) {
    for (const char* bad : {"(", "[a", "a{2,1}", "*"})
        EXPECT_EQ(NamePattern::compile(bad).error().code, ErrorCode::malformed) << bad;
    EXPECT_EQ(NamePattern::compile(std::string(2000, 'a')).error().code, ErrorCode::malformed);
    EXPECT_TRUE(NamePattern::compile("^amq\\.").value().matches("amq.topic"));
    EXPECT_FALSE(NamePattern::compile("^amq\\.").value().matches("amqtopic"));
}

// ----------------------------------------------------------------------------------------- snapshots and random changes

/// Everything that a catalog holds, in an order of its own.
std::vector<std::string> contents(const Catalog& catalog) {
    std::vector<std::string> all;
    auto add = [&](const CatalogChange& change) { all.push_back(std::string(as_text(encoded(change)))); };
    add(Booted{catalog.boot()});
    for (const auto* each : catalog.vhosts()) add(VhostPut{*each});
    for (const auto* each : catalog.users()) add(UserPut{*each});
    for (const auto* each : catalog.permissions()) add(PermissionPut{*each});
    for (const auto* each : catalog.topic_permissions()) add(TopicPermissionPut{*each});
    for (const auto* each : catalog.policies()) add(PolicyPut{*each});
    catalog.for_each_exchange([&](const ExchangeDefinition& each) { add(ExchangePut{each}); });
    catalog.for_each_queue([&](const QueueDefinition& each) { add(QueuePut{each}); });
    catalog.for_each_binding([&](const BindingDefinition& each) { add(BindingAdded{each}); });
    std::ranges::sort(all);
    return all;
}

/// Makes changes of all kinds over few names, so that they meet; some do not fit the catalog and must be refused alike.
class RandomChanges {
public:
    explicit RandomChanges(unsigned seed) : random_(seed) {}
    CatalogChange next() {
        switch (random_() % 17) {
            case 0: return Booted{number(100)};
            case 1: return VhostPut{vhost_of(VhostId(number(3)), "v" + std::to_string(number(3)))};
            case 2:
                if (number(4) != 0) return next();
                return VhostRemoved{VhostId(number(3))};
            case 3:
            case 4: return ExchangePut{exchange()};
            case 5:
                if (number(2) != 0) return next();
                return ExchangeRemoved{ExchangeId(number(12))};
            case 6:
            case 7: return QueuePut{queue()};
            case 8:
                if (number(2) != 0) return next();
                return QueueRemoved{QueueId(number(20))};
            case 9: return BindingRemoved{binding()};
            case 10:
                return UserPut{{name("u", 3), {}, {"t"}, number(2) == 0 ? std::optional(number(9)) : std::nullopt, {}}};
            case 11: return PermissionPut{{name("u", 3), vhost(), "a", ".*", "^b$"}};
            case 12:
                return PolicyPut{
                    {vhost(), name("p", 3), "^q", PolicyTarget::all, 1, number(2) == 0, {}, "e1", {{"k", "1"}}}};
            case 13:
                return number(2) == 0 ? CatalogChange(PermissionRemoved{name("u", 3), vhost()})
                                      : UserRemoved{name("u", 3)};
            case 14: return TopicPermissionPut{{name("u", 3), vhost(), name("e", 3), "a", "^{username}"}};
            case 15: return TopicPermissionRemoved{name("u", 3), vhost(), name("e", 3)};
            default: return BindingAdded{binding()};
        }
    }

private:
    std::uint32_t number(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
    std::string name(const char* prefix, std::uint32_t below) { return prefix + std::to_string(number(below)); }
    VhostId vhost() { return VhostId(number(2)); }
    ExchangeDefinition exchange() {
        const std::uint32_t id = number(12);
        auto made = exchange_of(id, "e" + std::to_string(id % 6), static_cast<ExchangeType>(id % 7));
        made.vhost = VhostId(id / 6);
        made.durable = id % 4 != 0;
        made.alternate = name("e", 6);
        return made;
    }
    QueueDefinition queue() {
        const std::uint64_t id = number(20);
        auto made = queue_of(id, "q" + std::to_string(id % 10));
        made.vhost = VhostId(static_cast<std::uint32_t>(id / 10));
        made.durable = id % 3 != 0;
        if (id % 7 == 0) made.exclusive_owner = ConnectionId(4);
        QueueOptions options;
        if (number(2) == 0) options.message_ttl_ms = number(3);
        made.options = options;
        return made;
    }
    BindingDefinition binding() {
        const bool to_exchange = number(4) == 0;
        return {vhost(), name("e", 6), to_exchange ? name("e", 6) : name("q", 10), to_exchange, name("", 4), {}};
    }
    std::mt19937 random_;
};

std::vector<std::uint64_t> all_routes(const Catalog& catalog) {
    std::vector<std::uint64_t> out;
    for (const std::uint32_t vhost : {0, 1})
        for (int e = 0; e < 6; ++e)
            for (const char* key : {"0", "1", "2", "3"}) {
                const ExchangeDefinition* exchange = catalog.exchange(VhostId(vhost), "e" + std::to_string(e));
                if (exchange == nullptr) continue;
                Route route;
                catalog.route(*exchange, {.routing_key = key}, route);
                std::vector<std::uint64_t> ids;
                for (const auto* queue : route.queues) ids.push_back(queue->id.value);
                std::ranges::sort(ids);
                if (!route.repeatable && ids.size() <= 1) continue;  // chance may have decided
                out.push_back(~0ull);
                out.insert(out.end(), ids.begin(), ids.end());
            }
    return out;
}

TEST(CatalogReplicas, StayEqualUnderRandomChangesAndSnapshots) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomChanges changes(seed);
        Catalog one, other;
        for (int i = 0; i < 600; ++i) {
            const Bytes change = encoded(changes.next());
            const auto a = one.apply(change);
            const auto b = other.apply(change);
            ASSERT_EQ(a.has_value(), b.has_value());
            if (a) {
                ASSERT_EQ(a->queue, b->queue);
            }
            if (i % 150 != 149) continue;
            ASSERT_EQ(contents(one), contents(other));
            ASSERT_EQ(all_routes(one), all_routes(other));
            // A replica that was restored goes on like the others, once what does not persist is gone from them too.
            const Bytes snapshot = one.snapshot();
            Catalog restored;
            ASSERT_TRUE(restored.restore(snapshot));
            std::vector<CatalogChange> transient;
            one.for_each_queue([&](const QueueDefinition& q) {
                if (!is_persistent(q)) transient.push_back(QueueRemoved{q.id});
            });
            one.for_each_exchange([&](const ExchangeDefinition& e) {
                if (!e.durable) transient.push_back(ExchangeRemoved{e.id});
            });
            for (const auto& each : transient) ASSERT_TRUE(one.apply(encoded(each)) && other.apply(encoded(each)));
            ASSERT_EQ(contents(restored), contents(one));
            ASSERT_EQ(all_routes(restored), all_routes(one));
        }
    }
}

TEST(CatalogSnapshot, ThatIsCutOffIsRefused) {
    Catalog catalog;
    ASSERT_TRUE(catalog.apply(encoded(VhostPut{vhost_of(main_vhost, "/")})));
    ASSERT_TRUE(catalog.apply(encoded(QueuePut{queue_of(1, "q")})));
    const Bytes snapshot = catalog.snapshot();
    std::size_t refused = 0;
    for (std::size_t size = 0; size < snapshot.size(); ++size) {
        Catalog restored;
        refused += restored.restore(ByteView(snapshot).first(size)) ? 0 : 1;
    }
    EXPECT_EQ(refused, snapshot.size() - 3);  // but at the ends of its three changes' predecessors
}

TEST(CatalogChange, EveryKindComesBackAsItWas) {
    QueueOptions options;
    options.message_ttl_ms = -3;
    options.dead_letter_exchange = "dlx";
    options.priority_max = 9;
    QueueDefinition queue = queue_of((7ull << 48) + 5, "q");
    queue.declared = options;
    queue.arguments = {1, 2, 3};
    queue.exclusive_owner = ConnectionId(77);
    const std::vector<CatalogChange> all{
        Booted{70'000},
        VhostPut{{VhostId(2), "v", "text", QueueKind::stream, 5, 6}},
        VhostRemoved{VhostId(2)},
        ExchangePut{exchange_of(4, "e", ExchangeType::recent_history)},
        ExchangeRemoved{ExchangeId(4)},
        QueuePut{queue},
        QueueRemoved{queue.id},
        BindingAdded{{VhostId(2), "e", "q", true, "k", {9}}},
        BindingRemoved{{VhostId(2), "e", "q", false, "k", {9}}},
        UserPut{{"u", {1, 2}, {"a", "b"}, 3, {}}},
        UserRemoved{"u"},
        PermissionPut{{"u", VhostId(2), "c", "w", "r"}},
        PermissionRemoved{"u", VhostId(2)},
        PolicyPut{{VhostId(2), "p", ".*", PolicyTarget::streams, -4, true, options, "alt", {{"k", "v"}}}},
        PolicyRemoved{VhostId(2), "p", true},
        TopicPermissionPut{{"u", VhostId(2), "e", "w", "r"}},
        TopicPermissionRemoved{"u", VhostId(2), "e"},
        TopicPut{TopicDefinition{TopicId(8), VhostId(2), "t", true, {QueueId(1), QueueId(2)}, options, {{"k", "v"}}}},
        TopicRemoved{TopicId(8)}};
    ASSERT_EQ(all.size(), std::variant_size_v<CatalogChange>);
    for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(all[i].index(), i);
        const Bytes bytes = encoded(all[i]);
        const auto decoded = decode_change(bytes);
        ASSERT_TRUE(decoded) << i;
        EXPECT_EQ(encoded(*decoded), bytes);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(decode_change(ByteView(bytes).first(size))) << i;
        Bytes longer = bytes;
        longer.push_back(0);
        EXPECT_FALSE(decode_change(longer)) << i;
    }
    const auto back = std::get<QueuePut>(*decode_change(encoded(all[5]))).queue;
    EXPECT_EQ(*back->declared, options);
    EXPECT_TRUE(back->options.is_default());
    EXPECT_EQ(back->exclusive_owner, ConnectionId(77));
}

}  // namespace
}  // namespace fantail::broker
