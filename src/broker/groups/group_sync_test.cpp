// SPDX-License-Identifier: Apache-2.0
//! What members do in a generation, how they leave it, and what time does to them.
#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string text(const Bytes& bytes) { return std::string(as_text(bytes)); }

/// Members that were told of a generation and not assigned yet; the leader first.
std::vector<GroupJoined> joined_group(GroupWorld& w, std::size_t count) {
    std::vector<RequestId> requests;
    for (std::size_t n = 0; n < count; ++n) requests.push_back(w.send(join()));
    w.pass_ms(1'000);
    std::vector<GroupJoined> members;
    for (const RequestId request : requests) members.push_back(w.take<GroupJoined>(request));
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return !a.members.empty() && b.members.empty(); });
    return members;
}

TEST(GroupSync, FollowersWaitForTheLeaderAndAllForTheDisk) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    const RequestId follower = w.send(sync_of(members[1]));
    w.sync();
    EXPECT_FALSE(w.answered(follower));
    const RequestId leader = w.send(sync_of(members[0]));
    EXPECT_FALSE(w.answered(follower));
    EXPECT_FALSE(w.answered(leader));
    w.sync();
    EXPECT_EQ(text(w.take<GroupSynced>(follower).assignment), "for " + members[1].member);
    const GroupSynced mine = w.take<GroupSynced>(leader);
    EXPECT_EQ(text(mine.assignment), "for " + members[0].member);
    EXPECT_EQ(mine.protocol, "range");
    EXPECT_EQ(mine.protocol_type, "consumer");
    EXPECT_EQ(w.state(), GroupState::stable);
}

TEST(GroupSync, ALateFollowerGetsItsAssignmentWhenItIsDurable) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    w.send(sync_of(members[0]));
    const RequestId late = w.send(sync_of(members[1]));
    EXPECT_FALSE(w.answered(late));
    w.sync();
    EXPECT_EQ(text(w.take<GroupSynced>(late).assignment), "for " + members[1].member);
    EXPECT_EQ(text(w.call<GroupSynced>(sync_of(members[1])).assignment), "for " + members[1].member) << "again";
}

TEST(GroupSync, WhomTheLeaderForgetsGetsAnEmptyAssignment) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    SyncGroup careless = sync_of(members[0]);
    std::erase_if(careless.assignments, [&](const auto& each) { return each.member == members[1].member; });
    careless.assignments.push_back({"nobody", {}});
    w.call<GroupSynced>(std::move(careless));
    const GroupSynced forgotten = w.call<GroupSynced>(sync_of(members[1]));
    EXPECT_EQ(forgotten.outcome, GroupOutcome::ok);
    EXPECT_THAT(forgotten.assignment, IsEmpty());
}

TEST(GroupSync, ChecksMemberGenerationAndProtocol) {
    GroupWorld w;
    EXPECT_EQ(w.call<GroupSynced>(SyncGroup{}).outcome, GroupOutcome::unknown_member) << "no group";
    const auto members = joined_group(w, 1);
    SyncGroup stranger = sync_of(members[0]), old = stranger, other = stranger, type = stranger, right = stranger;
    stranger.member = "nobody";
    old.generation = 0;
    other.protocol = "sticky";
    type.protocol_type = "connect";
    right.protocol = "range";
    right.protocol_type = "consumer";
    EXPECT_EQ(w.call<GroupSynced>(std::move(stranger)).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<GroupSynced>(std::move(old)).outcome, GroupOutcome::illegal_generation);
    EXPECT_EQ(w.call<GroupSynced>(std::move(other)).outcome, GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.call<GroupSynced>(std::move(type)).outcome, GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.call<GroupSynced>(std::move(right)).outcome, GroupOutcome::ok);
}

TEST(GroupSync, TooLargeAssignmentsAreRefused) {
    GroupWorld w;
    const auto members = joined_group(w, 1);
    SyncGroup large = sync_of(members[0]);
    large.assignments[0].assignment.assign(limits::group_assignment_bytes_max + 1, 0);
    EXPECT_EQ(w.call<GroupSynced>(std::move(large)).outcome, GroupOutcome::too_large);
    EXPECT_EQ(w.state(), GroupState::completing_rebalance);
}

TEST(GroupSync, ARebalanceTellsThoseThatWaitForTheLeader) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    const RequestId follower = w.send(sync_of(members[1]));
    w.send(join());
    EXPECT_EQ(w.take<GroupSynced>(follower).outcome, GroupOutcome::rebalance_in_progress);
    EXPECT_EQ(w.call<GroupSynced>(sync_of(members[0])).outcome, GroupOutcome::rebalance_in_progress);
    w.pass_ms(session_ms - 1);
    EXPECT_EQ(w.outcome_of(beat(members[1])), GroupOutcome::rebalance_in_progress) << "its session began anew";
}

TEST(GroupSync, WhoNeverSyncsIsRemovedAtTheRebalanceTimeout) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    w.call<GroupSynced>(sync_of(members[0]));
    for (std::int32_t waited = 0; waited < rebalance_ms; waited += 5'000) {
        EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::ok);
        EXPECT_EQ(w.outcome_of(beat(members[1])), GroupOutcome::ok);
        w.pass_ms(5'000);
    }
    EXPECT_EQ(w.outcome_of(beat(members[1])), GroupOutcome::unknown_member);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::rebalance_in_progress);
}

TEST(GroupSync, ALeaderThatDiesBeforeItAssignsIsReplaced) {
    GroupWorld w;
    const auto members = joined_group(w, 2);
    const RequestId follower = w.send(sync_of(members[1]));
    w.pass_ms(session_ms);
    EXPECT_EQ(w.take<GroupSynced>(follower).outcome, GroupOutcome::rebalance_in_progress);
    const GroupJoined again = w.call<GroupJoined>(join(members[1].member));
    EXPECT_EQ(again.leader, members[1].member);
    EXPECT_THAT(again.members, SizeIs(1));
}

TEST(GroupHeartbeat, KeepsAMemberAndChecksWhoItIs) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    for (int n = 0; n < 5; ++n) {
        w.pass_ms(session_ms - 1);
        EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::ok);
    }
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{2, members[0].member, {}}), GroupOutcome::illegal_generation);
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, "nobody", {}}), GroupOutcome::unknown_member);
    w.pass_ms(session_ms);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::unknown_member);
    EXPECT_EQ(w.state(), GroupState::empty);
    EXPECT_EQ(w.describe().generation, 2);
}

TEST(GroupHeartbeat, ASilentMembersShareIsGivenToTheOthers) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    w.pass_ms(session_ms - 1);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::ok);
    w.pass_ms(1);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::rebalance_in_progress);
    EXPECT_THAT(w.call<GroupJoined>(join(members[0].member)).members, SizeIs(1));
}

TEST(GroupRebalance, WhoDoesNotComeBackInTimeIsOut) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const RequestId back = w.send(join(members[0].member));
    for (std::int32_t waited = 0; waited < rebalance_ms; waited += 5'000) {
        EXPECT_FALSE(w.answered(back));
        EXPECT_EQ(w.outcome_of(beat(members[1])), GroupOutcome::rebalance_in_progress) << "it lives, and does not join";
        w.pass_ms(5'000);
    }
    EXPECT_THAT(w.take<GroupJoined>(back).members, SizeIs(1));
    EXPECT_EQ(w.outcome_of(beat(members[1])), GroupOutcome::unknown_member);
}

TEST(GroupRebalance, ALeaderThatIsLateGivesWayToAMemberThatJoined) {
    GroupWorld w;
    const auto members = stable_group(w, {join_static("one"), join_static("two")});
    JoinGroup follower = join_static("two", members[1].member);
    follower.protocols[0].metadata = to_bytes(as_bytes("new"));
    const RequestId back = w.send(follower);
    w.pass_ms(session_ms - 1);
    w.call<GroupDone>(beat(members[0]));
    w.pass_ms(session_ms - 1);
    w.call<GroupDone>(beat(members[0]));
    w.pass_ms(session_ms - 1);
    w.call<GroupDone>(beat(members[0]));
    w.pass_ms(3);
    const GroupJoined joined = w.take<GroupJoined>(back);
    EXPECT_EQ(joined.leader, members[1].member);
    EXPECT_THAT(joined.members, SizeIs(2)) << "a static member that lives keeps its place";
}

TEST(GroupLeave, GivesTheShareToTheOthersAtOnce) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    EXPECT_THAT(w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}}).members, ElementsAre(GroupOutcome::ok));
    const GroupJoined again = w.call<GroupJoined>(join(members[1].member));
    EXPECT_EQ(again.generation, 2);
    EXPECT_THAT(again.members, SizeIs(1));
}

TEST(GroupLeave, AnswersForEachMemberOfABatch) {
    GroupWorld w;
    const auto members = stable_group(w, {join(), join_static("one"), join_static("two")});
    std::map<std::string, std::string> ids;
    for (const auto& each : w.describe().members) ids[each.instance.value_or("")] = each.member;
    const LeaveGroup batch{{{ids[""], {}}, {"nobody", {}}, {"", "one"}, {"", "three"}, {"another", "two"}}};
    EXPECT_THAT(w.call<GroupLeft>(batch).members,
                ElementsAre(GroupOutcome::ok, GroupOutcome::unknown_member, GroupOutcome::ok,
                            GroupOutcome::unknown_member, GroupOutcome::fenced_instance));
    EXPECT_THAT(w.describe().members, SizeIs(1));
    w.group = "no such group";
    EXPECT_THAT(w.call<GroupLeft>(LeaveGroup{{{"nobody", {}}}}).members, ElementsAre(GroupOutcome::unknown_member));
}

TEST(GroupLeave, OfTheLastMemberLeavesAnEmptyGroupOfANewGeneration) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    const GroupDescribed empty = w.describe();
    EXPECT_EQ(empty.state, GroupState::empty);
    EXPECT_EQ(empty.generation, 2);
    EXPECT_EQ(empty.protocol_type, "consumer");
    EXPECT_EQ(stable_group(w, 1)[0].generation, 3);
}

TEST(GroupLeave, AMemberThatWaitsForARebalanceLearnsThatItIsOut) {
    GroupWorld w;
    const auto members = stable_group(w, 2);
    const RequestId waits = w.send(join(members[0].member));
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    EXPECT_EQ(w.take<GroupJoined>(waits).outcome, GroupOutcome::unknown_member);
}

TEST(GroupLeave, AnIdThatWasNotUsedCanBeGivenBack) {
    GroupWorld w;
    JoinGroup command = join();
    command.may_require_member_id = true;
    const std::string id = w.call<GroupJoined>(command).member;
    EXPECT_THAT(w.call<GroupLeft>(LeaveGroup{{{id, {}}}}).members, ElementsAre(GroupOutcome::ok));
    EXPECT_EQ(w.call<GroupJoined>(join(id)).outcome, GroupOutcome::unknown_member);
}

TEST(StaticMember, ComesBackWithoutARebalanceAndFencesItsFormerSelf) {
    GroupWorld w;
    const auto members = stable_group(w, {join_static("one"), join_static("two")});
    const GroupJoined back = w.call<GroupJoined>(join_static("two"));
    EXPECT_EQ(back.outcome, GroupOutcome::ok);
    EXPECT_EQ(back.generation, 1);
    const std::string former = members[members[0].member.starts_with("two-") ? 0 : 1].member;
    EXPECT_NE(back.member, former);
    EXPECT_EQ(w.state(), GroupState::stable);
    EXPECT_EQ(text(w.call<GroupSynced>(sync_of(back)).assignment), "for " + former) << "it keeps its share";
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, former, "two"}), GroupOutcome::fenced_instance);
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, former, {}}), GroupOutcome::unknown_member);
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, back.member, "two"}), GroupOutcome::ok);
    EXPECT_EQ(w.call<GroupJoined>(join_static("two", former)).outcome, GroupOutcome::fenced_instance);
    CommitOffsets zombie = commit(1, former, 5);
    zombie.instance = "two";
    EXPECT_EQ(w.call<OffsetsCommitted>(std::move(zombie)).outcome, GroupOutcome::fenced_instance);
}

TEST(StaticMember, IsAnsweredWhenItsNewIdIsDurable) {
    GroupWorld w;
    stable_group(w, {join_static("one")});
    const RequestId back = w.send(join_static("one"));
    EXPECT_FALSE(w.answered(back));
    w.sync();
    EXPECT_EQ(w.take<GroupJoined>(back).generation, 1);
}

TEST(StaticMember, ALeaderThatComesBackNeedNotAssign) {
    GroupWorld w;
    stable_group(w, {join_static("one")});
    JoinGroup able = join_static("one");
    able.may_skip_assignment = true;
    const GroupJoined skips = w.call<GroupJoined>(able);
    EXPECT_TRUE(skips.skip_assignment);
    EXPECT_EQ(skips.leader, skips.member);
    EXPECT_THAT(skips.members, SizeIs(1));
    const GroupJoined follows = w.call<GroupJoined>(join_static("one"));
    EXPECT_FALSE(follows.skip_assignment);
    EXPECT_EQ(follows.leader, skips.member) << "the former leader, so that it does not assign";
    EXPECT_THAT(follows.members, IsEmpty());
}

TEST(StaticMember, WithOtherTopicsBeginsARebalance) {
    GroupWorld w;
    JoinGroup command = join_static("one");
    command.protocols = {protocol("range", "a", {{"orders"}})};
    stable_group(w, {command});
    command.protocols = {protocol("range", "b", {{"orders"}})};
    EXPECT_EQ(w.call<GroupJoined>(command).generation, 1) << "what else it says is for the next rebalance";
    command.protocols = {protocol("range", "b", {{"orders", "bills"}})};
    EXPECT_EQ(w.call<GroupJoined>(command).generation, 2);
}

TEST(StaticMember, ThatChangesTheChosenProtocolBeginsARebalance) {
    GroupWorld w;
    JoinGroup command = join_static("one");
    command.protocols = {protocol("range"), protocol("sticky")};
    stable_group(w, {command});
    command.protocols = {protocol("sticky"), protocol("range")};
    const GroupJoined back = w.call<GroupJoined>(command);
    EXPECT_EQ(back.generation, 2);
    EXPECT_EQ(back.protocol, "sticky");
}

TEST(StaticMember, ThatComesBackWhileTheLeaderAssignsBeginsARebalance) {
    GroupWorld w;
    const RequestId first = w.send(join_static("one"));
    w.pass_ms(first_delay_ms);
    const GroupJoined before = w.take<GroupJoined>(first);
    const RequestId waits = w.send(join_static("one", before.member));
    EXPECT_EQ(w.take<GroupJoined>(waits).generation, 1);
    const GroupJoined back = w.call<GroupJoined>(join_static("one"));
    EXPECT_EQ(back.generation, 2);
    EXPECT_EQ(w.call<GroupSynced>(sync_of(before)).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<GroupSynced>(sync_of(back)).outcome, GroupOutcome::ok);
}

TEST(StaticMember, AWaitingFormerSelfIsToldThatItIsFenced) {
    GroupWorld w;
    const RequestId former = w.send(join_static("one"));
    const RequestId back = w.send(join_static("one"));
    EXPECT_EQ(w.take<GroupJoined>(former).outcome, GroupOutcome::fenced_instance);
    w.pass_ms(first_delay_ms);
    EXPECT_EQ(w.take<GroupJoined>(back).generation, 1);
}

TEST(StaticMember, StaysStaticWhenItJoinsWithItsIdAlone) {
    GroupWorld w;
    const auto members = stable_group(w, {join_static("one")});
    w.call<GroupJoined>(join(members[0].member));
    EXPECT_EQ(w.describe().members[0].instance, "one");
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{2, members[0].member, "one"}), GroupOutcome::ok);
}

TEST(StaticMember, KeepsItsPlaceInAFullGroup) {
    GroupWorld w;
    GroupLimits limits;
    limits.members_max = 1;
    w.table->set_limits(limits);
    stable_group(w, {join_static("one")});
    EXPECT_EQ(w.call<GroupJoined>(join_static("two")).outcome, GroupOutcome::full);
    EXPECT_EQ(w.call<GroupJoined>(join_static("one")).outcome, GroupOutcome::ok);
}

}  // namespace
}  // namespace fantail::broker::testing
