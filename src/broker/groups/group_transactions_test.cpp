// SPDX-License-Identifier: Apache-2.0
//! Offsets that groups are given in transactions: they wait for the end, and survive a crash in the state they were in.
#include <gmock/gmock.h>

#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

constexpr ProducerEpoch producer{7, 3};

class TransactionGroupWorld : public GroupWorld {
public:
    GroupOutcome commit_pending(std::uint64_t offset, ProducerEpoch by = producer, QueueId in = log_a) {
        CommitInTransaction command;
        command.producer = by;
        command.offsets.push_back({in, Offset(offset), -1, "m"});
        const auto answer = call<OffsetsCommitted>(std::move(command));
        return answer.outcome != GroupOutcome::ok ? answer.outcome : answer.logs.at(0);
    }
    CommittedOffset fetch(bool stable, QueueId in = log_a) {
        const auto answer = call<OffsetsFetched>(FetchOffsets{std::vector{in}, stable});
        return answer.offsets.empty() ? CommittedOffset{} : answer.offsets.front();
    }
};

TEST(GroupTransaction, OffsetsCountWhenItIsCommitted) {
    TransactionGroupWorld w;
    EXPECT_EQ(w.outcome_of(EnlistInGroup{producer}), GroupOutcome::ok);
    EXPECT_EQ(w.commit_pending(5), GroupOutcome::ok);
    EXPECT_FALSE(w.fetch(false).offset.has_value());
    EXPECT_EQ(w.fetch(true).outcome, GroupOutcome::unstable_offset);
    const RequestId end = w.send(EndInGroup{producer, true});
    EXPECT_FALSE(w.answered(end)) << "it is not durable yet";
    w.sync();
    EXPECT_TRUE(w.answered(end));
    EXPECT_EQ(w.fetch(true).offset, Offset(5));
    EXPECT_EQ(w.fetch(true).metadata, "m");
}

TEST(GroupTransaction, OffsetsAreAsBeforeWhenItIsAborted) {
    TransactionGroupWorld w;
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, "", 2)).outcome, GroupOutcome::ok);
    (void)w.outcome_of(EnlistInGroup{producer});
    EXPECT_EQ(w.commit_pending(5), GroupOutcome::ok);
    EXPECT_EQ(w.fetch(false).offset, Offset(2));
    EXPECT_EQ(w.outcome_of(EndInGroup{producer, false}), GroupOutcome::ok);
    EXPECT_EQ(w.fetch(true).offset, Offset(2));
}

TEST(GroupTransaction, WhoIsNotEnlistedOrFencedCommitsNothing) {
    TransactionGroupWorld w;
    EXPECT_EQ(w.commit_pending(5), GroupOutcome::invalid_transaction) << "no such group";
    (void)w.outcome_of(EnlistInGroup{producer});
    EXPECT_EQ(w.commit_pending(5, {8, 3}), GroupOutcome::invalid_transaction);
    EXPECT_EQ(w.commit_pending(5, {7, 2}), GroupOutcome::fenced_producer);
    EXPECT_EQ(w.outcome_of(EndInGroup{producer, true}), GroupOutcome::ok);
    (void)w.outcome_of(EnlistInGroup{{9, 0}});
    EXPECT_EQ(w.commit_pending(5), GroupOutcome::invalid_transaction) << "it is over";
}

TEST(GroupTransaction, AMemberThatIsNamedMustBeOneOfTheGeneration) {
    TransactionGroupWorld w;
    const auto members = stable_group(w, 1);
    (void)w.outcome_of(EnlistInGroup{producer});
    CommitInTransaction command;
    command.producer = producer;
    command.generation = members[0].generation;
    command.member = members[0].member;
    command.offsets.push_back({log_a, Offset(5), -1, ""});
    CommitInTransaction late = command;
    late.generation -= 1;
    CommitInTransaction stranger = command;
    stranger.member = "stranger";
    EXPECT_EQ(w.call<OffsetsCommitted>(command).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.call<OffsetsCommitted>(late).outcome, GroupOutcome::illegal_generation);
    EXPECT_EQ(w.call<OffsetsCommitted>(stranger).outcome, GroupOutcome::unknown_member);
}

TEST(GroupTransaction, ACrashKeepsPendingOffsetsAndWhoMayAddToThem) {
    TransactionGroupWorld w;
    (void)w.outcome_of(EnlistInGroup{producer});
    (void)w.commit_pending(5);
    w.crash();
    EXPECT_EQ(w.fetch(true).outcome, GroupOutcome::unstable_offset);
    EXPECT_EQ(w.commit_pending(6, producer, log_b), GroupOutcome::ok);
    w.take_snapshot();
    w.crash();
    (void)w.outcome_of(EndInGroup{producer, true});
    EXPECT_EQ(w.fetch(true).offset, Offset(5));
    EXPECT_EQ(w.fetch(true, log_b).offset, Offset(6));
    w.crash();
    EXPECT_EQ(w.fetch(true).offset, Offset(5));
    EXPECT_EQ(w.outcome_of(EndInGroup{producer, true}), GroupOutcome::ok) << "told again";
}

TEST(GroupTransaction, PendingOffsetsGoWithTheirLog) {
    TransactionGroupWorld w;
    (void)w.outcome_of(EnlistInGroup{producer});
    (void)w.commit_pending(5);
    w.missing.insert(log_a);
    w.crash();
    (void)w.outcome_of(EndInGroup{producer, true});
    EXPECT_FALSE(w.fetch(true).offset.has_value());
}

TEST(GroupTransaction, AGroupThatWasOnlyEnlistedIsForgottenAtTheEnd) {
    TransactionGroupWorld w;
    (void)w.outcome_of(EnlistInGroup{producer});
    EXPECT_EQ(w.describe().outcome, GroupOutcome::ok);
    (void)w.outcome_of(EndInGroup{producer, true});
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found);
}

}  // namespace
}  // namespace fantail::broker::testing
