// SPDX-License-Identifier: Apache-2.0
//! Metadata and topics: what is seen, made on the way, made on request, and refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int16_t metadata_version = 12;

MetadataRequest about(std::string_view name, bool create = true) {
    return {.topics = std::vector<MetadataRequest::Topic>{{.name = name}}, .allow_auto_topic_creation = create};
}

// ------------------------------------------------------------------------------------------------------------ metadata

TEST(KafkaMetadata, TheOneBrokerLeadsEveryPartition) {
    Scene s;
    const auto id = s.broker.topics.add_topic("t", 3).id;
    const auto response = s.ask<MetadataResponse>(about("t"), metadata_version);
    ASSERT_THAT(response.brokers, SizeIs(1));
    EXPECT_EQ(response.brokers[0].host, "127.0.0.1");
    EXPECT_EQ(response.brokers[0].port, 9092);
    const auto& topic = response.topics.at(0);
    EXPECT_EQ(topic.topic_id, to_uuid(id));
    ASSERT_THAT(topic.partitions, SizeIs(3));
    for (std::int32_t i = 0; i < 3; ++i) {
        const auto& partition = topic.partitions[static_cast<std::size_t>(i)];
        EXPECT_EQ(partition.partition_index, i);
        EXPECT_EQ(partition.leader_id, response.brokers[0].node_id);
        EXPECT_THAT(partition.isr_nodes, ElementsAre(response.brokers[0].node_id));
    }
}

TEST(KafkaMetadata, ClientsAreSentWhereTheOperatorSays) {
    Scene s({.advertised_host = "broker.example", .advertised_port = 19092});
    const auto response = s.ask<MetadataResponse>(MetadataRequest{}, metadata_version);
    EXPECT_EQ(response.brokers.at(0).host, "broker.example");
    EXPECT_EQ(response.brokers.at(0).port, 19092);
}

TEST(KafkaMetadata, AnAddressOfVersion6IsToldWithoutBrackets) {
    Scene s;
    s.broker.peer_info.local_address = "[::1]:9093";
    const auto response = s.ask<MetadataResponse>(MetadataRequest{}, metadata_version);
    EXPECT_EQ(response.brokers.at(0).host, "::1");
    EXPECT_EQ(response.brokers.at(0).port, 9093);
}

TEST(KafkaMetadata, AskedForAllItShowsWhatTheUserMayReadOrWrite) {
    Scene s;
    for (const char* name : {"both", "read", "neither"}) s.broker.topics.add_topic(name);
    s.broker.topics.denied = {"write read", "read neither", "write neither"};
    const auto response = s.ask<MetadataResponse>(MetadataRequest{}, metadata_version);
    std::vector<std::string> names;
    for (const auto& topic : response.topics) names.emplace_back(*topic.name);
    EXPECT_THAT(names, ElementsAre("both", "read"));
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaMetadata, NoTopicsAreAllInVersion0AndNoneLater) {
    Scene s;
    s.broker.topics.add_topic("t");
    const MetadataRequest none{.topics = std::vector<MetadataRequest::Topic>{}};
    EXPECT_THAT(s.ask<MetadataResponse>(none, 0).topics, SizeIs(1));
    EXPECT_THAT(s.ask<MetadataResponse>(none, 1).topics, IsEmpty());
}

TEST(KafkaMetadata, AMissingTopicIsMadeAndShownOnceItIsThere) {
    Scene s({.partitions_default = 4});
    s.send(about("new"), metadata_version);
    const auto made = s.take_admin<broker::CreateTopic>();
    EXPECT_EQ(made.command.definition.name, "new");
    EXPECT_EQ(made.command.partition_count, 4u);
    EXPECT_TRUE(s.silent());
    s.broker.topics.add_topic("new", 4);
    s.give(broker::AdminReply{.request = made.request});
    const auto topic = s.response<MetadataResponse>(metadata_version).topics.at(0);
    EXPECT_EQ(topic.error_code, ApiError::none);
    EXPECT_THAT(topic.partitions, SizeIs(4));
}

TEST(KafkaMetadata, ATopicThatCannotBeMadeIsUnknown_3) {
    Scene s;
    s.send(about("new"), metadata_version);
    s.reply_admin(fail(ErrorCode::no_space, "too many queues"));
    EXPECT_EQ(s.response<MetadataResponse>(metadata_version).topics.at(0).error_code,
              ApiError::unknown_topic_or_partition);
}

TEST(KafkaMetadata, NothingIsMadeWhereClientOrOperatorDoesNotWantIt_3) {
    const auto error = [](Scene&& s, bool create) {
        const auto response = s.ask<MetadataResponse>(about("new", create), metadata_version);
        EXPECT_TRUE(s.broker.admin.empty());
        return response.topics.at(0).error_code;
    };
    EXPECT_EQ(error(Scene(), false), ApiError::unknown_topic_or_partition);
    EXPECT_EQ(error(Scene({.auto_create_topics = false}), true), ApiError::unknown_topic_or_partition);
}

TEST(KafkaMetadata, WhoMayNotConfigureMakesNoTopic_3) {
    Scene s;
    s.broker.topics.denied = {"configure new"};
    EXPECT_EQ(s.ask<MetadataResponse>(about("new"), metadata_version).topics.at(0).error_code,
              ApiError::unknown_topic_or_partition);
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaMetadata, ANameThatNoTopicMayHaveIsRefused_17) {
    const std::string too_long(250, 'x');
    for (const std::string_view name : {std::string_view(), std::string_view("."), std::string_view(".."),
                                        std::string_view("a b"), std::string_view(too_long)}) {
        Scene s;
        EXPECT_EQ(s.ask<MetadataResponse>(about(name), metadata_version).topics.at(0).error_code,
                  ApiError::invalid_topic_exception);
        EXPECT_TRUE(s.broker.admin.empty());
    }
}

TEST(KafkaMetadata, WhetherAHiddenTopicIsThereIsNotTold_29) {
    Scene s;
    s.broker.topics.add_topic("there");
    for (const char* name : {"there", "not"}) {
        s.broker.topics.denied.insert(std::string("read ") + name);
        s.broker.topics.denied.insert(std::string("write ") + name);
        EXPECT_EQ(s.ask<MetadataResponse>(about(name, false), metadata_version).topics.at(0).error_code,
                  ApiError::topic_authorization_failed);
    }
}

TEST(KafkaMetadata, TopicsAreFoundByTheirIds) {
    Scene s;
    const auto id = to_uuid(s.broker.topics.add_topic("t").id);
    const MetadataRequest request{.topics = std::vector<MetadataRequest::Topic>{{.topic_id = id, .name = std::nullopt},
                                                                                {.topic_id = {}, .name = std::nullopt},
                                                                                {.topic_id = id, .name = ""}}};
    const auto response = s.ask<MetadataResponse>(request, metadata_version);
    EXPECT_EQ(response.topics.at(0).name, "t");
    EXPECT_EQ(response.topics.at(1).error_code, ApiError::unknown_topic_id);
    EXPECT_EQ(response.topics.at(2).name, "t");
}

/// Metadata 13 of librdkafka 2.16 for all topics: its null takes four bytes.
TEST(KafkaMetadata, BytesThatLibrdkafkaLeavesBehindItsRequestForAllTopicsArePassedOver) {
    Scene s;
    s.broker.topics.add_topic("t", 1);
    const std::uint8_t asked[] = {0,   0,   0,   0x19, 0,   3,   0, 13, 0, 0, 0, 3, 0, 7, 'r',
                                  'd', 'k', 'a', 'f',  'k', 'a', 0, 0,  0, 0, 0, 1, 0, 0};
    s.send_bytes(asked);
    EXPECT_THAT(s.response<MetadataResponse>(13).topics, SizeIs(1));
}

TEST(KafkaDescribeTopicPartitions, ListsThatTheJavaClientReadsAreThereThoughEmpty) {
    Scene s;
    s.broker.topics.add_topic("t", 1);
    const auto response = s.ask<DescribeTopicPartitionsResponse>(DescribeTopicPartitionsRequest{}, 0);
    const auto& partition = response.topics.at(0).partitions.at(0);
    EXPECT_TRUE(partition.eligible_leader_replicas.has_value());
    EXPECT_TRUE(partition.last_known_elr.has_value());
}

TEST(KafkaDescribeTopicPartitions, ALimitLeavesACursorFromWhichItGoesOn) {
    Scene s;
    s.broker.topics.add_topic("a", 2);
    s.broker.topics.add_topic("b", 2);
    DescribeTopicPartitionsRequest request{.response_partition_limit = 3};
    const auto first = s.ask<DescribeTopicPartitionsResponse>(request, 0);
    ASSERT_TRUE(first.next_cursor.has_value());
    EXPECT_EQ(first.next_cursor->topic_name, "b");
    EXPECT_EQ(first.next_cursor->partition_index, 1);
    request.cursor = {"b", 1};
    const auto second = s.ask<DescribeTopicPartitionsResponse>(request, 0);
    ASSERT_THAT(second.topics, SizeIs(1));
    EXPECT_THAT(second.topics[0].partitions, SizeIs(1));
    EXPECT_FALSE(second.next_cursor.has_value());
}

TEST(KafkaDescribeCluster, AsksForControllersAreAtTheWrongAddress_114) {
    Scene s;
    EXPECT_EQ(s.ask<DescribeClusterResponse>(DescribeClusterRequest{.endpoint_type = 2}, 1).error_code,
              ApiError::mismatched_endpoint_type);
    EXPECT_THAT(s.ask<DescribeClusterResponse>(DescribeClusterRequest{}, 1).brokers, SizeIs(1));
}

TEST(KafkaFindCoordinator, TheBrokerCoordinatesGroupsThatTheUserMayRead) {
    Scene s;
    s.broker.topics.denied = {"read hidden"};
    const auto one = s.ask<FindCoordinatorResponse>(FindCoordinatorRequest{.key = "g"}, 3);
    EXPECT_EQ(one.port, 9092);
    const auto many =
        s.ask<FindCoordinatorResponse>(FindCoordinatorRequest{.coordinator_keys = {"g", "hidden", ""}}, 4);
    EXPECT_EQ(many.coordinators.at(0).error_code, ApiError::none);
    EXPECT_EQ(many.coordinators.at(1).error_code, ApiError::group_authorization_failed);
    EXPECT_EQ(many.coordinators.at(2).error_code, ApiError::invalid_group_id);
    EXPECT_EQ(s.ask<FindCoordinatorResponse>(FindCoordinatorRequest{.key = "x", .key_type = 2}, 3).error_code,
              ApiError::invalid_request);
}

// ---------------------------------------------------------------------------------------------------------- made topics

constexpr std::int16_t create_version = 7;

CreateTopicsRequest::Topic topic(std::string_view name, std::int32_t partitions = 1, std::int16_t replicas = 1) {
    return {.name = name, .num_partitions = partitions, .replication_factor = replicas};
}
ApiError error_of(Scene& s, const CreateTopicsRequest::Topic& wanted) {
    const auto response = s.ask<CreateTopicsResponse>(CreateTopicsRequest{{wanted}}, create_version);
    EXPECT_TRUE(s.broker.admin.empty());
    EXPECT_TRUE(response.topics.at(0).error_message.has_value());
    return response.topics.at(0).error_code;
}

TEST(KafkaCreateTopics, ATopicIsMadeWithItsSettings) {
    Scene s;
    auto wanted = topic("t", 3);
    wanted.configs = {{"retention.ms", "1000"}, {"cleanup.policy", std::nullopt}};
    s.send(CreateTopicsRequest{{wanted}}, create_version);
    const auto made = s.take_admin<broker::CreateTopic>();
    EXPECT_EQ(made.command.partition_count, 3u);
    EXPECT_EQ(made.command.definition.options.retention_ms, 1000);
    EXPECT_THAT(made.command.definition.settings, SizeIs(1));
    EXPECT_FALSE(made.command.only_check);
    s.give(broker::AdminReply{.request = made.request, .topic = TopicId(9)});
    const auto answer = s.response<CreateTopicsResponse>(create_version).topics.at(0);
    EXPECT_EQ(answer.error_code, ApiError::none);
    EXPECT_EQ(answer.topic_id, to_uuid(TopicId(9)));
    EXPECT_EQ(answer.num_partitions, 3);
    const auto at = std::ranges::find(*answer.configs, "retention.ms", &CreateTopicsResponse::Config::name);
    EXPECT_EQ(at->value, "1000");
}

TEST(KafkaCreateTopics, ACheckAloneMakesNothing) {
    Scene s;
    s.send(CreateTopicsRequest{.topics = {topic("t")}, .validate_only = true}, create_version);
    EXPECT_TRUE(s.take_admin<broker::CreateTopic>().command.only_check);
}

TEST(KafkaCreateTopics, WithoutANumberItGetsTheDefaultPartitions) {
    Scene s({.partitions_default = 5});
    s.send(CreateTopicsRequest{{topic("t", -1, -1)}}, create_version);
    EXPECT_EQ(s.take_admin<broker::CreateTopic>().command.partition_count, 5u);
}

TEST(KafkaCreateTopics, WhatMakesNoSenseIsRefusedUnasked) {
    Scene s;
    s.broker.topics.add_topic("there");
    s.broker.topics.denied = {"configure denied"};
    EXPECT_EQ(error_of(s, topic("a/b")), ApiError::invalid_topic_exception);
    EXPECT_EQ(error_of(s, topic("there")), ApiError::topic_already_exists);
    EXPECT_EQ(error_of(s, topic("denied")), ApiError::topic_authorization_failed);
    EXPECT_EQ(error_of(s, topic("t", 0)), ApiError::invalid_partitions);
    EXPECT_EQ(error_of(s, topic("t", -2)), ApiError::invalid_partitions);
    EXPECT_EQ(error_of(s, topic("t", 1, 3)), ApiError::invalid_replication_factor);
    EXPECT_EQ(error_of(s, topic("t", 1, 0)), ApiError::invalid_replication_factor);
    auto unknown = topic("t");
    unknown.configs = {{"no.such.setting", "1"}};
    EXPECT_EQ(error_of(s, unknown), ApiError::invalid_config);
    auto wrong = topic("t");
    wrong.configs = {{"retention.ms", "soon"}};
    EXPECT_EQ(error_of(s, wrong), ApiError::invalid_config);
}

TEST(KafkaCreateTopics, ATopicNamedTwiceIsRefusedBothTimes_42) {
    Scene s;
    const auto response = s.ask<CreateTopicsResponse>(CreateTopicsRequest{{topic("t"), topic("t")}}, create_version);
    EXPECT_EQ(response.topics.at(0).error_code, ApiError::invalid_request);
    EXPECT_EQ(response.topics.at(1).error_code, ApiError::invalid_request);
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaCreateTopics, AssignmentsMustNameThisBrokerAndEveryPartitionOnce_39) {
    const std::vector<std::vector<CreateTopicsRequest::Assignment>> wrong = {
        {{0, {2}}}, {{0, {1, 2}}}, {{1, {1}}}, {{0, {1}}, {0, {1}}}, {{-1, {1}}}};
    for (const auto& assignments : wrong) {
        Scene s;
        auto wanted = topic("t", -1, -1);
        wanted.assignments = assignments;
        EXPECT_EQ(error_of(s, wanted), ApiError::invalid_replica_assignment);
    }
    Scene s;
    auto wanted = topic("t", -1, -1);
    wanted.assignments = {{1, {1}}, {0, {1}}};
    s.send(CreateTopicsRequest{{wanted}}, create_version);
    EXPECT_EQ(s.take_admin<broker::CreateTopic>().command.partition_count, 2u);
}

TEST(KafkaCreateTopics, TheControllersRefusalsAreToldInKafkasWords) {
    const std::pair<ErrorCode, ApiError> table[] = {{ErrorCode::already_exists, ApiError::topic_already_exists},
                                                    {ErrorCode::precondition_failed, ApiError::invalid_partitions},
                                                    {ErrorCode::no_space, ApiError::policy_violation}};
    for (const auto& [code, error] : table) {
        Scene s;
        s.send(CreateTopicsRequest{{topic("t")}}, create_version);
        s.reply_admin(fail(code, "the reason"));
        const auto answer = s.response<CreateTopicsResponse>(create_version).topics.at(0);
        EXPECT_EQ(answer.error_code, error);
        EXPECT_EQ(answer.error_message, "the reason");
    }
}

TEST(KafkaDeleteTopics, ByNameAndById) {
    Scene s;
    const auto id = s.broker.topics.add_topic("t").id;
    s.send(DeleteTopicsRequest{.topic_names = {"t"}}, 5);
    const auto by_name = s.take_admin<broker::DeleteTopic>();
    EXPECT_EQ(by_name.command.topic, id);
    s.give(broker::AdminReply{.request = by_name.request});
    EXPECT_EQ(s.response<DeleteTopicsResponse>(5).responses.at(0).error_code, ApiError::none);
    s.send(DeleteTopicsRequest{.topics = {{.topic_id = to_uuid(id)}}}, 6);
    s.broker.topics.remove_topic("t");
    s.reply_admin();
    const auto by_id = s.response<DeleteTopicsResponse>(6).responses.at(0);
    EXPECT_EQ(by_id.error_code, ApiError::none);
    EXPECT_EQ(by_id.name, "t");
}

TEST(KafkaDeleteTopics, UnknownAndForbiddenOnesAreRefused) {
    Scene s;
    s.broker.topics.add_topic("denied");
    s.broker.topics.denied = {"configure denied"};
    const auto response = s.ask<DeleteTopicsResponse>(
        DeleteTopicsRequest{.topics = {{.name = "no"}, {.topic_id = to_uuid(TopicId(77))}, {.name = "denied"}}}, 6);
    EXPECT_EQ(response.responses.at(0).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(response.responses.at(1).error_code, ApiError::unknown_topic_id);
    EXPECT_EQ(response.responses.at(2).error_code, ApiError::topic_authorization_failed);
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaCreatePartitions, AreAddedUpToTheNumber) {
    Scene s;
    const auto id = s.broker.topics.add_topic("t").id;
    s.broker.topics.add_topic("denied");
    s.broker.topics.denied = {"configure denied"};
    s.send(CreatePartitionsRequest{.topics = {{"t", 5, {}}, {"no", 5, {}}, {"denied", 5, {}}, {"t", -1, {}}}}, 3);
    const auto add = s.take_admin<broker::AddPartitions>();
    EXPECT_EQ(add.command.topic, id);
    EXPECT_EQ(add.command.partition_count, 5u);
    s.give(broker::AdminReply{.request = add.request, .outcome = fail(ErrorCode::precondition_failed, "fewer")});
    const auto results = s.response<CreatePartitionsResponse>(3).results;
    EXPECT_EQ(results.at(0).error_code, ApiError::invalid_partitions);
    EXPECT_EQ(results.at(0).error_message, "fewer");
    EXPECT_EQ(results.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(results.at(2).error_code, ApiError::topic_authorization_failed);
    EXPECT_EQ(results.at(3).error_code, ApiError::invalid_partitions);
}

}  // namespace
}  // namespace fantail::kafka
