// SPDX-License-Identifier: Apache-2.0
//! What groups keep: the bytes of changes and snapshots, and what members find after a restart.
#include <gmock/gmock.h>

#include "base/limits.hpp"
#include "broker/groups/group_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

KeptMember kept_member(const std::string& id, std::optional<std::string> instance = std::nullopt) {
    auto facts = std::make_shared<MemberFacts>();
    facts->member = id;
    facts->instance = std::move(instance);
    facts->client_id = "client";
    facts->client_host = "/::1";
    facts->session_timeout_ms = 45'000;
    facts->rebalance_timeout_ms = 300'000;
    facts->protocols = {protocol("range", "bytes", {{"orders", ""}}), protocol("sticky")};
    return {facts, std::make_shared<const Bytes>(to_bytes(as_bytes("share")))};
}

GenerationChange generation(std::int32_t number, std::vector<KeptMember> members) {
    return {"g", number, "consumer", "range", "a", WallTime{1'700'000'000'000}, true, true, std::move(members)};
}

AssignedMemberRef assigned_member(const std::string& id) {
    AssignedMember member;
    member.id = id;
    member.instance = "one";
    member.rack = "rack";
    member.client_id = "client";
    member.client_host = "/::1";
    member.user = "guest";
    member.vhost = VhostId(1);
    member.rebalance_timeout_ms = 300'000;
    member.topics = {"orders", "returns"};
    member.pattern = "a.*";
    member.assignor = Assignor::range;
    member.epoch = 5;
    member.previous_epoch = 4;
    member.state = AssignedState::revoking;
    member.partitions = {{TopicId(1), 0}, {TopicId(1), 300}, {TopicId(~0ull), 2}};
    member.revoked = {{TopicId(1), 1}};
    member.target = {{TopicId(1), 0}};
    return std::make_shared<const AssignedMember>(std::move(member));
}

Bytes encoded(const GroupStore& store) {
    Bytes bytes;
    Writer out(bytes);
    store.encode(out);
    return bytes;
}

TEST(GroupChange, IsReadAsItWasWritten) {
    const std::vector<GroupChange> changes = {
        generation(3, {kept_member("a"), kept_member("b", "one")}),
        MemberChange{"g", "a", kept_member("c", "two")},
        OffsetsChange{"g", WallTime{5}, {{QueueId(7), Offset(1ull << 63), -1, "note"}, {QueueId(8), Offset(0), 3, ""}}},
        OffsetsGoneChange{"g", {QueueId(7), QueueId(~0ull)}},
        LogGoneChange{QueueId(7)},
        GroupGoneChange{""},
        AssignedEpochChange{"g", 7, 6, Assignor::range, ~0ull, WallTime{5}},
        AssignedMemberChange{"g", "former", assigned_member("a")},
        AssignedGoneChange{"g", "a"},
    };
    for (const GroupChange& change : changes) {
        Bytes once, twice;
        encode_group_change(change, once);
        EXPECT_TRUE(is_group_change(once));
        const auto read = decode_group_change(once);
        ASSERT_TRUE(read.has_value()) << change.index();
        EXPECT_EQ(read->index(), change.index());
        encode_group_change(*read, twice);
        EXPECT_EQ(once, twice);
        for (std::size_t cut = 0; cut < once.size(); ++cut)
            EXPECT_FALSE(decode_group_change(ByteView(once).first(cut)).has_value()) << cut;
        once.push_back(0);
        EXPECT_FALSE(decode_group_change(once).has_value()) << "bytes left over";
    }
    const Bytes unknown = {31}, next = {43};
    EXPECT_FALSE(is_group_change(next));
    EXPECT_FALSE(is_group_change(unknown));
    EXPECT_FALSE(is_group_change({}));
    EXPECT_FALSE(decode_group_change(unknown).has_value());
}

TEST(GroupChange, MemberFactsSurvive) {
    Bytes bytes;
    encode_group_change(MemberChange{"g", "a", kept_member("c", "two")}, bytes);
    const auto read = decode_group_change(bytes);
    ASSERT_TRUE(read.has_value());
    const MemberFacts& facts = *std::get<MemberChange>(*read).member.facts;
    EXPECT_EQ(facts.member, "c");
    EXPECT_EQ(facts.instance, "two");
    EXPECT_EQ(facts.client_host, "/::1");
    EXPECT_EQ(facts.session_timeout_ms, 45'000);
    EXPECT_EQ(facts.rebalance_timeout_ms, 300'000);
    EXPECT_EQ(facts.protocols, kept_member("c").facts->protocols);
    EXPECT_GE(facts.bytes() + 5 + 64, bytes.size()) << "sizes are never taken too low";
}

TEST(GroupStore, AGenerationCountsWhenItsLastPartIsWritten) {
    GroupStore store;
    store.apply(generation(1, {kept_member("a")}));
    GenerationChange part = generation(2, {kept_member("b")});
    part.last = false;
    store.apply(part);
    EXPECT_EQ(store.find("g")->generation, 1);
    GenerationChange rest = generation(2, {kept_member("c")});
    rest.first = false;
    store.apply(rest);
    EXPECT_EQ(store.find("g")->generation, 2);
    EXPECT_THAT(store.find("g")->members, SizeIs(2));

    store.apply(part);
    store.drop_unfinished();
    store.apply(rest);
    EXPECT_THAT(store.find("g")->members, SizeIs(1)) << "what a crash cut off is not taken up again";
}

TEST(GroupStore, ChangesMayBeAppliedTwice) {
    const std::vector<GroupChange> changes = {
        generation(1, {kept_member("a", "one"), kept_member("b")}),
        MemberChange{"g", "a", kept_member("c", "one")},
        OffsetsChange{"g", WallTime{5}, {{QueueId(7), Offset(1), -1, "note"}, {QueueId(8), Offset(2), -1, {}}}},
        OffsetsGoneChange{"g", {QueueId(7)}},
    };
    GroupStore once, twice;
    for (const GroupChange& change : changes) {
        once.apply(change);
        twice.apply(change);
        twice.apply(change);
    }
    EXPECT_EQ(encoded(once), encoded(twice));
    EXPECT_EQ(once.find("g")->leader, "c");
    EXPECT_THAT(once.find("g")->offsets, SizeIs(1));
}

TEST(GroupStore, AMemberThatTheGroupAssignsSurvives) {
    Bytes bytes;
    encode_group_change(AssignedMemberChange{"g", "former", assigned_member("a")}, bytes);
    const auto read = decode_group_change(bytes);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*std::get<AssignedMemberChange>(*read).member, *assigned_member("a"));
}

TEST(GroupStore, AGroupIsOfOneKind) {
    GroupStore store;
    store.apply(generation(1, {kept_member("a")}));
    store.apply(AssignedEpochChange{"g", 1, 0, Assignor::none, 9, WallTime{5}});
    store.apply(AssignedMemberChange{"g", {}, assigned_member("b")});
    EXPECT_THAT(store.find("g")->members, IsEmpty());
    EXPECT_THAT(store.find("g")->assigned->members, SizeIs(1));
    store.apply(generation(1, {kept_member("a")}));
    EXPECT_FALSE(store.find("g")->assigned.has_value());
}

TEST(GroupStore, ASnapshotHoldsEverything) {
    GroupStore store;
    store.apply(generation(1, {kept_member("a"), kept_member("b", "one")}));
    store.apply(OffsetsChange{"g", WallTime{5}, {{QueueId(7), Offset(1), 2, "note"}}});
    store.apply(OffsetsChange{"only offsets", WallTime{5}, {{QueueId(8), Offset(1), -1, {}}}});
    store.apply(AssignedEpochChange{"assigned", 7, 6, Assignor::range, 9, WallTime{5}});
    store.apply(AssignedMemberChange{"assigned", {}, assigned_member("a")});
    const Bytes bytes = encoded(store);
    GroupStore copy;
    Reader in(bytes);
    ASSERT_TRUE(copy.decode(in));
    EXPECT_TRUE(in.done());
    EXPECT_EQ(encoded(copy), bytes);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        GroupStore part;
        Reader short_in(ByteView(bytes).first(cut));
        EXPECT_FALSE(part.decode(short_in)) << cut;
    }
}

TEST(GroupRestart, MembersGoOnInTheSameGeneration) {
    GroupWorld w;
    const auto members = stable_group(w, {join(), join_static("one")});
    w.call<OffsetsCommitted>(commit(1, members[0].member, 41));
    w.take_snapshot();
    w.call<OffsetsCommitted>(commit(1, members[0].member, 42));
    w.crash();
    EXPECT_EQ(w.state(), GroupState::stable);
    for (const GroupJoined& member : members) {
        EXPECT_EQ(w.outcome_of(beat(member)), GroupOutcome::ok);
        EXPECT_EQ(as_text(w.call<GroupSynced>(sync_of(member)).assignment), "for " + member.member);
    }
    EXPECT_EQ(w.call<OffsetsCommitted>(commit(1, members[0].member, 43)).outcome, GroupOutcome::ok);
    EXPECT_EQ(w.call<GroupJoined>(join(members[1].member)).generation, 1) << "a follower that asks again";
    EXPECT_EQ(w.call<GroupJoined>(join_static("one")).generation, 1);
}

TEST(GroupRestart, SessionsStartAnew) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    w.pass_ms(session_ms - 1);
    w.crash();
    w.pass_ms(session_ms - 1);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::ok);
    w.pass_ms(session_ms);
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::unknown_member);
}

TEST(GroupRestart, AGenerationThatNobodyWasAssignedIsForgotten) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    const GroupJoined second = w.call<GroupJoined>(join(members[0].member));
    EXPECT_EQ(second.generation, 2);
    const RequestId unsafe = w.send(sync_of(second));
    EXPECT_FALSE(w.answered(unsafe));
    w.crash();
    EXPECT_EQ(w.outcome_of(beat(members[0])), GroupOutcome::ok);
    EXPECT_EQ(w.outcome_of(beat(second)), GroupOutcome::illegal_generation);
    EXPECT_EQ(w.call<GroupJoined>(join(members[0].member)).generation, 2);
}

TEST(GroupRestart, AStaticMembersNewIdSurvives) {
    GroupWorld w;
    const auto members = stable_group(w, {join_static("one")});
    const GroupJoined back = w.call<GroupJoined>(join_static("one"));
    w.crash();
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, members[0].member, "one"}), GroupOutcome::fenced_instance);
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, back.member, "one"}), GroupOutcome::ok);
    EXPECT_EQ(w.call<GroupJoined>(join_static("one", back.member)).generation, 2) << "it still leads";
}

TEST(GroupRestart, AStaticMembersNewIdSurvivesARebalanceThatDoesNot) {
    GroupWorld w;
    const auto members = stable_group(w, {join_static("one"), join()});
    w.send(join());
    w.send(join_static("one"));
    std::string id;
    for (const auto& each : w.describe().members) {
        if (each.instance) id = each.member;
    }
    w.crash();
    EXPECT_EQ(w.outcome_of(GroupHeartbeat{1, id, "one"}), GroupOutcome::ok);
}

TEST(GroupRestart, AnEmptyGroupKeepsItsGeneration) {
    GroupWorld w;
    const auto members = stable_group(w, 1);
    w.call<GroupLeft>(LeaveGroup{{{members[0].member, {}}}});
    w.sync();
    w.crash();
    EXPECT_EQ(w.state(), GroupState::empty);
    EXPECT_EQ(stable_group(w, 1)[0].generation, 3);
}

TEST(GroupRestart, ALargeGroupIsWrittenInPartsAndComesBackWhole) {
    GroupWorld w;
    std::vector<JoinGroup> joins(10, join({}, {protocol("range", std::string(200'000, 'x'))}));
    const auto members = stable_group(w, joins);
    EXPECT_GE(w.log.size(), 3u);
    w.crash();
    EXPECT_THAT(w.describe().members, SizeIs(10));
    for (const GroupJoined& member : members) EXPECT_EQ(w.outcome_of(beat(member)), GroupOutcome::ok);

    const std::size_t before = w.log.size();
    w.send(join(members[0].member, {protocol("range", std::string(200'000, 'y'))}));
    for (const GroupJoined& member : members) w.send(join(member.member, joins[0].protocols));
    const GroupDescribed next = w.describe();
    EXPECT_EQ(next.generation, 2);
    w.send(SyncGroup{2, next.members[0].member, {}, {}, {}, {}});
    w.send(SyncGroup{2, members[0].member, {}, {}, {}, {}});
    ASSERT_GT(w.log.size(), before + 1);
    w.durable = w.log.size() - 1;  // the last part is lost
    w.crash();
    EXPECT_EQ(w.describe().generation, 1);
}

TEST(GroupRestart, GroupsAreBoundedInBytes) {
    GroupWorld w;
    const std::string large(250'000, 'x');
    GroupOutcome outcome = GroupOutcome::ok;
    int members = 0;
    for (; outcome == GroupOutcome::ok && members < 1'000; ++members) {
        JoinGroup command = join({}, {protocol("range", large)});
        const RequestId request = w.send(command);
        if (w.answered(request)) outcome = w.take<GroupJoined>(request).outcome;
    }
    EXPECT_EQ(outcome, GroupOutcome::full);
    EXPECT_NEAR(members, limits::group_bytes_max / 250'000, 3);
}

}  // namespace
}  // namespace fantail::broker::testing
