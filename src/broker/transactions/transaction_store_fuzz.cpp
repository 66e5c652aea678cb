// SPDX-License-Identifier: Apache-2.0
//! Changes and snapshots of named producers out of arbitrary bytes: refused, or taken and given back as the same bytes. Producers
//! that come out of them go on.
#include <memory>

#include "base/assert.hpp"
#include "broker/stored_bytes_fuzz.hpp"
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
    broker::fuzz_change(input, broker::decode_transaction_change, broker::encode_transaction_change);
    AgreeableHost host;
    broker::TransactionTable table(host);
    if (broker::fuzz_snapshot(input, table, host)) live_on(table, host);
    return 0;
}
