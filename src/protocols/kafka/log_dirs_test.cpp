// SPDX-License-Identifier: Apache-2.0
//! What partitions take, as operators ask for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

using Topics = std::vector<DescribeLogDirsRequest::Topic>;

constexpr std::int16_t newest = 4;

struct Operator : Scene {
    Operator() {
        broker.topics.add_topic("b", 2);
        broker.topics.add_topic("a", 1);
        broker.topics.add_topic("hidden", 1);
        broker.topics.denied = {"read hidden"};
    }
    /// Answers every question: the log of the n-th partition there is has n bytes.
    void answer() {
        while (has<broker::DescribeLog>()) {
            const auto question = take<broker::DescribeLog>();
            EXPECT_EQ(question.shard, shard_of(question.command.log));
            broker::LogDescribed described;
            described.request = question.request;
            described.bytes = question.command.log.value & 0xff;
            give(described);
        }
    }
    DescribeLogDirsResponse sizes(const DescribeLogDirsRequest& request, std::int16_t version = newest) {
        send(request, version);
        answer();
        return response<DescribeLogDirsResponse>(version);
    }
    /// "topic-partition" of each partition told, in order.
    std::string told(const DescribeLogDirsRequest& request) {
        const auto response = sizes(request);
        std::string out;
        for (const auto& topic : response.results.at(0).topics)
            for (const auto& partition : topic.partitions)
                out += std::string(topic.name) + "-" + std::to_string(partition.partition_index) + " ";
        return out;
    }
};

TEST(KafkaDescribeLogDirs, OneDirectoryHasEveryPartitionWithItsSize) {
    Operator s;
    const QueueId second = s.broker.topics.topic(VhostId(1), "b")->partitions.at(1);
    const auto response = s.sizes({});
    EXPECT_EQ(response.error_code, ApiError::none);
    ASSERT_THAT(response.results, SizeIs(1));
    EXPECT_EQ(response.results[0].error_code, ApiError::none);
    EXPECT_FALSE(response.results[0].log_dir.empty());
    EXPECT_EQ(response.results[0].total_bytes, -1);
    EXPECT_EQ(response.results[0].usable_bytes, -1);
    const auto& topic = response.results[0].topics.at(1);
    EXPECT_EQ(topic.name, "b");
    const auto& partition = topic.partitions.at(1);
    EXPECT_EQ(partition.partition_index, 1);
    EXPECT_EQ(partition.partition_size, static_cast<std::int64_t>(second.value & 0xff));
    EXPECT_EQ(partition.offset_lag, 0);
    EXPECT_FALSE(partition.is_future_key);
}

TEST(KafkaDescribeLogDirs, NullIsAllThatTheUserMayReadAndAnEmptyListNone) {
    EXPECT_EQ(Operator().told({}), "a-0 b-0 b-1 ");
    EXPECT_EQ(Operator().told({Topics{}}), "");
}

TEST(KafkaDescribeLogDirs, WhatIsNamedIsToldOnceAndWhatIsNotThereLeftOut) {
    const DescribeLogDirsRequest request{Topics{{"b", {1, 7, -1, 1}}, {"no", {0}}, {"hidden", {0}}, {"b", {1}}}};
    EXPECT_EQ(Operator().told(request), "b-1 ");
}

TEST(KafkaDescribeLogDirs, ATopicThatIsDeletedMeanwhileIsLeftOut) {
    Operator s;
    s.send(DescribeLogDirsRequest{Topics{{"a", {0}}}}, newest);
    broker::LogDescribed gone;
    gone.request = s.take<broker::DescribeLog>().request;
    gone.outcome = broker::LogOutcome::not_found;
    s.give(gone);
    EXPECT_THAT(s.response<DescribeLogDirsResponse>(newest).results.at(0).topics, IsEmpty());
}

TEST(KafkaDescribeLogDirs, EveryVersionIsAnswered) {
    for (std::int16_t version = 0; version <= newest; ++version)
        EXPECT_THAT(Operator().sizes({}, version).results.at(0).topics, SizeIs(2)) << version;
}

}  // namespace
}  // namespace fantail::kafka
