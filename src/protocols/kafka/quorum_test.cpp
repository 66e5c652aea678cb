// SPDX-License-Identifier: Apache-2.0
//! The quorum as operators see it: one voter that leads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int16_t newest = 2;

using Topics = std::vector<DescribeQuorumRequest::Topic>;

DescribeQuorumRequest metadata() { return {Topics{{"__cluster_metadata", {{0}}}}}; }

TEST(KafkaDescribeQuorum, TheNodeIsTheLeaderAndTheOnlyVoter) {
    Scene s({.node_id = 7});
    const auto response = s.ask<DescribeQuorumResponse>(metadata(), newest);
    EXPECT_EQ(response.error_code, ApiError::none);
    ASSERT_THAT(response.topics, SizeIs(1));
    EXPECT_EQ(response.topics[0].topic_name, "__cluster_metadata");
    ASSERT_THAT(response.topics[0].partitions, SizeIs(1));
    const auto& partition = response.topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, ApiError::none);
    EXPECT_EQ(partition.leader_id, 7);
    EXPECT_EQ(partition.leader_epoch, 0);
    EXPECT_THAT(partition.observers, IsEmpty());
    ASSERT_THAT(partition.current_voters, SizeIs(1));
    EXPECT_EQ(partition.current_voters[0].replica_id, 7);
    EXPECT_EQ(partition.current_voters[0].log_end_offset, partition.high_watermark);
    EXPECT_EQ(partition.current_voters[0].last_fetch_timestamp, s.broker.time.wall.ms);
    EXPECT_EQ(partition.current_voters[0].last_caught_up_timestamp, s.broker.time.wall.ms);
}

TEST(KafkaDescribeQuorum, ItsHighWatermarkGrowsWithEveryChange) {
    Scene s;
    const auto end = [&] {
        return s.ask<DescribeQuorumResponse>(metadata(), newest).topics.at(0).partitions.at(0).high_watermark;
    };
    const std::int64_t before = end();
    s.broker.topics.add_topic("t");
    EXPECT_GT(end(), before);
}

TEST(KafkaDescribeQuorum, TheNodeIsWhereClientsAreSent) {
    Scene s({.advertised_host = "broker.example", .advertised_port = 19092});
    const auto response = s.ask<DescribeQuorumResponse>(metadata(), newest);
    ASSERT_THAT(response.nodes, SizeIs(1));
    const auto& listener = response.nodes[0].listeners.at(0);
    EXPECT_EQ(listener.host, "broker.example");
    EXPECT_EQ(listener.port, 19092);
}

TEST(KafkaDescribeQuorum, AnythingButTheMetadatasPartitionIsUnknown_3) {
    const std::vector<Topics> refused{{{"t", {{0}}}},
                                      {{"__cluster_metadata", {{1}}}},
                                      {{"__cluster_metadata", {{0}, {1}}}},
                                      {{"__cluster_metadata", {{0}}}, {"t", {{0}}}}};
    for (const Topics& topics : refused) {
        Scene s;
        const auto response = s.ask<DescribeQuorumResponse>(DescribeQuorumRequest{topics}, newest);
        EXPECT_EQ(response.error_code, ApiError::none);
        ASSERT_EQ(response.topics.size(), topics.size());
        for (const auto& topic : response.topics)
            for (const auto& partition : topic.partitions) {
                EXPECT_EQ(partition.error_code, ApiError::unknown_topic_or_partition);
                EXPECT_THAT(partition.current_voters, IsEmpty());
            }
        EXPECT_THAT(response.nodes, IsEmpty());
    }
}

TEST(KafkaDescribeQuorum, EveryVersionIsAnswered) {
    for (std::int16_t version = 0; version <= newest; ++version) {
        Scene s;
        EXPECT_THAT(s.ask<DescribeQuorumResponse>(metadata(), version).topics, SizeIs(1)) << version;
    }
}

}  // namespace
}  // namespace fantail::kafka
