// SPDX-License-Identifier: Apache-2.0
//! Offsets of groups, and what becomes of groups without members.
#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<CommittedOffset> fetch(GroupWorld& w) { return w.call<OffsetsFetched>(FetchOffsets{}).offsets; }

TEST(GroupOffsets, ACommitIsAnsweredWhenItIsDurable) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    const RequestId request = w.send(commit(1, members[0].member, 42));
    EXPECT_FALSE(w.answered(request));
    w.sync();
    EXPECT_THAT(w.take<OffsetsCommitted>(request).logs, ElementsAre(GroupOutcome::ok));
    const auto offsets = fetch(w);
    ASSERT_THAT(offsets, SizeIs(1));
    EXPECT_EQ(offsets[0].log, log_a);
    EXPECT_EQ(offsets[0].offset, Offset(42));
    EXPECT_EQ(offsets[0].leader_epoch, 7);
    EXPECT_EQ(offsets[0].metadata, "note");
    EXPECT_EQ(offsets[0].committed_at, w.now.wall);
}

TEST(GroupOffsets, WhatIsNotDurableIsNotTold) {
    GroupWorld w;
    w.send(commit(-1, {}, 42));
    const RequestId fetched = w.send(FetchOffsets{});
    EXPECT_FALSE(w.answered(fetched));
    w.sync();
    EXPECT_EQ(w.take<OffsetsFetched>(fetched).offsets[0].offset, Offset(42));
}

TEST(GroupOffsets, FetchNamesLogsWithoutAnOffsetToo) {
    GroupWorld w;
    w.call<OffsetsCommitted>(commit(-1, {}, 42));
    const auto some = w.call<OffsetsFetched>(FetchOffsets{{{log_b, log_a}}, false}).offsets;
    ASSERT_THAT(some, SizeIs(2));
    EXPECT_EQ(some[0].log, log_b);
    EXPECT_EQ(some[0].offset, std::nullopt);
    EXPECT_EQ(some[1].offset, Offset(42));
    w.group = "no such group";
    const OffsetsFetched none = w.call<OffsetsFetched>(FetchOffsets{{{log_a}}, false});
    EXPECT_EQ(none.outcome, GroupOutcome::ok);
    ASSERT_THAT(none.offsets, SizeIs(1));
    EXPECT_EQ(none.offsets[0].offset, std::nullopt);
    EXPECT_THAT(fetch(w), IsEmpty());
}

TEST(GroupOffsets, OneTooLargeNoteSpoilsOnlyItsOwnCommit) {
    GroupWorld w;
    CommitOffsets both = commit(-1, {}, 1, log_a);
    both.offsets.push_back({log_b, Offset(2), -1, std::string(4'097, 'x')});
    EXPECT_THAT(w.call<OffsetsCommitted>(std::move(both)).logs,
                ElementsAre(GroupOutcome::ok, GroupOutcome::metadata_too_large));
    EXPECT_THAT(fetch(w), SizeIs(1));
}

TEST(GroupOffsets, ManyAreWrittenInSeveralChanges) {
    GroupWorld w;
    CommitOffsets many = commit(-1, {}, 0);
    many.offsets.clear();
    for (std::uint64_t n = 0; n < 1'000; ++n)
        many.offsets.push_back({make_id<QueueId>(1, n), Offset(n), -1, std::string(4'096, 'x')});
    const RequestId request = w.send(std::move(many));
    EXPECT_GT(w.log.size(), 4u) << "the world checks the size of each";
    w.table->on_durable(Lsn(w.log.size() - 1));
    EXPECT_FALSE(w.answered(request));
    w.sync();
    EXPECT_THAT(w.take<OffsetsCommitted>(request).logs, SizeIs(1'000));
    w.crash();
    EXPECT_THAT(fetch(w), SizeIs(1'000));
}

TEST(GroupOffsets, AGroupHasOffsetsInABoundedNumberOfLogs) {
    GroupWorld w;
    CommitOffsets many = commit(-1, {}, 0);
    many.offsets.clear();
    for (std::uint64_t n = 0; n <= limits::group_offsets_max; ++n)
        many.offsets.push_back({make_id<QueueId>(1, n), Offset(n), -1, {}});
    const auto outcomes = w.call<OffsetsCommitted>(std::move(many)).logs;
    EXPECT_EQ(outcomes[limits::group_offsets_max - 1], GroupOutcome::ok);
    EXPECT_EQ(outcomes[limits::group_offsets_max], GroupOutcome::full);
    EXPECT_THAT(w.call<OffsetsCommitted>(commit(-1, {}, 5, make_id<QueueId>(1, 3))).logs,
                ElementsAre(GroupOutcome::ok));
    w.pass_ms(GroupLimits().offset_retention_ms + limits::group_sweep_ms);
    EXPECT_THAT(fetch(w), IsEmpty());
}

TEST(GroupOffsets, ACommitMustComeFromAMemberOfTheGeneration) {
    GroupWorld w;
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, "somebody", 1)).outcome, GroupOutcome::not_found);
    const auto members = stable_group(w, 2);
    const std::string& member = members[0].member;
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(0, member, 1)).outcome, GroupOutcome::illegal_generation);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, "nobody", 1)).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, {}, 1)).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, member, 1)).outcome, GroupOutcome::illegal_generation);
    EXPECT_THAT(fetch(w), IsEmpty());
    w.send(join());
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, member, 1)).outcome, GroupOutcome::ok) << "before it joins again";
    w.send(join(members[0].member));
    w.send(join(members[1].member));
    EXPECT_EQ(w.state(), GroupState::completing_rebalance);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(2, member, 1)).outcome, GroupOutcome::rebalance_in_progress);
}

TEST(GroupOffsets, ACommitIsASignOfLife) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    for (int n = 0; n < 3; ++n) {
        w.pass_ms(session_ms - 1);
        EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, members[0].member, 1)).outcome, GroupOutcome::ok);
    }
}

TEST(GroupOffsets, CommitsThatWaitForTheDiskAreBounded) {
    GroupWorld w;
    RequestId last;
    for (std::uint32_t n = 0; n <= limits::group_answers_waiting_max; ++n) last = w.send(commit(-1, {}, n));
    EXPECT_EQ(w.take<OffsetsCommitted>(last).outcome, GroupOutcome::overloaded);
    w.sync();
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, {}, 1)).outcome, GroupOutcome::ok);
}

TEST(GroupOffsets, ThoseOfTopicsThatNobodyReadsCanBeDeleted) {
    GroupWorld w;
    const auto members = stable_group(w, {join({}, {protocol("range", "m", {{"orders"}})})});
    w.call<OffsetsCommitted>(commit(1, members[0].member, 1, log_a));
    w.call<OffsetsCommitted>(commit(1, members[0].member, 1, log_b));
    const RequestId request = w.send(DeleteOffsets{{{log_a, "orders"}, {log_b, "bills"}, {log_b, "bills"}}});
    EXPECT_FALSE(w.answered(request));
    w.sync();
    EXPECT_THAT(w.take<OffsetsCommitted>(request).logs,
                ElementsAre(GroupOutcome::subscribed, GroupOutcome::ok, GroupOutcome::ok));
    ASSERT_THAT(fetch(w), SizeIs(1));
    EXPECT_EQ(fetch(w)[0].log, log_a);
}

TEST(GroupOffsets, AreNotDeletedUnderMembersOfWhichNothingIsKnown) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    const DeleteOffsets command{{{log_a, "orders"}}};
    EXPECT_EQ(w.call<OffsetsCommitted>(command).outcome, GroupOutcome::not_empty);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    EXPECT_EQ(w.call<OffsetsCommitted>(command).outcome, GroupOutcome::ok);
    w.group = "no such group";
    EXPECT_EQ(w.call<OffsetsCommitted>(command).outcome, GroupOutcome::not_found);
}

TEST(GroupOffsets, GoWithTheirLog) {
    GroupWorld w;
    w.call<OffsetsCommitted>(commit(-1, {}, 1, log_a));
    w.call<OffsetsCommitted>(commit(-1, {}, 1, log_b));
    w.table->log_removed(log_a);
    w.table->log_removed(make_id<QueueId>(1, 99));
    ASSERT_THAT(fetch(w), SizeIs(1));
    EXPECT_EQ(w.log.size(), 3u) << "a log that no group read is not noted";
    w.sync();
    w.crash();
    ASSERT_THAT(fetch(w), SizeIs(1));
    w.missing.insert(log_b);
    w.crash();
    EXPECT_THAT(fetch(w), IsEmpty()) << "its removal was not written here";
}

TEST(GroupDeletion, OnlyOfGroupsWithoutMembers) {
    GroupWorld w;
    EXPECT_EQ(w.outcome_of(DeleteGroup{}), GroupOutcome::not_found);
    const auto members = stable_group(w, 1);
    w.call<OffsetsCommitted>(commit(1, members[0].member, 1));
    EXPECT_EQ(w.outcome_of(DeleteGroup{}), GroupOutcome::not_empty);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    const RequestId request = w.send(DeleteGroup{});
    EXPECT_FALSE(w.answered(request)) << "not durable yet";
    w.sync();
    EXPECT_EQ(w.take<GroupDone>(request).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found);
    EXPECT_EQ(w.state(), GroupState::dead);
    w.crash();
    EXPECT_THAT(fetch(w), IsEmpty());
}

TEST(GroupRetention, CountsFromWhenTheLastMemberLeft) {
    GroupWorld w;
    const std::int64_t retention_ms = GroupLimits().offset_retention_ms;
    JoinGroup patient = join();
    patient.session_timeout_ms = 1'800'000;
    const auto members = stable_group(w, {patient});
    w.call<OffsetsCommitted>(commit(1, members[0].member, 1));
    for (std::int64_t ms = 0; ms < retention_ms * 2; ms += 1'000'000) {
        w.call<GroupDone>(beat(members[0]));
        w.pass_ms(1'000'000);
    }
    EXPECT_THAT(fetch(w), SizeIs(1)) << "it has members";
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    w.pass_ms(retention_ms - limits::group_sweep_ms);
    EXPECT_THAT(fetch(w), SizeIs(1));
    w.sync();
    w.crash();
    w.pass_ms(limits::group_sweep_ms * 2);
    EXPECT_THAT(fetch(w), IsEmpty());
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found);
    EXPECT_EQ(w.table->deadline(), MonoTime::never()) << "nothing is left to wait for";
}

TEST(GroupRetention, OfAGroupThatNeverHadMembersCountsFromEachCommit) {
    GroupWorld w;
    const std::int64_t retention_ms = GroupLimits().offset_retention_ms;
    w.call<OffsetsCommitted>(commit(-1, {}, 1, log_a));
    w.pass_ms(retention_ms / 2);
    w.call<OffsetsCommitted>(commit(-1, {}, 1, log_b));
    w.pass_ms(retention_ms / 2 + limits::group_sweep_ms);
    ASSERT_THAT(fetch(w), SizeIs(1));
    EXPECT_EQ(fetch(w)[0].log, log_b);
    w.pass_ms(retention_ms / 2 + limits::group_sweep_ms);
    EXPECT_THAT(fetch(w), IsEmpty());
}

TEST(GroupRetention, AnEmptyGroupWithoutOffsetsDoesNotStay) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    EXPECT_EQ(w.state(), GroupState::empty);
    w.pass_ms(limits::group_sweep_ms);
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found);
}

TEST(GroupListing, NamesGroupsInOrder) {
    GroupWorld w;
    w.call<OffsetsCommitted>(commit(-1, {}, 1));
    w.group = "audit";
    stable_group(w, 1);
    std::vector<GroupListing> groups;
    w.table->list(groups);
    ASSERT_THAT(groups, SizeIs(2));
    EXPECT_EQ(groups[0].group, "audit");
    EXPECT_EQ(groups[0].state, GroupState::stable);
    EXPECT_EQ(groups[0].protocol_type, "consumer");
    EXPECT_EQ(groups[1].group, "billing");
    EXPECT_EQ(groups[1].state, GroupState::empty);
    EXPECT_EQ(groups[1].protocol_type, "");
}

TEST(GroupDescription, TellsSharesOnlyOfAStableGeneration) {
    GroupWorld w;
    JoinGroup one = join();
    one.client_id = "one";
    const auto members = stable_group(w, {one});
    const GroupDescribed stable = w.describe();
    EXPECT_EQ(stable.protocol, "range");
    ASSERT_THAT(stable.members, SizeIs(1));
    EXPECT_EQ(stable.members[0].client_id, "one");
    EXPECT_EQ(stable.members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(as_text(stable.members[0].metadata), "m");
    EXPECT_EQ(as_text(stable.members[0].assignment), "for " + members[0].member);
    w.send(join());
    const GroupDescribed moving = w.describe();
    EXPECT_EQ(moving.state, GroupState::preparing_rebalance);
    EXPECT_EQ(moving.protocol, "");
    ASSERT_THAT(moving.members, SizeIs(2));
    EXPECT_THAT(moving.members[0].assignment, IsEmpty());
}

}  // namespace
}  // namespace fantail::broker::testing
