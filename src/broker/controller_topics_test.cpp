// SPDX-License-Identifier: Apache-2.0
//! The controller: topics and their partitions.
#include "broker/controller_test_support.hpp"

namespace fantail::broker::testing {
namespace {

class ControllerTopicsTest : public ControllerTest {
protected:
    CreateTopic create(const std::string& name, std::uint32_t partitions = 3) const {
        CreateTopic command;
        command.definition.vhost = root;
        command.definition.name = name;
        command.definition.options.retention_ms = 1000;
        command.definition.settings = {{"retention.ms", "1000"}};
        command.partition_count = partitions;
        return command;
    }
    TopicId made(const std::string& name, std::uint32_t partitions = 3) {
        return ask(alice, create(name, partitions)).topic;
    }
};

TEST_F(ControllerTopicsTest, ATopicHasAQueueAPartitionInDifferentShards) {
    const TopicId id = made("orders");
    const TopicDefinition* topic = catalog.topic(root, "orders");
    ASSERT_NE(topic, nullptr);
    EXPECT_EQ(topic, catalog.topic(id));
    ASSERT_EQ(topic->partitions.size(), 3u);
    std::set<ShardId> shards;
    for (std::size_t i = 0; i < 3; ++i) {
        const QueueDefinition* partition = catalog.queue(root, "orders-" + std::to_string(i));
        ASSERT_NE(partition, nullptr);
        EXPECT_EQ(partition->id, topic->partitions[i]);
        EXPECT_EQ(partition->kind, QueueKind::stream);
        EXPECT_EQ(partition->topic, id);
        EXPECT_EQ(partition->options->retention_ms, 1000);
        shards.insert(shard_of(partition->id));
    }
    EXPECT_EQ(shards.size(), 3u);
}

TEST_F(ControllerTopicsTest, ATopicOrAQueueOfItsPartitionsNameMustNotExist) {
    (void)made("orders");
    (void)refused(alice, create("orders"), ErrorCode::already_exists);
    ask(alice, queue("audit-1"));
    (void)refused(alice, create("audit", 2), ErrorCode::already_exists);
    EXPECT_TRUE(ask(alice, create("audit", 1)).outcome.has_value());
    (void)refused(alice, create("none", 0), ErrorCode::precondition_failed);
    (void)refused(alice, create(std::string(250, 'x')), ErrorCode::malformed);
}

TEST_F(ControllerTopicsTest, ACheckMakesNothing) {
    CreateTopic command = create("orders");
    command.only_check = true;
    EXPECT_TRUE(ask(alice, command).outcome.has_value());
    EXPECT_EQ(catalog.topic(root, "orders"), nullptr);
}

TEST_F(ControllerTopicsTest, DeletingATopicRemovesItsPartitions) {
    const TopicId id = made("orders");
    EXPECT_TRUE(ask(alice, DeleteTopic{id}).outcome.has_value());
    EXPECT_EQ(catalog.topic(id), nullptr);
    EXPECT_EQ(catalog.queue(root, "orders-0"), nullptr);
    (void)refused(alice, DeleteTopic{id}, ErrorCode::not_found);
    EXPECT_NE(made("orders"), id);
}

TEST_F(ControllerTopicsTest, APartitionIsNotDeletedAlone) {
    (void)made("orders");
    (void)refused(alice, DeleteQueue{root, "orders-0"}, ErrorCode::precondition_failed);
}

TEST_F(ControllerTopicsTest, PartitionsAreOnlyAdded) {
    const TopicId id = made("orders", 2);
    const std::vector<QueueId> before = catalog.topic(id)->partitions;
    EXPECT_TRUE(ask(alice, AddPartitions{id, 4}).outcome.has_value());
    const std::vector<QueueId>& after = catalog.topic(id)->partitions;
    ASSERT_EQ(after.size(), 4u);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
    EXPECT_NE(catalog.queue(root, "orders-3"), nullptr);
    (void)refused(alice, AddPartitions{id, 4}, ErrorCode::precondition_failed);
}

TEST_F(ControllerTopicsTest, AlteredOptionsReachEveryPartition) {
    const TopicId id = made("orders");
    QueueOptions options;
    options.retention_ms = 5;
    options.log.compact = true;
    EXPECT_TRUE(ask(alice, AlterTopic{id, options, {{"retention.ms", "5"}}}).outcome.has_value());
    EXPECT_EQ(catalog.queue(root, "orders-2")->options->retention_ms, 5);
    EXPECT_TRUE(catalog.queue(root, "orders-2")->options->log.compact);
    EXPECT_EQ(catalog.topic(id)->settings.at(0).second, "5");
}

TEST_F(ControllerTopicsTest, ReplicasAndSnapshotsHaveTopics) {
    const TopicId id = made("orders");
    ask(alice, queue("plain"));
    Catalog replica;
    replica.copy(catalog);
    Catalog restored;
    ASSERT_TRUE(restored.restore(catalog.snapshot()).has_value());
    for (const Catalog* each : {&replica, &restored}) {
        ASSERT_NE(each->topic(id), nullptr);
        EXPECT_EQ(each->topic(id)->partitions, catalog.topic(id)->partitions);
        EXPECT_EQ(each->topic(id)->settings, catalog.topic(id)->settings);
        EXPECT_EQ(each->queue(root, "orders-1")->topic, id);
        EXPECT_EQ(each->queue_count(), 4u);
    }
}

TEST_F(ControllerTopicsTest, DeletingTheVhostRemovesItsTopics) {
    const TopicId id = made("orders");
    EXPECT_TRUE(ask(alice, RemoveVhost{"/"}).outcome.has_value());
    EXPECT_EQ(catalog.topic(id), nullptr);
    EXPECT_EQ(catalog.queue_count(), 0u);
}

}  // namespace
}  // namespace fantail::broker::testing
