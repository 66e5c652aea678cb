// SPDX-License-Identifier: Apache-2.0
//! The shard's hot path: append, dispatch and settle. Goals: 40 ns a message in batches, 200 ns one by one.
#include <benchmark/benchmark.h>

#include "broker/catalog.hpp"
#include "broker/shard.hpp"
#include "record/batch.hpp"

namespace fantail::broker {
namespace {

constexpr QueueId queue = make_id<QueueId>(1, 1);
constexpr ConnectionId publisher{1};
constexpr ConnectionId receiver{2};

/// Takes everything, remembers deliveries.
class NullHost final : public ShardHost {
public:
    Lsn log_batch(std::span<const Target>, std::uint32_t, SharedBytes, bool) override { return Lsn(++lsn); }
    Lsn log_change(ByteView, bool) override { return Lsn(++lsn); }
    void read(StreamId, Offset, std::uint32_t, ReadToken) override {}
    void release(StreamId, Offset, Offset) override {}
    void forget(StreamId) override {}
    void emit(ConnectionId, Event event) override {
        if (auto* d = std::get_if<Deliver>(&event)) delivered.push_back(std::move(*d));
    }
    void dead_letter(DeadLetter) override {}
    void queue_unused(QueueId) override {}
    void send(ShardId, RequestId, ShardCommand) override {}
    ConnectionId own_id() const override { return ConnectionId(1); }
    std::uint64_t random() override { return 0; }
    const CatalogView& catalog() const override { return no_topics; }

    Catalog no_topics;
    std::uint64_t lsn = 0;
    std::vector<Deliver> delivered;
};

struct Bench {
    Bench(std::size_t consumers, std::uint32_t prefetch) : shard(ShardId(1), host) {
        QueueDefinition d;
        d.id = queue;
        shard.queue_put(d, now);
        for (std::size_t i = 0; i < consumers; ++i) {
            AddConsumer c;
            c.queue = queue;
            c.consumer = ConsumerId(i + 1);
            c.prefetch = prefetch;
            shard.handle({receiver, RequestId(1)}, std::move(c), now);
        }
        record::BatchBuilder builder;
        const Bytes body(100, 'x');
        while (builder.size() < (64u << 10)) builder.append_message({1}, as_bytes("key"), {}, body);
        count = static_cast<std::uint32_t>(builder.count());
        batch = std::make_shared<const Bytes>(builder.finish(Offset(0)));
    }
    void publish() {
        Append a;
        a.targets = {{queue, 0}};
        a.batch = batch;
        a.count = count;
        a.body_bytes = std::uint64_t{count} * 100;
        a.confirm = true;
        shard.handle({publisher, RequestId(2)}, std::move(a), now);
    }
    void settle_all() {
        std::vector<Deliver> got;
        got.swap(host.delivered);
        for (const Deliver& d : got) {
            Settle s{queue, d.consumer, Outcome::accept, {{d.first, d.first.plus(d.count), d.level}}};
            shard.handle({receiver, RequestId(0)}, std::move(s), now);
        }
        settled += got.size();
        got.clear();
        if (host.delivered.empty()) host.delivered.swap(got);
    }

    NullHost host;
    Shard shard;
    Now now{{1000}, {1'000'000'000}};
    SharedBytes batch;
    std::uint32_t count = 0;
    std::uint64_t settled = 0;
};

void run(benchmark::State& state, std::size_t consumers, std::uint32_t prefetch) {
    Bench b(consumers, prefetch);
    for (auto _ : state) {
        b.publish();
        b.shard.on_durable(Lsn(b.host.lsn));
        do {
            b.shard.end_of_turn(b.now);
            b.settle_all();
        } while (b.shard.busy() || !b.host.delivered.empty());
    }
    const auto messages = static_cast<std::int64_t>(state.iterations()) * b.count;
    state.SetItemsProcessed(messages);
}

void BM_BatchesToOneConsumer(benchmark::State& state) { run(state, 1, 0); }
BENCHMARK(BM_BatchesToOneConsumer);
void BM_RoundRobinAmongTen(benchmark::State& state) { run(state, 10, 0); }
BENCHMARK(BM_RoundRobinAmongTen);
void BM_RoundRobinAmongTenPrefetch100(benchmark::State& state) { run(state, 10, 100); }
BENCHMARK(BM_RoundRobinAmongTenPrefetch100);

/// One message a batch, as a publisher that waits for each confirm makes them.
void BM_SingleMessages(benchmark::State& state) {
    Bench b(1, 0);
    record::BatchBuilder builder;
    builder.append_message({1}, as_bytes("key"), {}, Bytes(100, 'x'));
    b.batch = std::make_shared<const Bytes>(builder.finish(Offset(0)));
    b.count = 1;
    for (auto _ : state) {
        b.publish();
        b.shard.end_of_turn(b.now);
        b.settle_all();
        b.shard.end_of_turn(b.now);
        b.shard.on_durable(Lsn(b.host.lsn));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(BM_SingleMessages);

}  // namespace
}  // namespace fantail::broker
