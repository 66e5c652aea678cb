// SPDX-License-Identifier: Apache-2.0
//! Groups that assign by themselves: epochs, revocation before assignment, static members, time and restarts.
#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int32_t assigned_session_ms = 45'000;  ///< GroupLimits

/// A member as its client sees it.
struct Client {
    std::string member;
    std::optional<std::string> instance;
    std::int32_t epoch = 0;
    Partitions owned;
};

class Assigned : public ::testing::Test {
protected:
    Assigned() { topic = w.topics.put("orders", 6); }

    static AssignedHeartbeat joining(const Client& client, std::vector<std::string> names = {"orders"}) {
        AssignedHeartbeat beat;
        beat.member = client.member;
        beat.instance = client.instance;
        beat.client_id = "client";
        beat.client_host = "/127.0.0.1";
        beat.user = "guest";
        beat.vhost = VhostId(1);
        beat.rebalance_timeout_ms = rebalance_ms;
        beat.topics = std::move(names);
        beat.owned.emplace();
        return beat;
    }
    static AssignedHeartbeat beating(const Client& client) {
        AssignedHeartbeat beat;
        beat.member = client.member;
        beat.instance = client.instance;
        beat.client_id = "client";
        beat.client_host = "/127.0.0.1";
        beat.user = "guest";
        beat.vhost = VhostId(1);
        beat.epoch = client.epoch;
        return beat;
    }
    AssignedHeard hear(Client& client, AssignedHeartbeat beat) {
        AssignedHeard heard = w.call<AssignedHeard>(std::move(beat));
        if (heard.outcome != GroupOutcome::ok) return heard;
        client.epoch = heard.epoch;
        if (heard.partitions) client.owned = *heard.partitions;
        return heard;
    }
    AssignedHeard join(Client& client, std::vector<std::string> names = {"orders"}) {
        client.epoch = 0;
        client.owned.clear();
        return hear(client, joining(client, std::move(names)));
    }
    AssignedHeard beat(Client& client) { return hear(client, beating(client)); }
    /// It has let go of what it lost, and says so.
    AssignedHeard report(Client& client) {
        AssignedHeartbeat beat = beating(client);
        beat.owned = client.owned;
        return hear(client, std::move(beat));
    }
    GroupOutcome leave(const Client& client, std::int32_t how = epoch_leaves) {
        AssignedHeartbeat beat = beating(client);
        beat.epoch = how;
        return w.call<AssignedHeard>(std::move(beat)).outcome;
    }
    AssignedDescribed describe() { return w.call<AssignedDescribed>(DescribeAssigned{}); }
    GroupState state() { return describe().state; }
    /// Heartbeats until nobody has anything to do.
    void settle(std::vector<Client*> clients) {
        for (int round = 0; round < 6; ++round)
            for (Client* each : clients) {
                beat(*each);
                report(*each);
            }
        EXPECT_EQ(state(), GroupState::stable);
    }

    GroupWorld w;
    TopicId topic;
    Client a{.member = "a", .instance = {}, .epoch = 0, .owned = {}};
    Client b{.member = "b", .instance = {}, .epoch = 0, .owned = {}};
};

TEST_F(Assigned, TheFirstMemberGetsEverythingAtOnce) {
    const AssignedHeard heard = join(a);
    EXPECT_EQ(heard.outcome, GroupOutcome::ok);
    EXPECT_EQ(heard.member, "a");
    EXPECT_EQ(heard.epoch, 1);
    EXPECT_EQ(heard.heartbeat_ms, 5'000);
    EXPECT_THAT(a.owned, SizeIs(6));
    EXPECT_EQ(state(), GroupState::stable);
    EXPECT_EQ(beat(a).partitions, std::nullopt) << "it is told what changes";
}

TEST_F(Assigned, WhoHasNoIdIsGivenOne) {
    Client nameless;
    const AssignedHeard heard = join(nameless);
    EXPECT_THAT(heard.member, SizeIs(36));
}

TEST_F(Assigned, AnAnswerWaitsForTheDisk) {
    const RequestId request = w.send(joining(a));
    EXPECT_FALSE(w.answered(request));
    w.sync();
    EXPECT_EQ(w.take<AssignedHeard>(request).epoch, 1);
}

TEST_F(Assigned, ANewcomerWaitsForWhatOthersLetGoOf) {
    join(a);
    join(b);
    EXPECT_EQ(b.epoch, 2);
    EXPECT_THAT(b.owned, IsEmpty()) << "all is in use still";
    EXPECT_EQ(state(), GroupState::reconciling);

    const Partitions before = a.owned;
    beat(a);
    EXPECT_EQ(a.epoch, 1) << "it stays in its epoch until it has let go";
    EXPECT_THAT(a.owned, SizeIs(3));
    beat(b);
    EXPECT_THAT(b.owned, IsEmpty());

    Client slow = a;
    slow.owned = before;
    EXPECT_EQ(report(slow).epoch, 1) << "it still uses what it lost";
    beat(b);
    EXPECT_THAT(b.owned, IsEmpty());

    report(a);
    EXPECT_EQ(a.epoch, 2);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(3));
    EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(Assigned, WhoLeavesGivesEverythingBackAtOnce) {
    join(a);
    join(b);
    settle({&a, &b});
    EXPECT_EQ(leave(a), GroupOutcome::ok);
    EXPECT_EQ(state(), GroupState::assigning);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(6));
    EXPECT_EQ(leave(a), GroupOutcome::unknown_member);
    EXPECT_EQ(leave(b), GroupOutcome::ok);
    EXPECT_EQ(state(), GroupState::empty);
}

TEST_F(Assigned, EpochsFenceWhoIsBehindOrAhead_110) {
    join(a);
    Client ahead = a;
    ahead.epoch = 2;
    EXPECT_EQ(beat(ahead).outcome, GroupOutcome::fenced_epoch);
    join(b);
    beat(a);
    report(a);
    ASSERT_EQ(a.epoch, 2);
    Client lost = a;
    lost.epoch = 1;
    EXPECT_EQ(beat(lost).outcome, GroupOutcome::fenced_epoch) << "it does not say what it owns";
    EXPECT_EQ(report(lost).epoch, 2) << "its last answer was lost";
    Client zombie = a;
    zombie.epoch = 1;
    zombie.owned = {{topic, 0}, {topic, 1}, {topic, 2}, {topic, 3}, {topic, 4}, {topic, 5}};
    EXPECT_EQ(report(zombie).outcome, GroupOutcome::fenced_epoch) << "it still uses what another has";
    EXPECT_EQ(beat(b).outcome, GroupOutcome::ok);
    Client stranger{.member = "c", .instance = {}, .epoch = 2, .owned = {}};
    EXPECT_EQ(beat(stranger).outcome, GroupOutcome::unknown_member);
}

TEST_F(Assigned, WhoJoinsAnewIsToldEverythingAgain) {
    join(a);
    join(b);
    settle({&a, &b});
    const Partitions had = a.owned;
    const AssignedHeard again = join(a);
    EXPECT_EQ(again.outcome, GroupOutcome::ok);
    EXPECT_EQ(a.owned, had);
    EXPECT_EQ(a.epoch, 2) << "nothing changed for the others";
}

TEST_F(Assigned, HeartbeatsOfAGroupThatIsNotThere_69) {
    a.epoch = 3;
    EXPECT_EQ(beat(a).outcome, GroupOutcome::not_found);
    EXPECT_EQ(leave(a), GroupOutcome::not_found);
    EXPECT_EQ(describe().outcome, GroupOutcome::not_found);
}

TEST_F(Assigned, TheSilentAreOutAfterTheirSession) {
    join(a);
    join(b);
    settle({&a, &b});
    w.pass_ms(assigned_session_ms - 1);
    EXPECT_EQ(beat(b).outcome, GroupOutcome::ok);
    w.pass_ms(1);
    EXPECT_EQ(beat(a).outcome, GroupOutcome::unknown_member);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(6));
}

TEST_F(Assigned, WhoDoesNotLetGoIsOutAfterTheRebalanceTimeout) {
    join(a);
    join(b);
    beat(a);
    for (std::int32_t waited = 0; waited < rebalance_ms; waited += 10'000) {
        EXPECT_EQ(beat(a).outcome, GroupOutcome::ok) << waited;
        EXPECT_EQ(beat(b).outcome, GroupOutcome::ok) << waited;
        w.pass_ms(10'000);
    }
    EXPECT_EQ(beat(a).outcome, GroupOutcome::unknown_member);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(6));
}

TEST_F(Assigned, TopicsThatComeGrowAndGoAreSharedAnew) {
    join(a, {"orders", "returns"});
    EXPECT_THAT(a.owned, SizeIs(6));
    w.topics.put("returns", 2);
    w.pass_ms(limits::group_refresh_ms);
    beat(a);
    EXPECT_THAT(a.owned, SizeIs(8));
    EXPECT_EQ(a.epoch, 2);
    w.topics.put("orders", 7);
    w.pass_ms(limits::group_refresh_ms);
    beat(a);
    EXPECT_THAT(a.owned, SizeIs(9));
    w.topics.remove("orders");
    w.pass_ms(limits::group_refresh_ms);
    beat(a);
    EXPECT_THAT(a.owned, SizeIs(2));
    report(a);
    EXPECT_EQ(state(), GroupState::stable);
    w.topics.put("unrelated", 2);
    w.pass_ms(limits::group_refresh_ms);
    EXPECT_EQ(beat(a).epoch, 4) << "nobody chose it";
}

TEST_F(Assigned, PatternsChooseWholeNamesThatTheUserMayRead) {
    w.topics.put("orders-eu", 2);
    w.topics.put("old-orders", 2);
    w.topics.put("orders-secret", 2);
    w.topics.denied = {"orders-secret"};
    AssignedHeartbeat beat = joining(a, {});
    beat.pattern = "orders.*";
    hear(a, beat);
    EXPECT_THAT(a.owned, SizeIs(8));
    w.topics.put("orders-us", 1);
    w.pass_ms(limits::group_refresh_ms);
    this->beat(a);
    EXPECT_THAT(a.owned, SizeIs(9));
}

TEST_F(Assigned, WhatIsNoPatternIsRefused_128) {
    for (const std::string& bad :
         {std::string("("), std::string("a(?=b)"), std::string(2'000, 'a'), std::string("(.*a.{30}){12}b")}) {
        AssignedHeartbeat beat = joining(a, {});
        beat.pattern = bad;
        EXPECT_EQ(hear(a, beat).outcome, GroupOutcome::invalid_pattern) << bad;
    }
    EXPECT_EQ(describe().outcome, GroupOutcome::not_found) << "and leaves nothing behind";
    for (std::uint32_t n = 0; n <= limits::group_patterns_max; ++n) {
        Client each{.member = "m" + std::to_string(n), .instance = {}, .epoch = 0, .owned = {}};
        AssignedHeartbeat beat = joining(each, {});
        beat.pattern = "t" + std::to_string(n);
        const bool fits = n < limits::group_patterns_max;
        EXPECT_EQ(hear(each, beat).outcome, fits ? GroupOutcome::ok : GroupOutcome::invalid_pattern);
    }
}

TEST_F(Assigned, OtherTopicsAreAChangeOfTheGroup) {
    w.topics.put("returns", 2);
    join(a);
    AssignedHeartbeat other = beating(a);
    other.topics = std::vector<std::string>{"returns"};
    hear(a, other);
    EXPECT_THAT(a.owned, IsEmpty()) << "first it lets go";
    report(a);
    EXPECT_THAT(a.owned, SizeIs(2));
    EXPECT_EQ(a.epoch, 2);
}

TEST_F(Assigned, MostMembersChooseTheAssignor) {
    w.topics.put("orders", 3);
    AssignedHeartbeat beat = joining(a);
    beat.assignor = Assignor::range;
    hear(a, beat);
    EXPECT_EQ(describe().assignor, Assignor::range);
    join(b);
    EXPECT_EQ(describe().assignor, Assignor::range);
}

TEST_F(Assigned, StaticMembersComeBackToWhatTheyHad) {
    a.instance = "one";
    join(a);
    join(b);
    settle({&a, &b});
    const Partitions had = a.owned;
    Client other{.member = "c", .instance = "one", .epoch = 0, .owned = {}};
    EXPECT_EQ(join(other).outcome, GroupOutcome::unreleased_instance) << "it is there";
    EXPECT_EQ(leave(a, epoch_pauses), GroupOutcome::ok);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(3)) << "it will come back";
    EXPECT_EQ(join(other).outcome, GroupOutcome::ok);
    EXPECT_EQ(other.owned, had);
    EXPECT_EQ(beat(b).epoch, b.epoch);
    EXPECT_EQ(other.epoch, b.epoch) << "nobody else hears of it";
    EXPECT_EQ(beat(a).outcome, GroupOutcome::fenced_instance);
    EXPECT_EQ(leave(other, epoch_pauses), GroupOutcome::ok);
    w.pass_ms(assigned_session_ms - 1'000);
    beat(b);
    w.pass_ms(1'000);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(6)) << "it did not come back";
}

TEST_F(Assigned, CommitsAndFetchesNeedTheMembersEpoch_113) {
    join(a);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, "a", 5)).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(2, "a", 6)).outcome, GroupOutcome::stale_epoch);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, "x", 6)).outcome, GroupOutcome::unknown_member);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, "", 6)).outcome, GroupOutcome::unknown_member) << "from outside";
    const auto fetched = [&](std::optional<std::string> member, std::int32_t epoch) {
        return w.call<OffsetsFetched>(FetchOffsets{.member = std::move(member), .epoch = epoch}).outcome;
    };
    EXPECT_EQ(fetched("a", 1), GroupOutcome::ok);
    EXPECT_EQ(fetched(std::nullopt, -1), GroupOutcome::ok);
    EXPECT_EQ(fetched("a", 0), GroupOutcome::stale_epoch);
    EXPECT_EQ(fetched("x", 1), GroupOutcome::unknown_member);
    leave(a);
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(-1, "", 6)).outcome, GroupOutcome::ok);
}

TEST_F(Assigned, AFullGroupTakesNobodyNew_81) {
    GroupLimits limits;
    limits.members_max = 1;
    w.table->set_limits(limits);
    EXPECT_EQ(join(a).outcome, GroupOutcome::ok);
    EXPECT_EQ(join(b).outcome, GroupOutcome::full);
    EXPECT_EQ(join(a).outcome, GroupOutcome::ok);
}

TEST_F(Assigned, WhatMembersSayIsBoundedHoweverItGrows_81) {
    const std::vector<std::string> large{std::string(200 << 10, 't')}, small{"orders"};
    std::vector<Client> clients;
    for (std::uint64_t n = 0; n <= limits::group_bytes_max / (200 << 10); ++n) {
        clients.push_back({.member = "m" + std::to_string(n), .instance = {}, .epoch = 0, .owned = {}});
        ASSERT_EQ(join(clients.back(), small).outcome, GroupOutcome::ok);
    }
    // None of them is new.
    const auto refused = std::ranges::find_if(clients, [&](Client& each) {
        std::ranges::fill(w.log, Bytes());  // nobody reads it
        return join(each, large).outcome == GroupOutcome::full;
    });
    ASSERT_NE(refused, clients.end());
    EXPECT_EQ(join(clients.front(), small).outcome, GroupOutcome::ok) << "less is always taken";
    EXPECT_EQ(join(*refused, large).outcome, GroupOutcome::ok);
}

TEST_F(Assigned, ManyThatFallSilentTogetherAreOneChange) {
    for (int n = 0; n < 20; ++n) {
        Client each{.member = "m" + std::to_string(n), .instance = {}, .epoch = 0, .owned = {}};
        join(each);
    }
    w.pass_ms(assigned_session_ms - 1'000);
    join(a);
    const std::int32_t before = describe().epoch;
    w.pass_ms(2'000);
    EXPECT_THAT(describe().members, SizeIs(1));
    EXPECT_EQ(describe().epoch, before + 1);
}

TEST_F(Assigned, TheLastEpochIsNotPassedSoThatTheLogCanBeRead) {
    join(a);
    Bytes change;
    encode_group_change(AssignedEpochChange{w.group, group_epoch_max, group_epoch_max, Assignor::uniform, 0, {}},
                        change);
    w.log.push_back(change);
    w.durable = w.log.size();
    w.crash();
    join(b);
    EXPECT_EQ(leave(b), GroupOutcome::ok);
    w.crash();  // which reads all of it again
    EXPECT_EQ(describe().epoch, group_epoch_max);
    EXPECT_EQ(leave(a), GroupOutcome::ok);
    EXPECT_EQ(w.outcome_of(DeleteGroup{}), GroupOutcome::ok);
    join(a);
    EXPECT_EQ(a.epoch, 1);
}

TEST_F(Assigned, KindsDoNotMixAndFollowEachOther) {
    stable_group(w, 1);
    EXPECT_EQ(join(a).outcome, GroupOutcome::not_found) << "a classic group with members";
    EXPECT_EQ(describe().outcome, GroupOutcome::not_found);
    w.call<OffsetsCommitted>(commit(1, w.describe().members.at(0).member, 7));
    w.pass_ms(60'000);
    ASSERT_EQ(w.state(), GroupState::empty);

    EXPECT_EQ(join(a).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.describe().outcome, GroupOutcome::not_found);
    EXPECT_EQ(w.call<GroupJoined>(broker::testing::join()).outcome, GroupOutcome::inconsistent_protocol);
    EXPECT_EQ(w.call<OffsetsFetched>(FetchOffsets{}).offsets.at(0).offset, Offset(7)) << "offsets stay";
    EXPECT_EQ(w.outcome_of(DeleteGroup{}), GroupOutcome::not_empty);
    leave(a);

    const auto members = stable_group(w, 1);
    EXPECT_EQ(members.at(0).generation, 1);
    EXPECT_EQ(describe().outcome, GroupOutcome::not_found);
    w.crash();
    EXPECT_EQ(w.state(), GroupState::stable) << "it is a classic group on the disk too";
}

TEST_F(Assigned, OffsetsOfChosenTopicsStay_86) {
    join(a);
    DeleteOffsets removal;
    removal.offsets = {{log_a, "orders"}, {log_b, "others"}};
    const auto outcomes = w.call<OffsetsCommitted>(std::move(removal)).logs;
    EXPECT_EQ(outcomes.at(0), GroupOutcome::subscribed);
    EXPECT_EQ(outcomes.at(1), GroupOutcome::ok);
}

TEST_F(Assigned, AdministratorsSendMembersAwayByInstance) {
    a.instance = "one";
    join(a);
    const auto left = w.call<GroupLeft>(LeaveGroup{{{"", "one"}, {"", "two"}}});
    EXPECT_EQ(left.members.at(0), GroupOutcome::ok);
    EXPECT_EQ(left.members.at(1), GroupOutcome::unknown_member);
    EXPECT_EQ(state(), GroupState::empty);
}

TEST_F(Assigned, ARestartGoesOnInTheMiddleOfARebalance) {
    join(a);
    join(b);
    beat(a);
    w.crash();
    EXPECT_EQ(beat(b).outcome, GroupOutcome::ok);
    EXPECT_THAT(b.owned, IsEmpty()) << "the other has not let go";
    report(a);
    beat(b);
    EXPECT_THAT(b.owned, SizeIs(3));
    w.take_snapshot();
    w.crash();
    EXPECT_EQ(beat(a).partitions, std::nullopt);
    EXPECT_EQ(describe().epoch, 2) << "a restart is no change";
    EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(Assigned, EmptyGroupsAreForgottenWithTheirOffsets) {
    join(a);
    w.call<OffsetsCommitted>(commit(1, "a", 5));
    leave(a);
    w.pass_ms(GroupLimits{}.offset_retention_ms - 2 * std::int64_t{limits::group_sweep_ms});
    EXPECT_EQ(describe().outcome, GroupOutcome::ok);
    w.pass_ms(4 * std::int64_t{limits::group_sweep_ms});
    EXPECT_EQ(describe().outcome, GroupOutcome::not_found);
}

}  // namespace
}  // namespace fantail::broker::testing
