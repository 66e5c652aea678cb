// SPDX-License-Identifier: Apache-2.0
//! What a route costs (aim: 60 ns direct, 100 ns topic) and what an idle queue weighs in the catalog (aim: 700 bytes).
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>

#include "broker/catalog.hpp"

namespace fantail::broker {
namespace {

constexpr VhostId vhost{1};

void apply(Catalog& catalog, const CatalogChange& change) {
    Bytes encoded;
    encode_change(change, encoded);
    FANTAIL_ASSERT(catalog.apply(encoded).has_value());
}

void put_queue(Catalog& catalog, std::uint64_t number, const std::string& name) {
    QueueDefinition queue;
    queue.id = make_id<QueueId>(0, number);
    queue.vhost = vhost;
    queue.name = name;
    QueueOptions options;
    options.delivery_limit = 20;
    queue.declared = options;
    queue.options = options;
    apply(catalog, QueuePut{queue});
}

std::unique_ptr<Catalog> catalog_with(ExchangeType type) {
    auto catalog = std::make_unique<Catalog>();
    VhostDefinition root;
    root.id = vhost;
    root.name = "/";
    apply(*catalog, VhostPut{root});
    for (const char* name : {"", "e"}) {
        ExchangeDefinition exchange;
        exchange.id = ExchangeId(*name == '\0' ? 1 : 2);
        exchange.vhost = vhost;
        exchange.name = name;
        exchange.type = *name == '\0' ? ExchangeType::direct : type;
        apply(*catalog, ExchangePut{exchange});
    }
    return catalog;
}

void add_binding(Catalog& catalog, const std::string& queue, const std::string& key) {
    apply(catalog, BindingAdded{{vhost, "e", queue, false, key, {}}});
}

void route(benchmark::State& state, const Catalog& catalog, const char* exchange_name, std::string_view key,
           std::size_t expected) {
    const ExchangeDefinition* exchange = catalog.exchange(vhost, exchange_name);
    RoutingFacts facts;
    facts.routing_key = key;
    Route out;
    for (auto _ : state) {
        catalog.route(*exchange, facts, out);
        benchmark::DoNotOptimize(out.queues.data());
    }
    FANTAIL_ASSERT(out.queues.size() == expected);
}

void route_default(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::direct);
    for (std::uint64_t i = 0; i < 1000; ++i) put_queue(*catalog, i, "queue-" + std::to_string(i));
    route(state, *catalog, "", "queue-500", 1);
}
void route_direct(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::direct);
    put_queue(*catalog, 1, "queue");
    add_binding(*catalog, "queue", "routing-key");
    route(state, *catalog, "e", "routing-key", 1);
}
void route_direct_1000_keys(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::direct);
    put_queue(*catalog, 1, "queue");
    for (int i = 0; i < 1000; ++i) add_binding(*catalog, "queue", "routing-key-" + std::to_string(i));
    route(state, *catalog, "e", "routing-key-500", 1);
}
void route_topic_exact(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::topic);
    put_queue(*catalog, 1, "queue");
    add_binding(*catalog, "queue", "orders.europe.created");
    route(state, *catalog, "e", "orders.europe.created", 1);
}
void route_topic_patterns(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::topic);
    for (std::uint64_t i = 0; i < 4; ++i) put_queue(*catalog, i, "queue-" + std::to_string(i));
    const char* patterns[] = {"orders.*.created", "orders.#", "*.europe.*", "payments.#"};
    for (std::size_t i = 0; i < 4; ++i) add_binding(*catalog, "queue-" + std::to_string(i), patterns[i]);
    route(state, *catalog, "e", "orders.europe.created", 3);
}
void route_fanout_10(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::fanout);
    for (std::uint64_t i = 0; i < 10; ++i) {
        put_queue(*catalog, i, "queue-" + std::to_string(i));
        add_binding(*catalog, "queue-" + std::to_string(i), "");
    }
    route(state, *catalog, "e", "k", 10);
}
void route_consistent_hash_16(benchmark::State& state) {
    auto catalog = catalog_with(ExchangeType::consistent_hash);
    for (std::uint64_t i = 0; i < 16; ++i) {
        put_queue(*catalog, i, "queue-" + std::to_string(i));
        add_binding(*catalog, "queue-" + std::to_string(i), "1");
    }
    route(state, *catalog, "e", "customer-4711", 1);
}

/// Bytes of the heap for each of 100,000 idle durable queues with names of some 28 characters.
void queue_weight(benchmark::State& state) {
    constexpr std::uint64_t queues = 100'000;
    for (auto _ : state) {
        auto catalog = catalog_with(ExchangeType::direct);
        const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
        for (std::uint64_t i = 0; i < queues; ++i)
            put_queue(*catalog, i, "tenant-1/some-queue-" + std::to_string(1000 + i % 9000) + std::to_string(i));
        const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
        state.counters["bytes_a_queue"] = static_cast<double>(after - before) / queues;
    }
}

BENCHMARK(route_default);
BENCHMARK(route_direct);
BENCHMARK(route_direct_1000_keys);
BENCHMARK(route_topic_exact);
BENCHMARK(route_topic_patterns);
BENCHMARK(route_fanout_10);
BENCHMARK(route_consistent_hash_16);
BENCHMARK(queue_weight)->Iterations(1);

}  // namespace
}  // namespace fantail::broker
