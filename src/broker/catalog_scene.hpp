// SPDX-License-Identifier: Apache-2.0
//! For tests of the catalog: definitions in a word, and a vhost with short ways to change and to ask it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/catalog.hpp"

namespace fantail::broker::testing {

inline constexpr VhostId main_vhost{1};

inline Bytes encoded(const CatalogChange& change) {
    Bytes out;
    encode_change(change, out);
    return out;
}

inline QueueDefinition queue_of(std::uint64_t id, const std::string& name) {
    QueueDefinition queue;
    queue.id = QueueId(id);
    queue.vhost = main_vhost;
    queue.name = name;
    return queue;
}

inline ExchangeDefinition exchange_of(std::uint32_t id, const std::string& name, ExchangeType type) {
    ExchangeDefinition exchange;
    exchange.id = ExchangeId(id);
    exchange.vhost = main_vhost;
    exchange.name = name;
    exchange.type = type;
    return exchange;
}

inline VhostDefinition vhost_of(VhostId id, const std::string& name) {
    VhostDefinition vhost;
    vhost.id = id;
    vhost.name = name;
    return vhost;
}

/// A catalog with vhost "/" and its default exchange, and short ways to change it.
class CatalogTest : public ::testing::Test {
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

}  // namespace fantail::broker::testing
