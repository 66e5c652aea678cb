// SPDX-License-Identifier: Apache-2.0
//! Changes and snapshots of named producers out of arbitrary bytes: refused, or taken and given back as the same bytes. Producers
//! that come out of them go on.
#include <memory>

#include "base/assert.hpp"
#include "broker/transactions/transaction_table.hpp"

namespace {

using namespace fantail;

struct AgreeableHost final : broker::TransactionHost {
    void answer(const broker::Origin&, broker::TransactionAnswer) override { ++answers; }
    Lsn persist(ByteView change, bool) override {
        FANTAIL_ASSERT(broker::decode_transaction_change(change).has_value());
        return Lsn(++changes);
    }
    std::uint64_t random() override { return ++randoms; }
    RequestId ask(ShardId, broker::ShardCommand) override { return RequestId(++asked); }
    std::uint64_t answers = 0, changes = 0, randoms = 0, asked = 0;
};

Bytes encoded(const broker::TransactionTable& table) {
    Bytes bytes;
    Writer out(bytes);
    table.encode(out);
    return bytes;
}

/// The first producers that there are, are opened once more.
void live_on(broker::TransactionTable& table, AgreeableHost& host) {
    Now now{WallTime{1'000'000}, MonoTime{1'000'000}};
    table.recovered(now);
    std::vector<broker::TransactionListing> producers;
    table.list(producers);
    producers.resize(std::min<std::size_t>(producers.size(), 4));
    std::uint64_t opened = 0;
    for (const broker::TransactionListing& each : producers) {
        if (each.name.empty() || each.name.size() > 4096) continue;
        ++opened;
        table.handle({}, {each.name, std::make_unique<broker::TransactionAction>(broker::OpenProducer{})}, now);
    }
    std::uint64_t answered = 0;
    for (int n = 0; n < 50; ++n) {
        table.on_tick(now);
        table.on_durable(Lsn(host.changes));
        while (answered < host.asked)
            FANTAIL_ASSERT(table.answered(RequestId(++answered), broker::TransactionOutcome::ok, now));
    }
    FANTAIL_ASSERT(host.answers == opened);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    if (const auto change = broker::decode_transaction_change(input)) {
        Bytes once, twice;
        broker::encode_transaction_change(*change, once);
        const auto again = broker::decode_transaction_change(once);
        FANTAIL_ASSERT(again.has_value());
        broker::encode_transaction_change(*again, twice);
        FANTAIL_ASSERT(once == twice);
    }
    AgreeableHost host;
    broker::TransactionTable table(host);
    Reader in(input);
    if (!table.decode(in)) return 0;
    const Bytes bytes = encoded(table);
    broker::TransactionTable copy(host);
    Reader again(bytes);
    FANTAIL_ASSERT(copy.decode(again));
    FANTAIL_ASSERT(again.done());
    FANTAIL_ASSERT(encoded(copy) == bytes);
    live_on(table, host);
    return 0;
}
