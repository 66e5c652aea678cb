// SPDX-License-Identifier: Apache-2.0
//! How members join a group and share it by one protocol.
#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/api/port.hpp"
#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(GroupJoin, ANewMemberMustComeBackWithTheIdItGot) {
    GroupWorld w;
    JoinGroup first = join();
    first.may_require_member_id = true;
    const GroupJoined told = w.call<GroupJoined>(first);
    EXPECT_EQ(told.outcome, GroupOutcome::member_id_required);
    EXPECT_THAT(told.member, StartsWith("client-"));
    EXPECT_THAT(told.member, SizeIs(std::string("client-").size() + 36));
    EXPECT_EQ(w.state(), GroupState::empty);

    first.member = told.member;
    const RequestId again = w.send(first);
    w.pass_ms(first_delay_ms);
    const GroupJoined joined = w.take<GroupJoined>(again);
    EXPECT_EQ(joined.outcome, GroupOutcome::ok);
    EXPECT_EQ(joined.generation, 1);
    EXPECT_EQ(joined.member, told.member);
    EXPECT_EQ(joined.leader, told.member);
}

TEST(GroupJoin, AnIdThatIsNotUsedWithinTheSessionTimeoutIsForgotten) {
    GroupWorld w;
    JoinGroup command = join();
    command.may_require_member_id = true;
    command.member = w.call<GroupJoined>(command).member;
    w.pass_ms(session_ms);
    EXPECT_EQ(w.call<GroupJoined>(command).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found) << "nothing is left of the group";
    EXPECT_EQ(w.table->deadline(), w.now.mono.plus_ms(limits::group_sweep_ms - session_ms));
}

TEST(GroupJoin, AnIdThatWasGivenOutHoldsARebalanceUpUntilItIsUsedOrForgotten) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    JoinGroup command = join();
    command.may_require_member_id = true;
    w.call<GroupJoined>(command);
    const RequestId again = w.send(join(members[0].member));
    w.pass_ms(session_ms - 1);
    EXPECT_FALSE(w.answered(again));
    w.pass_ms(1);
    EXPECT_EQ(w.take<GroupJoined>(again).generation, 2);
}

TEST(GroupJoin, MembersThatStartTogetherShareTheFirstGeneration) {
    GroupWorld w;
    const RequestId first = w.send(join());
    w.pass_ms(first_delay_ms - 1);
    const RequestId second = w.send(join());
    EXPECT_FALSE(w.answered(first));
    w.pass_ms(1);
    EXPECT_FALSE(w.answered(first)) << "somebody joined: it waits once more";
    w.pass_ms(first_delay_ms);
    const auto a = w.take<GroupJoined>(first), b = w.take<GroupJoined>(second);
    EXPECT_EQ(a.generation, 1);
    EXPECT_EQ(b.generation, 1);
    EXPECT_EQ(a.leader, b.leader);
    EXPECT_THAT(a.leader == a.member ? a.members : b.members, SizeIs(2)) << "the leader is told of all";
    EXPECT_THAT(a.leader == a.member ? b.members : a.members, IsEmpty());
}

TEST(GroupJoin, TheFirstRebalanceWaitsForNewMembersNoLongerThanTheRebalanceTimeout) {
    GroupWorld w;
    JoinGroup command = join();
    command.rebalance_timeout_ms = 200;
    const RequestId first = w.send(command);
    int others = 0;
    for (; !w.answered(first) && others < 100; ++others) {
        w.pass_ms(10);
        w.send(command);
    }
    EXPECT_GE(others, 15);
    EXPECT_LE(others, 21);
}

TEST(GroupJoin, TheProtocolThatAllKnowAndMostPreferIsChosen) {
    GroupWorld w;
    const auto members = stable_group(
        w, {join({}, {protocol("only mine"), protocol("range"), protocol("sticky")}),
            join({}, {protocol("sticky"), protocol("range")}), join({}, {protocol("sticky"), protocol("range")})});
    EXPECT_EQ(members[0].protocol, "sticky");
    EXPECT_EQ(members[0].protocol_type, "consumer");
}

TEST(GroupJoin, WhoSharesNoProtocolWithTheOthersIsRefused) {
    GroupWorld w;
    stable_group(w, 1);
    EXPECT_EQ(w.call<GroupJoined>(join({}, {protocol("other")})).outcome, GroupOutcome::inconsistent_protocol);
    JoinGroup other_type = join();
    other_type.protocol_type = "connect";
    EXPECT_EQ(w.call<GroupJoined>(other_type).outcome, GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.call<GroupJoined>(join({}, {})).outcome, GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.call<GroupJoined>(join({}, {protocol("range"), protocol("range")})).outcome,
              GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.state(), GroupState::stable);
}

TEST(GroupJoin, TheOnlyMemberMayChangeItsProtocol) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    EXPECT_EQ(w.call<GroupJoined>(join(members[0].member, {protocol("other")})).protocol, "other");
}

TEST(GroupJoin, AnEmptyGroupTakesAnyType) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    JoinGroup other_type = join();
    other_type.protocol_type = "connect";
    EXPECT_EQ(stable_group(w, {other_type})[0].protocol_type, "connect");
}

TEST(GroupJoin, SenselessCommandsAreRefusedBeforeAGroupExists) {
    GroupWorld w;
    JoinGroup hasty = join(), slow = join();
    hasty.session_timeout_ms = 5'999;
    slow.session_timeout_ms = 1'800'001;
    EXPECT_EQ(w.call<GroupJoined>(hasty).outcome, GroupOutcome::invalid_session_timeout);
    EXPECT_EQ(w.call<GroupJoined>(slow).outcome, GroupOutcome::invalid_session_timeout);
    EXPECT_EQ(w.call<GroupJoined>(join("nobody")).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<GroupJoined>(join({}, {})).outcome, GroupOutcome::inconsistent_protocol);
    const std::string large(limits::group_member_bytes_max, 'x');
    EXPECT_EQ(w.call<GroupJoined>(join({}, {protocol("range", large)})).outcome, GroupOutcome::too_large);
    JoinGroup wordy = join();
    wordy.client_id = std::string(limits::group_text_size_max + 1, 'x');
    EXPECT_EQ(w.call<GroupJoined>(wordy).outcome, GroupOutcome::too_large);
    std::vector<GroupListing> groups;
    w.table->list(groups);
    EXPECT_THAT(groups, IsEmpty());
    w.group = {};
    EXPECT_EQ(w.call<GroupJoined>(join()).outcome, GroupOutcome::invalid_group);
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{}), GroupOutcome::invalid_group);
    w.group = std::string(limits::group_text_size_max + 1, 'x');
    EXPECT_EQ(w.call<GroupJoined>(join()).outcome, GroupOutcome::invalid_group);
}

TEST(GroupJoin, AFollowerThatJoinsAgainUnchangedIsAnsweredAtOnce) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const GroupJoined again = w.call<GroupJoined>(join(members[1].member));
    EXPECT_EQ(again.outcome, GroupOutcome::ok);
    EXPECT_EQ(again.generation, 1);
    EXPECT_EQ(again.leader, members[0].member);
    EXPECT_EQ(w.state(), GroupState::stable);
}

TEST(GroupJoin, AFollowerWithOtherMetadataBeginsARebalance) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const RequestId changed = w.send(join(members[1].member, {protocol("range", "new")}));
    EXPECT_FALSE(w.answered(changed));
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::rebalance_in_progress);
    const GroupJoined leader = w.call<GroupJoined>(join(members[0].member));
    EXPECT_EQ(leader.generation, 2);
    ASSERT_THAT(leader.members, SizeIs(2));
    const bool first = leader.members[0].member == members[1].member;
    EXPECT_EQ(as_text(leader.members[first ? 0 : 1].metadata), "new");
    EXPECT_EQ(w.take<GroupJoined>(changed).generation, 2);
}

TEST(GroupJoin, TheLeadersReturnBeginsARebalance) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const RequestId leader = w.send(join(members[0].member));
    EXPECT_FALSE(w.answered(leader));
    EXPECT_EQ(w.state(), GroupState::preparing_rebalance);
    EXPECT_EQ(w.call<GroupJoined>(join(members[1].member)).generation, 2);
    EXPECT_EQ(w.take<GroupJoined>(leader).generation, 2);
}

TEST(GroupJoin, WhoMissedTheAnswerGetsItAgainWhileTheLeaderAssigns) {
    GroupWorld w;
    const RequestId first = w.send(join());
    w.pass_ms(first_delay_ms);
    const GroupJoined joined = w.take<GroupJoined>(first);
    const GroupJoined again = w.call<GroupJoined>(join(joined.member));
    EXPECT_EQ(again.generation, 1);
    EXPECT_THAT(again.members, SizeIs(1));
    EXPECT_EQ(w.call<GroupJoined>(join(joined.member, {protocol("range", "new")})).generation, 2);
}

TEST(GroupJoin, AMemberThatAsksTwiceIsAnsweredTwice) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const RequestId once = w.send(join(members[0].member));
    const RequestId twice = w.send(join(members[0].member));
    EXPECT_EQ(w.take<GroupJoined>(once).outcome, GroupOutcome::rebalance_in_progress);
    w.call<GroupJoined>(join(members[1].member));
    EXPECT_EQ(w.take<GroupJoined>(twice).outcome, GroupOutcome::ok);
}

TEST(GroupJoin, AFullGroupTakesNoNewMembers) {
    GroupWorld w;
    GroupLimits limits;
    limits.members_max = 2;
    w.table->set_limits(limits);
    const auto members = stable_group(w, 2);
    EXPECT_EQ(w.call<GroupJoined>(join()).outcome, GroupOutcome::full);
    EXPECT_EQ(w.call<GroupJoined>(join(members[1].member)).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.state(), GroupState::stable);
}

TEST(GroupJoin, WhoComesBackLastToATooLargeGroupIsOut) {
    GroupWorld w;
    const auto members = stable_group(w, 3);
    GroupLimits limits;
    limits.members_max = 2;
    w.table->set_limits(limits);
    const RequestId first = w.send(join(members[0].member)), second = w.send(join(members[1].member));
    EXPECT_EQ(w.call<GroupJoined>(join(members[2].member)).outcome, GroupOutcome::full);
    EXPECT_EQ(w.take<GroupJoined>(first).generation, 2);
    EXPECT_EQ(w.take<GroupJoined>(second).generation, 2);
    EXPECT_THAT(w.describe().members, SizeIs(2));
}

TEST(GroupJoin, IdsThatWaitToBeUsedAreBoundedToo) {
    GroupWorld w;
    GroupLimits limits;
    limits.members_max = 2;
    w.table->set_limits(limits);
    JoinGroup command = join();
    command.may_require_member_id = true;
    EXPECT_EQ(w.call<GroupJoined>(command).outcome, GroupOutcome::member_id_required);
    EXPECT_EQ(w.call<GroupJoined>(command).outcome, GroupOutcome::member_id_required);
    EXPECT_EQ(w.call<GroupJoined>(command).outcome, GroupOutcome::full);
}

TEST(GroupJoin, ANewMemberWhoseClientIsGoneIsForgottenInTheEnd) {
    GroupWorld w;
    JoinGroup patient = join();
    patient.rebalance_timeout_ms = 900'000;
    patient.session_timeout_ms = 1'000'000;
    const auto members = stable_group(w, {patient});
    const RequestId fresh = w.send(join());
    w.pass_ms(limits::group_first_join_ms - 1);
    EXPECT_FALSE(w.answered(fresh));
    w.pass_ms(1);
    EXPECT_EQ(w.take<GroupJoined>(fresh).outcome, GroupOutcome::unknown_member);
}

TEST(GroupShard, IsTheSameInEveryBuild) {
    EXPECT_EQ(shard_of_group("billing", 64), ShardId(0x1c));
    EXPECT_EQ(shard_of_group("", 64), ShardId(0x25)) << "FNV-1a's offset basis";
    EXPECT_EQ(shard_of_group("a", 64), ShardId(0x8c & 63)) << "FNV-1a of a: af63dc4c8601ec8c";
    EXPECT_EQ(shard_of_group("anything", 1), ShardId(0));
}

}  // namespace
}  // namespace fantail::broker::testing
