// SPDX-License-Identifier: Apache-2.0
//! Groups and their offsets as clients of each version see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using broker::GroupOutcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A group whose name is in the second shard, so that a question to the wrong one is seen.
std::string group_in(std::uint16_t shard) {
    for (int i = 0;; ++i) {
        std::string name = "g" + std::to_string(i);
        if (broker::shard_of_group(name, scene_shards) == ShardId(shard)) return name;
    }
}

// ------------------------------------------------------------------------------------------------------------- members

constexpr JoinGroupRequest join_of(std::string_view group) {
    return {.group_id = group, .session_timeout_ms = 10'000, .rebalance_timeout_ms = 60'000, .protocol_type = "x"};
}

TEST(KafkaJoinGroup, IsAskedOfTheGroupsShardWithWhatTheMemberSays) {
    for (std::uint16_t shard = 0; shard < scene_shards; ++shard) {
        Scene s;
        const std::string group = group_in(shard);
        auto request = join_of(group);
        request.protocols = {{"range", as_bytes("metadata")}};
        s.send(request, 9);
        const auto join = s.take_group<broker::JoinGroup>();
        EXPECT_EQ(join.shard, ShardId(shard));
        EXPECT_EQ(join.command.client_id, "client");
        EXPECT_EQ(join.command.client_host, "/127.0.0.1");
        EXPECT_EQ(join.command.rebalance_timeout_ms, 60'000);
        ASSERT_THAT(join.command.protocols, SizeIs(1));
        EXPECT_EQ(as_text(join.command.protocols[0].metadata), "metadata");
    }
}

TEST(KafkaJoinGroup, WhatAClientUnderstandsFollowsFromItsVersion) {
    const auto join = [](std::int16_t version) {
        Scene s;
        s.send(join_of("g"), version);
        return s.take_group<broker::JoinGroup>().command;
    };
    EXPECT_EQ(join(0).rebalance_timeout_ms, 10'000);
    EXPECT_FALSE(join(3).may_require_member_id);
    EXPECT_TRUE(join(4).may_require_member_id);
    EXPECT_FALSE(join(8).may_skip_assignment);
    EXPECT_TRUE(join(9).may_skip_assignment);
}

TEST(KafkaJoinGroup, TheLeaderLearnsOfTheMembers) {
    Scene s;
    s.send(join_of("g"), 9);
    broker::GroupJoined joined{.generation = 3, .protocol_type = "consumer", .protocol = "range", .leader = "m1"};
    joined.member = "m1";
    joined.members = {{"m1", std::nullopt, to_bytes(as_bytes("one"))}, {"m2", "i", to_bytes(as_bytes("two"))}};
    s.answer_group<broker::JoinGroup>(joined);
    const auto response = s.response<JoinGroupResponse>(9);
    EXPECT_EQ(response.generation_id, 3);
    EXPECT_EQ(response.protocol_name, "range");
    ASSERT_THAT(response.members, SizeIs(2));
    EXPECT_EQ(response.members[1].group_instance_id, "i");
    EXPECT_EQ(as_text(response.members[1].metadata), "two");
}

TEST(KafkaJoinGroup, ARefusalNamesNoProtocolAsItsVersionWritesIt) {
    for (const std::int16_t version : {6, 7}) {
        Scene s;
        s.send(join_of("g"), version);
        s.answer_group<broker::JoinGroup>(
            broker::GroupJoined{.outcome = GroupOutcome::member_id_required, .member = "m-1"});
        const auto response = s.response<JoinGroupResponse>(version);
        EXPECT_EQ(response.error_code, ApiError::member_id_required);
        EXPECT_EQ(response.member_id, "m-1");
        EXPECT_EQ(response.protocol_name.has_value(), version < 7);
    }
}

TEST(KafkaGroups, NamelessAndForbiddenGroupsAreRefusedUnasked) {
    Scene s;
    s.broker.topics.denied = {"read hidden"};
    const std::pair<std::string_view, ApiError> table[] = {{"", ApiError::invalid_group_id},
                                                           {"hidden", ApiError::group_authorization_failed}};
    for (const auto& [group, error] : table) {
        EXPECT_EQ(s.ask<JoinGroupResponse>(join_of(group), 9).error_code, error);
        EXPECT_EQ(s.ask<SyncGroupResponse>(SyncGroupRequest{.group_id = group}, 5).error_code, error);
        EXPECT_EQ(s.ask<HeartbeatResponse>(HeartbeatRequest{.group_id = group}, 4).error_code, error);
        EXPECT_EQ(s.ask<LeaveGroupResponse>(LeaveGroupRequest{.group_id = group}, 5).error_code, error);
    }
    EXPECT_TRUE(s.broker.sent.empty());
}

TEST(KafkaSyncGroup, AssignmentsGoInAndTheMembersOwnComesOut) {
    Scene s;
    s.send(SyncGroupRequest{.group_id = "g",
                            .generation_id = 2,
                            .member_id = "m",
                            .assignments = {{"m", as_bytes("mine")}, {"n", as_bytes("theirs")}}},
           5);
    auto sync = s.take_group<broker::SyncGroup>();
    EXPECT_EQ(sync.command.generation, 2);
    ASSERT_THAT(sync.command.assignments, SizeIs(2));
    s.give(broker::GroupAnswered{sync.request, std::make_unique<broker::GroupAnswer>(
                                                   broker::GroupSynced{.assignment = to_bytes(as_bytes("mine"))})});
    EXPECT_EQ(as_text(s.response<SyncGroupResponse>(5).assignment), "mine");
}

TEST(KafkaHeartbeat, TheGroupsOutcomesAreTheProtocolsErrors) {
    const std::pair<GroupOutcome, ApiError> table[] = {
        {GroupOutcome::ok, ApiError::none},
        {GroupOutcome::unknown_member, ApiError::unknown_member_id},
        {GroupOutcome::illegal_generation, ApiError::illegal_generation},
        {GroupOutcome::rebalance_in_progress, ApiError::rebalance_in_progress},
        {GroupOutcome::fenced_instance, ApiError::fenced_instance_id}};
    for (const auto& [outcome, error] : table) {
        Scene s;
        s.send(HeartbeatRequest{.group_id = "g", .generation_id = 1, .member_id = "m"}, 4);
        s.answer_group<broker::GroupHeartbeat>(broker::GroupDone{outcome});
        EXPECT_EQ(s.response<HeartbeatResponse>(4).error_code, error);
    }
}

TEST(KafkaLeaveGroup, OneMemberUpToVersion2AndSeveralLater) {
    Scene s;
    s.send(LeaveGroupRequest{.group_id = "g", .member_id = "m"}, 2);
    s.answer_group<broker::LeaveGroup>(broker::GroupLeft{.members = {GroupOutcome::unknown_member}});
    EXPECT_EQ(s.response<LeaveGroupResponse>(2).error_code, ApiError::unknown_member_id);
    s.send(LeaveGroupRequest{.group_id = "g", .members = {{.member_id = "a"}, {.member_id = "b"}}}, 4);
    s.answer_group<broker::LeaveGroup>(broker::GroupLeft{.members = {GroupOutcome::ok, GroupOutcome::unknown_member}});
    const auto response = s.response<LeaveGroupResponse>(4);
    EXPECT_EQ(response.error_code, ApiError::none);
    EXPECT_EQ(response.members.at(0).error_code, ApiError::none);
    EXPECT_EQ(response.members.at(1).error_code, ApiError::unknown_member_id);
}

TEST(KafkaDescribeGroups, AnUnknownGroupIsDeadUpToVersion5AndAnErrorLater_69) {
    for (const std::int16_t version : {5, 6}) {
        Scene s;
        s.send(DescribeGroupsRequest{{"g"}, false}, version);
        s.answer_group<broker::DescribeGroup>(broker::GroupDescribed{.outcome = GroupOutcome::not_found});
        const auto group = s.response<DescribeGroupsResponse>(version).groups.at(0);
        EXPECT_EQ(group.error_code, version < 6 ? ApiError::none : ApiError::group_id_not_found);
        EXPECT_EQ(group.group_state, "Dead");
    }
}

TEST(KafkaDescribeGroups, AreAskedOneByOneAndAnsweredInTheOrderAsked) {
    Scene s;
    s.broker.topics.denied = {"read hidden"};
    s.send(DescribeGroupsRequest{{"a", "hidden", "b"}, false}, 5);
    auto first = s.take_group<broker::DescribeGroup>();
    s.answer_group<broker::DescribeGroup>(broker::GroupDescribed{.state = broker::GroupState::stable});
    s.give(broker::GroupAnswered{first.request, std::make_unique<broker::GroupAnswer>(
                                                    broker::GroupDescribed{.state = broker::GroupState::empty})});
    const auto groups = s.response<DescribeGroupsResponse>(5).groups;
    EXPECT_EQ(groups.at(0).group_state, "Empty");
    EXPECT_EQ(groups.at(1).error_code, ApiError::group_authorization_failed);
    EXPECT_EQ(groups.at(2).group_state, "Stable");
}

TEST(KafkaListGroups, OfAllShardsAreFilteredByStateTypeAndPermission) {
    Scene s;
    s.broker.topics.denied = {"read hidden"};
    const auto list = [&](const ListGroupsRequest& request) {
        s.send(request, 5);
        for (std::uint16_t i = 0; i < scene_shards; ++i) {
            const auto asked = s.take<broker::ListGroups>();
            EXPECT_EQ(asked.shard, ShardId(i));
            broker::GroupsListed listed;
            if (i == 0) listed.groups = {{"a", "consumer", broker::GroupState::stable}};
            else listed.groups = {{"b", "consumer", broker::GroupState::empty}, {"hidden", "", {}}};
            s.give(broker::GroupAnswered{asked.request, std::make_unique<broker::GroupAnswer>(std::move(listed))});
        }
        std::vector<std::string> names;
        for (const auto& group : s.response<ListGroupsResponse>(5).groups) names.emplace_back(group.group_id);
        return names;
    };
    EXPECT_THAT(list({}), ElementsAre("a", "b"));
    EXPECT_THAT(list({.states_filter = {"stable"}}), ElementsAre("a"));
    EXPECT_THAT(list({.types_filter = {"Classic"}}), ElementsAre("a", "b"));
    EXPECT_THAT(list({.types_filter = {"share"}}), IsEmpty());
}

TEST(KafkaDeleteGroups, GroupsWithMembersStay_68) {
    Scene s;
    s.broker.topics.denied = {"configure denied"};
    s.send(DeleteGroupsRequest{{"g", "denied"}}, 2);
    s.answer_group<broker::DeleteGroup>(broker::GroupDone{GroupOutcome::not_empty});
    const auto results = s.response<DeleteGroupsResponse>(2).results;
    EXPECT_EQ(results.at(0).error_code, ApiError::non_empty_group);
    EXPECT_EQ(results.at(1).error_code, ApiError::group_authorization_failed);
}

// ------------------------------------------------------------------------------------------- groups that assign (KIP-848)

ConsumerGroupHeartbeatRequest joining_beat() {
    return {.group_id = "g",
            .member_id = "m",
            .member_epoch = 0,
            .rebalance_timeout_ms = 60'000,
            .subscribed_topic_names = std::vector<std::string_view>{"t"},
            .topic_partitions = std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions>{}};
}

TEST(KafkaConsumerGroupHeartbeat, SaysAllThatTheMemberSays) {
    Scene s;
    const Uuid topic = to_uuid(s.broker.topics.add_topic("t", 3).id);
    auto request = joining_beat();
    request.member_epoch = 4;
    request.instance_id = "i";
    request.rack_id = "r";
    request.subscribed_topic_regex = "t.*";
    request.server_assignor = "range";
    request.topic_partitions = {{topic, {2, 0, 2}}};
    s.send(request, 1);
    const auto beat = s.take_group<broker::AssignedHeartbeat>().command;
    EXPECT_EQ(beat.member, "m");
    EXPECT_EQ(beat.epoch, 4);
    EXPECT_EQ(beat.instance, "i");
    EXPECT_EQ(beat.rack, "r");
    EXPECT_EQ(beat.client_host, "/127.0.0.1");
    EXPECT_EQ(beat.user, "guest");
    EXPECT_EQ(beat.rebalance_timeout_ms, 60'000);
    EXPECT_THAT(beat.topics.value(), ElementsAre("t"));
    EXPECT_EQ(beat.pattern, "t.*");
    EXPECT_EQ(beat.assignor, broker::Assignor::range);
    const TopicId id = to_topic_id(topic);
    EXPECT_THAT(beat.owned.value(), ElementsAre(broker::TopicPartition{id, 0}, broker::TopicPartition{id, 2}));
}

TEST(KafkaConsumerGroupHeartbeat, WhatIsNotSaidHasNotChanged) {
    Scene s;
    s.send(ConsumerGroupHeartbeatRequest{.group_id = "g", .member_id = "m", .member_epoch = 3}, 1);
    const auto beat = s.take_group<broker::AssignedHeartbeat>().command;
    EXPECT_EQ(beat.rebalance_timeout_ms, std::nullopt);
    EXPECT_EQ(beat.topics, std::nullopt);
    EXPECT_EQ(beat.pattern, std::nullopt);
    EXPECT_EQ(beat.assignor, std::nullopt);
    EXPECT_EQ(beat.owned, std::nullopt);
}

TEST(KafkaConsumerGroupHeartbeat, AnAssignmentIsToldByTopicIds) {
    Scene s;
    s.send(joining_beat(), 1);
    broker::AssignedHeard heard{.member = "m", .epoch = 2, .heartbeat_ms = 5'000};
    heard.partitions = broker::Partitions{{TopicId(1), 0}, {TopicId(1), 2}, {TopicId(7), 1}};
    s.answer_group<broker::AssignedHeartbeat>(std::move(heard));
    const auto response = s.response<ConsumerGroupHeartbeatResponse>(1);
    EXPECT_EQ(response.error_code, ApiError::none);
    EXPECT_EQ(response.member_id, "m");
    EXPECT_EQ(response.member_epoch, 2);
    EXPECT_EQ(response.heartbeat_interval_ms, 5'000);
    const auto& topics = response.assignment.value().topic_partitions;
    ASSERT_THAT(topics, SizeIs(2));
    EXPECT_EQ(topics[0].topic_id, to_uuid(TopicId(1)));
    EXPECT_THAT(topics[0].partitions, ElementsAre(0, 2));
    EXPECT_THAT(topics[1].partitions, ElementsAre(1));

    s.send(joining_beat(), 1);
    s.answer_group<broker::AssignedHeartbeat>(broker::AssignedHeard{.member = "m", .epoch = 2});
    EXPECT_FALSE(s.response<ConsumerGroupHeartbeatResponse>(1).assignment.has_value());
}

TEST(KafkaConsumerGroupHeartbeat, SenselessRequestsAreRefusedUnasked_42_112) {
    const auto error = [](auto change, std::int16_t version = 1) {
        Scene s;
        auto request = joining_beat();
        change(request);
        const auto response = s.ask<ConsumerGroupHeartbeatResponse>(request, version);
        EXPECT_TRUE(s.broker.sent.empty());
        EXPECT_TRUE(response.error_message.has_value());
        return response.error_code;
    };
    EXPECT_EQ(error([](auto& r) { r.member_id = ""; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.group_id = ""; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.instance_id = ""; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.rack_id = ""; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.member_epoch = -3; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.member_epoch = -2; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.rebalance_timeout_ms = -1; }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.topic_partitions.reset(); }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.topic_partitions->push_back({}); }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.subscribed_topic_names.reset(); }), ApiError::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.server_assignor = "sticky"; }), ApiError::unsupported_assignor);
    Scene s;
    auto nameless = joining_beat();
    nameless.member_id = "";
    s.send(nameless, 0);
    EXPECT_EQ(s.take_group<broker::AssignedHeartbeat>().command.member, "") << "version 0 is given an id";
}

TEST(KafkaConsumerGroupHeartbeat, NeedsPermissionForGroupAndTopics_29_30) {
    Scene s;
    s.broker.topics.denied = {"read t"};
    EXPECT_EQ(s.ask<ConsumerGroupHeartbeatResponse>(joining_beat(), 1).error_code,
              ApiError::topic_authorization_failed);
    s.broker.topics.denied = {"read g"};
    EXPECT_EQ(s.ask<ConsumerGroupHeartbeatResponse>(joining_beat(), 1).error_code,
              ApiError::group_authorization_failed);
}

TEST(KafkaConsumerGroupHeartbeat, TheGroupsOutcomesAreTheProtocolsErrors) {
    const std::pair<GroupOutcome, ApiError> table[] = {
        {GroupOutcome::not_found, ApiError::group_id_not_found},
        {GroupOutcome::unknown_member, ApiError::unknown_member_id},
        {GroupOutcome::fenced_epoch, ApiError::fenced_member_epoch},
        {GroupOutcome::fenced_instance, ApiError::fenced_instance_id},
        {GroupOutcome::unreleased_instance, ApiError::unreleased_instance_id},
        {GroupOutcome::invalid_pattern, ApiError::invalid_regular_expression},
        {GroupOutcome::full, ApiError::group_max_size_reached}};
    for (const auto& [outcome, error] : table) {
        Scene s;
        s.send(joining_beat(), 1);
        s.answer_group<broker::AssignedHeartbeat>(broker::AssignedHeard{.outcome = outcome});
        EXPECT_EQ(s.response<ConsumerGroupHeartbeatResponse>(1).error_code, error);
    }
}

TEST(KafkaConsumerGroupDescribe, ShowsEpochsMembersAndWhatTheyAreToHave) {
    Scene s;
    const TopicId topic = s.broker.topics.add_topic("t", 3).id;
    s.broker.topics.denied = {"read hidden"};
    s.send(ConsumerGroupDescribeRequest{.group_ids = {"g", "hidden", "none"}}, 1);
    broker::AssignedDescribed group{.state = broker::GroupState::reconciling, .epoch = 4, .assignment_epoch = 3};
    group.assignor = broker::Assignor::uniform;
    auto& member = group.members.emplace_back();
    member.member = "m";
    member.epoch = 3;
    member.topics = {"t"};
    member.pattern = "x.*";
    member.partitions = {{topic, 1}, {TopicId(999), 0}};
    member.target = {{topic, 1}, {topic, 2}};
    s.answer_group<broker::DescribeAssigned>(std::move(group));
    s.answer_group<broker::DescribeAssigned>(broker::AssignedDescribed{.outcome = GroupOutcome::not_found});
    const auto groups = s.response<ConsumerGroupDescribeResponse>(1).groups;
    EXPECT_EQ(groups.at(0).group_state, "Reconciling");
    EXPECT_EQ(groups.at(0).group_epoch, 4);
    EXPECT_EQ(groups.at(0).assignment_epoch, 3);
    EXPECT_EQ(groups.at(0).assignor_name, "uniform");
    const auto& shown = groups.at(0).members.at(0);
    EXPECT_EQ(shown.member_id, "m");
    EXPECT_EQ(shown.member_type, 1);
    EXPECT_THAT(shown.subscribed_topic_names, ElementsAre("t"));
    EXPECT_EQ(shown.subscribed_topic_regex, "x.*");
    ASSERT_THAT(shown.assignment.topic_partitions, SizeIs(1)) << "a topic that is gone is not shown";
    EXPECT_EQ(shown.assignment.topic_partitions[0].topic_name, "t");
    EXPECT_THAT(shown.target_assignment.topic_partitions.at(0).partitions, ElementsAre(1, 2));
    EXPECT_EQ(groups.at(1).error_code, ApiError::group_authorization_failed);
    EXPECT_EQ(groups.at(2).error_code, ApiError::group_id_not_found);
}

TEST(KafkaListGroups, TellsTheTypesApart) {
    Scene s;
    s.send(ListGroupsRequest{.types_filter = {"Consumer"}}, 5);
    for (std::uint16_t i = 0; i < scene_shards; ++i) {
        broker::GroupsListed listed;
        if (i == 0)
            listed.groups = {{"a", "consumer", broker::GroupState::stable},
                             {"b", "", broker::GroupState::reconciling, broker::GroupKind::assigned}};
        s.give(broker::GroupAnswered{s.take<broker::ListGroups>().request,
                                     std::make_unique<broker::GroupAnswer>(std::move(listed))});
    }
    const auto groups = s.response<ListGroupsResponse>(5).groups;
    ASSERT_THAT(groups, SizeIs(1));
    EXPECT_EQ(groups[0].group_id, "b");
    EXPECT_EQ(groups[0].group_type, "consumer");
    EXPECT_EQ(groups[0].protocol_type, "consumer");
    EXPECT_EQ(groups[0].group_state, "Reconciling");
}

// ------------------------------------------------------------------------------------------------------------- commits

struct Committer : Scene {
    Committer() { broker.topics.add_topic("t", 2); }
    [[nodiscard]] QueueId log(std::size_t partition) const {
        return broker.topics.topic(VhostId(1), "t")->partitions.at(partition);
    }
    [[nodiscard]] Uuid id() const { return to_uuid(broker.topics.topic(VhostId(1), "t")->id); }
};

OffsetCommitRequest commit_of(std::vector<OffsetCommitRequest::Partition> partitions) {
    return {.group_id = "g", .topics = {{.name = "t", .partitions = std::move(partitions)}}};
}

TEST(KafkaOffsetCommit, GoodPartitionsAreCommittedAndBadOnesRefused) {
    Committer c;
    c.send(commit_of({{.partition_index = 0, .committed_offset = 5, .committed_metadata = "m"},
                      {.partition_index = 7, .committed_offset = 5},
                      {.partition_index = 1, .committed_offset = 9}}),
           8);
    auto commit = c.take_group<broker::CommitOffsets>();
    ASSERT_THAT(commit.command.offsets, SizeIs(2));
    EXPECT_EQ(commit.command.offsets[0].log, c.log(0));
    EXPECT_EQ(commit.command.offsets[0].metadata, "m");
    EXPECT_EQ(commit.command.offsets[1].offset, Offset(9));
    c.give(broker::GroupAnswered{commit.request, std::make_unique<broker::GroupAnswer>(broker::OffsetsCommitted{
                                                     .logs = {GroupOutcome::ok, GroupOutcome::metadata_too_large}})});
    const auto partitions = c.response<OffsetCommitResponse>(8).topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(partitions.at(2).error_code, ApiError::offset_metadata_too_large);
}

TEST(KafkaOffsetCommit, ANegativeOffsetIsKeptForKafkajsResetsGroupsByIt) {
    Committer c;
    c.send(commit_of({{.partition_index = 0, .committed_offset = -2}}), 5);
    const auto commit = c.take_group<broker::CommitOffsets>();
    ASSERT_THAT(commit.command.offsets, SizeIs(1));
    EXPECT_EQ(static_cast<std::int64_t>(commit.command.offsets[0].offset.value), -2);
}

TEST(KafkaOffsetCommit, AMissingGroupIsCalledByWhatTheVersionKnows) {
    for (const std::int16_t version : {8, 9}) {
        Committer c;
        c.send(commit_of({{.partition_index = 0, .committed_offset = 5}}), version);
        c.answer_group<broker::CommitOffsets>(broker::OffsetsCommitted{.outcome = GroupOutcome::not_found});
        EXPECT_EQ(c.response<OffsetCommitResponse>(version).topics.at(0).partitions.at(0).error_code,
                  version < 9 ? ApiError::illegal_generation : ApiError::group_id_not_found);
    }
}

TEST(KafkaOffsetCommit, FromVersion10TopicsGoByTheirIds) {
    Committer c;
    auto request = commit_of({{.partition_index = 0, .committed_offset = 5}});
    request.topics[0].topic_id = c.id();
    request.topics.push_back({.topic_id = to_uuid(TopicId(999)), .partitions = {{}}});
    c.send(request, 10);
    c.answer_group<broker::CommitOffsets>(broker::OffsetsCommitted{.logs = {GroupOutcome::ok}});
    const auto response = c.response<OffsetCommitResponse>(10);
    EXPECT_EQ(response.topics.at(0).topic_id, c.id());
    EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ApiError::unknown_topic_id);
}

TEST(KafkaOffsetCommit, NeedsPermissionForGroupAndTopic) {
    const auto error = [](const std::string& denied) {
        Committer c;
        c.broker.topics.denied = {denied};
        const auto response =
            c.ask<OffsetCommitResponse>(commit_of({{.partition_index = 0, .committed_offset = 5}}), 8);
        EXPECT_TRUE(c.broker.sent.empty());
        return response.topics.at(0).partitions.at(0).error_code;
    };
    EXPECT_EQ(error("read g"), ApiError::group_authorization_failed);
    EXPECT_EQ(error("read t"), ApiError::topic_authorization_failed);
}

// ------------------------------------------------------------------------------------------------------------- fetched

TEST(KafkaOffsetFetch, OfOneGroupUpToVersion7) {
    Committer c;
    c.send(OffsetFetchRequest{.group_id = "g",
                              .topics = std::vector<OffsetFetchRequest::Topic>{{"t", {0, 1, 9}}},
                              .require_stable = true},
           7);
    auto fetch = c.take_group<broker::FetchOffsets>();
    EXPECT_TRUE(fetch.command.require_stable);
    EXPECT_THAT(fetch.command.logs.value(), ElementsAre(c.log(0), c.log(1)));
    broker::OffsetsFetched fetched;
    fetched.offsets = {{.log = c.log(0), .offset = Offset(5), .leader_epoch = 0, .metadata = "m"},
                       {.log = c.log(1), .outcome = GroupOutcome::unstable_offset}};
    c.give(broker::GroupAnswered{fetch.request, std::make_unique<broker::GroupAnswer>(std::move(fetched))});
    const auto partitions = c.response<OffsetFetchResponse>(7).topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).committed_offset, 5);
    EXPECT_EQ(partitions.at(0).metadata, "m");
    EXPECT_EQ(partitions.at(1).error_code, ApiError::unstable_offset_commit);
    EXPECT_EQ(partitions.at(1).committed_offset, -1);
    EXPECT_EQ(partitions.at(2).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(2).committed_offset, -1);
}

TEST(KafkaOffsetFetch, OfSeveralGroupsFromVersion8) {
    Committer c;
    c.broker.topics.denied = {"read hidden"};
    const std::vector<OffsetFetchRequest::GroupTopic> topics{{.name = "t", .partition_indexes = {1}}};
    c.send(
        OffsetFetchRequest{.groups = {{.group_id = "g", .topics = topics}, {.group_id = "hidden", .topics = topics}}},
        8);
    c.answer_group<broker::FetchOffsets>(broker::OffsetsFetched{.offsets = {{.log = c.log(1), .offset = Offset(8)}}});
    const auto groups = c.response<OffsetFetchResponse>(8).groups;
    EXPECT_EQ(groups.at(0).topics.at(0).partitions.at(0).committed_offset, 8);
    EXPECT_EQ(groups.at(1).error_code, ApiError::group_authorization_failed);
    EXPECT_THAT(groups.at(1).topics, IsEmpty());
}

TEST(KafkaOffsetFetch, FromVersion9AMemberSaysWhoItIs_113) {
    Committer c;
    OffsetFetchRequest request;
    request.groups = {{.group_id = "g", .member_id = "m", .member_epoch = 3}};
    c.send(request, 9);
    const auto fetch = c.take_group<broker::FetchOffsets>();
    EXPECT_EQ(fetch.command.member, "m");
    EXPECT_EQ(fetch.command.epoch, 3);
    c.give(broker::GroupAnswered{
        fetch.request, std::make_unique<broker::GroupAnswer>(broker::OffsetsFetched{GroupOutcome::stale_epoch, {}})});
    EXPECT_EQ(c.response<OffsetFetchResponse>(9).groups.at(0).error_code, ApiError::stale_member_epoch);
}

TEST(KafkaOffsetFetch, WithoutTopicsItTellsAllThatTheUserMaySee) {
    for (const std::int16_t version : {7, 9, 10}) {
        Committer c;
        const auto hidden = c.broker.topics.add_topic("hidden").partitions.at(0);
        c.broker.topics.denied = {"read hidden"};
        OffsetFetchRequest request{.group_id = "g"};
        if (version >= 8) request.groups = {{.group_id = "g"}};
        c.send(request, version);
        auto fetch = c.take_group<broker::FetchOffsets>();
        EXPECT_EQ(fetch.command.logs, std::nullopt);
        broker::OffsetsFetched fetched;
        fetched.offsets = {{.log = c.log(0), .offset = Offset(5)},
                           {.log = c.log(1), .offset = Offset(6)},
                           {.log = hidden, .offset = Offset(7)},
                           {.log = QueueId(12345), .offset = Offset(8)}};
        c.give(broker::GroupAnswered{fetch.request, std::make_unique<broker::GroupAnswer>(std::move(fetched))});
        const auto response = c.response<OffsetFetchResponse>(version);
        std::vector<std::int64_t> offsets;
        if (version < 8) {
            ASSERT_THAT(response.topics, SizeIs(1));
            for (const auto& each : response.topics[0].partitions) offsets.push_back(each.committed_offset);
        } else {
            ASSERT_THAT(response.groups.at(0).topics, SizeIs(1));
            for (const auto& each : response.groups[0].topics[0].partitions) offsets.push_back(each.committed_offset);
        }
        EXPECT_THAT(offsets, ElementsAre(5, 6));
    }
}

TEST(KafkaOffsetFetch, AForbiddenGroupIsToldAsTheVersionHasRoomFor_30) {
    for (const std::int16_t version : {1, 2}) {
        Committer c;
        c.broker.topics.denied = {"read g"};
        const OffsetFetchRequest request{.group_id = "g", .topics = std::vector<OffsetFetchRequest::Topic>{{"t", {0}}}};
        const auto response = c.ask<OffsetFetchResponse>(request, version);
        EXPECT_EQ(version < 2 ? response.topics.at(0).partitions.at(0).error_code : response.error_code,
                  ApiError::group_authorization_failed);
    }
}

TEST(KafkaOffsetDelete, SubscribedTopicsKeepTheirs_86) {
    Committer c;
    c.send(OffsetDeleteRequest{"g", {{"t", {{0}, {5}, {1}}}}}, 0);
    c.answer_group<broker::DeleteOffsets>(
        broker::OffsetsCommitted{.logs = {GroupOutcome::ok, GroupOutcome::subscribed}});
    const auto partitions = c.response<OffsetDeleteResponse>(0).topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(partitions.at(2).error_code, ApiError::group_subscribed_to_topic);
}

TEST(KafkaOffsetDelete, AGroupThatIsNotThereIsAnErrorOfTheWhole_69) {
    Committer c;
    c.send(OffsetDeleteRequest{"g", {{"t", {{0}}}}}, 0);
    c.answer_group<broker::DeleteOffsets>(broker::OffsetsCommitted{.outcome = GroupOutcome::not_found});
    const auto response = c.response<OffsetDeleteResponse>(0);
    EXPECT_EQ(response.error_code, ApiError::group_id_not_found);
    EXPECT_THAT(response.topics, IsEmpty());
}

TEST(KafkaInitProducerId, EveryProducerGetsANumberOfItsOwn) {
    Scene s;
    const auto first = s.ask<InitProducerIdResponse>(InitProducerIdRequest{}, 4);
    const auto second = s.ask<InitProducerIdResponse>(InitProducerIdRequest{}, 4);
    EXPECT_EQ(first.error_code, ApiError::none);
    EXPECT_GE(first.producer_id, 0);
    EXPECT_EQ(first.producer_epoch, 0);
    EXPECT_NE(first.producer_id, second.producer_id);
}

}  // namespace
}  // namespace fantail::kafka
