// SPDX-License-Identifier: Apache-2.0
//! Changes and snapshots of cursor groups out of arbitrary bytes: refused, or taken and given back as the same bytes. Groups
//! that come out of them answer their members.
#include <memory>

#include "broker/groups/fake_topics.hpp"
#include "broker/groups/group_table.hpp"
#include "broker/stored_bytes_fuzz.hpp"

namespace {

using namespace fantail;

struct SilentHost final : broker::GroupHost {
    void answer(const broker::Origin&, broker::GroupAnswer) override { ++answers; }
    Lsn persist(ByteView change, bool) override {
        FANTAIL_ASSERT(broker::decode_group_change(change).has_value());
        return Lsn(++changes);
    }
    std::uint64_t random() override { return ++randoms; }
    const broker::CatalogView& catalog() const override { return topics; }
    broker::testing::FakeTopics topics;
    std::uint64_t answers = 0, changes = 0, randoms = 0;
};

/// A newcomer joins the first groups that there are.
void live_on(broker::GroupTable& table, SilentHost& host) {
    Now now{WallTime{1'000'000}, MonoTime{1'000'000}};
    table.recovered(now, [](QueueId log) { return log.value % 2 == 0; });
    std::vector<broker::GroupListing> groups;
    table.list(groups);
    groups.resize(std::min<std::size_t>(groups.size(), 4));
    for (const broker::GroupListing& each : groups) {
        broker::JoinGroup join;
        join.protocol_type = each.protocol_type;
        join.protocols = {{"range", {}, {}}};
        join.session_timeout_ms = 10'000;
        table.handle({}, {each.group, std::make_unique<broker::GroupAction>(std::move(join))}, now);
        table.handle({}, {each.group, std::make_unique<broker::GroupAction>(broker::DescribeGroup{})}, now);
        broker::AssignedHeartbeat beat;
        beat.vhost = VhostId(1);
        beat.rebalance_timeout_ms = 1'000;
        beat.topics = std::vector<std::string>{"orders"};
        beat.owned.emplace();
        table.handle({}, {each.group, std::make_unique<broker::GroupAction>(std::move(beat))}, now);
        table.handle({}, {each.group, std::make_unique<broker::GroupAction>(broker::DescribeAssigned{})}, now);
    }
    for (int n = 0; n < 20 && table.deadline() != MonoTime::never(); ++n) {
        now.mono = std::max(now.mono, table.deadline());
        table.on_tick(now);
    }
    table.on_durable(Lsn(host.changes));
    FANTAIL_ASSERT(host.answers >= groups.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    broker::fuzz_change(input, broker::decode_group_change, broker::encode_group_change);
    SilentHost host;
    host.topics.put("orders", 3);
    broker::GroupTable table(host);
    if (broker::fuzz_snapshot(input, table, host)) live_on(table, host);
    return 0;
}
