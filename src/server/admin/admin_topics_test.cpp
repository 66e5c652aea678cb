// SPDX-License-Identifier: Apache-2.0
//! /api/topics and /api/groups.
#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

class AdminTopics : public Admin {
protected:
    AdminTopics() {
        broker::TopicDefinition topic;
        topic.id = TopicId(9);
        topic.vhost = VhostId(1);
        topic.name = "orders";
        topic.settings = {{"retention.ms", "1000"}};
        topic.partitions = {QueueId(70), QueueId(71)};
        apply(broker::TopicPut(topic));
    }
    /// The answer to the last question to a shard.
    Answer give(broker::Event event) {
        host_.sent.clear();
        session_.on_event(event);
        return parse(std::string(as_text(host_.sent)));
    }
    Answer give_log(std::uint64_t start, std::uint64_t end) {
        broker::LogDescribed log;
        log.request = host_.last_request;
        log.start = Offset(start);
        log.high_watermark = Offset(end);
        return give(log);
    }
    Answer give_group(broker::GroupAnswer answer) {
        return give(
            broker::GroupAnswered{host_.last_request, std::make_unique<broker::GroupAnswer>(std::move(answer))});
    }
};

TEST_F(AdminTopics, AreListedWithTheirSettings) {
    const auto answer = ask("GET", "/api/topics");
    EXPECT_EQ(answer.status, 200);
    const json::object& topic = answer.body.as_array().at(0).as_object();
    EXPECT_EQ(topic.at("name"), "orders");
    EXPECT_EQ(topic.at("partitions"), 2);
    EXPECT_EQ(topic.at("settings").at("retention.ms"), "1000");
}

TEST_F(AdminTopics, EachPartitionTellsItsOffsets) {
    ask("GET", "/api/topics/%2F/orders");
    give_log(5, 8);
    const auto answer = give_log(0, 0);
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.at("logs").at(0).at("records"), 3);
    EXPECT_EQ(answer.body.at("logs").at(1).at("end"), 0);
}

TEST_F(AdminTopics, ANewOneIsMade) {
    ask("PUT", "/api/topics/%2F/new", R"({"partitions": 3, "settings": {"retention.ms": 60000}})");
    const auto& made = command<broker::CreateTopic>();
    EXPECT_EQ(made.partition_count, 3u);
    EXPECT_EQ(made.definition.settings.at(0).second, "60000");
    EXPECT_EQ(made.definition.options.retention_ms, 60000);
    EXPECT_EQ(reply().status, 201);
}

TEST_F(AdminTopics, WrongSettingsAndNamesAreRefused) {
    EXPECT_EQ(ask("PUT", "/api/topics/%2F/new", R"({"settings": {"retention.ms": "soon"}})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/topics/%2F/new", R"({"partitions": 0})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/topics/%2F/a%20b", "{}").status, 400);
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(AdminTopics, PartitionsAreAddedAndThenSettingsReplaced) {
    ask("PUT", "/api/topics/%2F/orders", R"({"partitions": 4, "settings": {}})");
    EXPECT_EQ(command<broker::AddPartitions>().partition_count, 4u);
    reply();
    ASSERT_EQ(host_.commands.size(), 2u);
    EXPECT_TRUE(std::get<broker::AlterTopic>(host_.commands.back()).settings.empty());
    EXPECT_EQ(reply().status, 204);
}

TEST_F(AdminTopics, PartitionsCannotBecomeFewer) {
    EXPECT_NE(ask("PUT", "/api/topics/%2F/orders", R"({"partitions": 1})").status, 204);
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(AdminTopics, AGroupTellsHowFarItIsBehind) {
    ask("GET", "/api/groups/billing");
    give_group(broker::GroupDescribed{.state = broker::GroupState::empty});
    give_group(broker::OffsetsFetched{.offsets = {{.log = QueueId(71), .offset = Offset(4)}, {.log = QueueId(5)}}});
    const auto answer = give_log(0, 10);
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.at("state"), "empty");
    ASSERT_EQ(answer.body.at("offsets").as_array().size(), 1u);
    EXPECT_EQ(answer.body.at("offsets").at(0).at("partition"), 1);
    EXPECT_EQ(answer.body.at("offsets").at(0).at("lag"), 6);
}

TEST_F(AdminTopics, AGroupThatIsNotThereIsNotFound) {
    ask("GET", "/api/groups/none");
    give_group(broker::GroupDescribed{.outcome = broker::GroupOutcome::not_found});
    EXPECT_EQ(give_group(broker::AssignedDescribed{.outcome = broker::GroupOutcome::not_found}).status, 404);
}

TEST_F(AdminTopics, AGroupThatAssignsTellsItsEpochsAndWhatEachMemberHas) {
    ask("GET", "/api/groups/billing");
    give_group(broker::GroupDescribed{.outcome = broker::GroupOutcome::not_found});
    broker::AssignedDescribed group{.state = broker::GroupState::reconciling, .epoch = 4, .assignment_epoch = 4};
    auto& member = group.members.emplace_back();
    member.member = "m";
    member.epoch = 3;
    member.partitions = {{TopicId(1), 0}};
    member.target = {{TopicId(1), 0}, {TopicId(1), 1}};
    give_group(std::move(group));
    const auto answer = give_group(broker::OffsetsFetched{});
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.at("type"), "consumer");
    EXPECT_EQ(answer.body.at("state"), "reconciling");
    EXPECT_EQ(answer.body.at("epoch"), 4);
    EXPECT_EQ(answer.body.at("assignor"), "uniform");
    EXPECT_EQ(answer.body.at("members").at(0).at("epoch"), 3);
    EXPECT_EQ(answer.body.at("members").at(0).at("partitions"), 1);
    EXPECT_EQ(answer.body.at("members").at(0).at("partitions_wanted"), 2);
}

TEST_F(AdminTopics, OffsetsAreMovedToWhereEachPartitionStarts) {
    ask("PUT", "/api/groups/billing/offsets", R"({"topic": "orders", "to": "start"})");
    give(broker::OffsetFound{.request = host_.last_request, .offset = Offset(5)});
    give(broker::OffsetFound{.request = host_.last_request, .offset = Offset(2)});
    const auto& asked = std::get<broker::GroupCommand>(host_.shard_commands.back());
    const auto& commit = std::get<broker::CommitOffsets>(*asked.action);
    ASSERT_EQ(commit.offsets.size(), 2u);
    EXPECT_EQ(commit.offsets[1].offset, Offset(2));
    EXPECT_EQ(give_group(broker::OffsetsCommitted{}).body.at("moved"), 2);
}

TEST_F(AdminTopics, OffsetsOfAGroupWithMembersStay) {
    ask("PUT", "/api/groups/billing/offsets", R"({"topic": "orders", "partition": 1, "to": 7})");
    give(broker::OffsetFound{.request = host_.last_request, .offset = Offset(0)});
    EXPECT_EQ(give_group(broker::OffsetsCommitted{.outcome = broker::GroupOutcome::unknown_member}).status, 400);
}

}  // namespace
}  // namespace fantail::server
