// SPDX-License-Identifier: Apache-2.0
//! Runs the workloads against the in-process relay, so that the driver's own counting is tested.
#include "driver/relay.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "driver/confirmed_producer.hpp"
#include "driver/delivery_reader.hpp"
#include "driver/publish_batch.hpp"
#include "driver/sequence_check.hpp"

namespace fantail::bench {
namespace {

Endpoint endpoint_of(const Relay& relay) { return {.host = "127.0.0.1", .port = relay.port()}; }

class BodySizes : public testing::TestWithParam<std::uint32_t> {};

TEST_P(BodySizes, ArriveWholeOnceAndInOrder) {
    const Relay relay({});
    Connection consumer(endpoint_of(relay));
    consumer.consume({.queue = "q", .prefetch = 0, .auto_ack = true});
    Connection producer(endpoint_of(relay));
    PublishBatch batch({.exchange = "", .routing_key = "q", .body_bytes = GetParam(), .persistent = false});
    constexpr std::uint64_t rounds = 20;
    const std::uint64_t total = rounds * batch.capacity();
    std::thread publishing([&] {
        for (std::uint64_t sent = 0; sent < total; sent += batch.capacity())
            EXPECT_TRUE(producer.send(batch.stamp(sent, batch.capacity(), 7)));
    });
    SequenceCheck order;
    DeliveryReader reader(consumer);
    std::uint64_t delivered = 0;
    while (delivered < total && consumer.fill() == ReadStatus::data) {
        delivered += reader.drain([&](const Delivery& d) {
            order.see(d.sequence);
            EXPECT_EQ(d.body_bytes, GetParam());
            EXPECT_EQ(d.sent_ns, 7);
        });
    }
    publishing.join();
    EXPECT_EQ(delivered, total);
    EXPECT_EQ(order.missing() + order.repeated(), 0U);
}

INSTANTIATE_TEST_SUITE_P(OneFrameAndSeveral, BodySizes,
                         testing::Values(16, 100, 1'024, 65'536, 131'064, 131'065, 400'000));

TEST(ConfirmedProducer, SendsExactlyItsCountAndSeesEveryConfirm) {
    const Relay relay({.mode = RelayMode::sink, .body_bytes = 100, .journal = ""});
    Connection producer(endpoint_of(relay));
    producer.select_confirms();
    Options options;
    options.count = 12'345;
    options.window = 70;
    RunState state;
    state.measuring = true;
    const ProducerResult result = produce_confirmed(producer, options, state);
    EXPECT_FALSE(result.lost);
    EXPECT_EQ(result.confirmed_without_gap, 12'345U);
    EXPECT_EQ(result.latency.count(), 12'345U);
    EXPECT_EQ(state.confirmed.load(), 12'345U);
}

TEST(Connection, IsNothingWhereNobodyListens) {
    std::uint16_t port = 0;
    {
        const Relay relay({});
        port = relay.port();
        EXPECT_TRUE(Connection::try_open(endpoint_of(relay)).has_value());
    }
    EXPECT_FALSE(Connection::try_open({.host = "127.0.0.1", .port = port}).has_value());
}

TEST(SequenceCheck, CountsWhatIsMissingAndWhatCameAgain) {
    SequenceCheck check;
    for (const std::uint64_t s : {0, 1, 4, 5, 5}) check.see(s);
    EXPECT_EQ(check.missing(), 2U);
    EXPECT_EQ(check.repeated(), 1U);
    EXPECT_EQ(check.expected(), 6U);
}

}  // namespace
}  // namespace fantail::bench
