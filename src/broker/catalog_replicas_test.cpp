// SPDX-License-Identifier: Apache-2.0
//! Replicas of the catalog stay equal: random changes, snapshots, and changes as bytes.
#include <random>

#include "broker/catalog_scene.hpp"

namespace fantail::broker::testing {
namespace {

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
}  // namespace fantail::broker::testing
