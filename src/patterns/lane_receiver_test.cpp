// SPDX-License-Identifier: Apache-2.0
//! Tests of a lane's receiver against a scripted sender.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/lane_test_support.hpp"

namespace fantail::patterns {
namespace {

using testing::HasSubstr;

constexpr LaneId no_id{};
const LaneId lane = id_of(1);

/// A receiver with one attached sender.
struct Receiver {
    explicit Receiver(LaneSettings changes = {}) : pattern(std::move(changes)) { pattern.attach(peer); }
    void open(const LaneId& id = lane) { connect(pattern, peer, id); }
    void comes(std::uint64_t number, std::string_view body, std::uint32_t round = 0) {
        peer.sends(pattern, LaneFrame{.round = round, .number = LaneNumber(number)}, body);
    }
    LaneReceiver pattern;
    LanePeer peer;
};

TEST(LaneReceiver, GivesInOrderAndAcknowledgesAllUpToOne) {
    Receiver r;
    r.open();
    EXPECT_EQ(r.peer.commands(), "new 0/0");
    for (const std::uint64_t n : {1, 2, 3}) r.comes(n, "x");
    EXPECT_EQ(given(r.pattern), "1:x");
    EXPECT_EQ(given(r.pattern), "2:x");
    EXPECT_EQ(r.pattern.settle(done(lane, 3)), Outcome::invalid) << "it has not been given";
    EXPECT_EQ(r.pattern.settle(done(lane, 2)), Outcome::done);
    EXPECT_EQ(r.pattern.settle(done(lane, 1)), Outcome::done);
    EXPECT_EQ(r.peer.commands(), "ack 2");
}

TEST(LaneReceiver, AcknowledgesByItselfWhatTheProgramHadBefore) {
    Receiver r({.is_automatic = true});
    r.open();
    r.comes(1, "a");
    r.comes(2, "b");
    EXPECT_EQ(given(r.pattern), "1:a");
    EXPECT_EQ(r.peer.commands(), "new 0/0") << "the program may be at work on it";
    EXPECT_EQ(given(r.pattern), "2:b");
    EXPECT_EQ(r.peer.commands(), "ack 1");
    EXPECT_EQ(given(r.pattern), "(nothing)");
    EXPECT_EQ(r.peer.commands(), "ack 2");
}

TEST(LaneReceiver, DuplicatesAreDroppedOverConnections) {
    Receiver r;
    r.open();
    r.comes(1, "a");
    EXPECT_EQ(given(r.pattern), "1:a");
    EXPECT_EQ(r.pattern.settle(done(lane, 1)), Outcome::done);
    r.comes(2, "b");
    r.pattern.lost(r.peer);
    r.peer.commands();
    r.open();
    EXPECT_EQ(r.peer.commands(), "resume 2/1") << "what has arrived need not come again";
    r.comes(2, "b");
    r.comes(3, "c");
    EXPECT_EQ(given(r.pattern), "2:b*");
    EXPECT_EQ(given(r.pattern), "3:c");
    EXPECT_EQ(given(r.pattern), "(nothing)");
}

TEST(LaneReceiver, WhatASenderSentBeforeItDiedIsGiven) {
    Receiver r;
    r.open();
    r.comes(1, "last words");
    r.pattern.lost(r.peer);
    r.pattern.detach(r.peer);
    EXPECT_EQ(given(r.pattern), "1:last words*");
    EXPECT_EQ(r.pattern.settle(done(lane, 1)), Outcome::done);
}

TEST(LaneReceiver, ANewConnectionOfALaneTakesTheOldOnesPlace) {
    Receiver r;
    LanePeer second;
    r.pattern.attach(second);
    r.open();
    r.comes(1, "a");
    connect(r.pattern, second, lane);
    EXPECT_NE(r.peer.rejected, "");
    EXPECT_EQ(second.commands(), "resume 1/0");
    r.comes(2, "late");
    second.sends(r.pattern, LaneFrame{.number = LaneNumber(2)}, "b");
    EXPECT_EQ(given(r.pattern), "1:a*");
    EXPECT_EQ(given(r.pattern), "2:b");
    EXPECT_EQ(given(r.pattern), "(nothing)");
}

TEST(LaneReceiver, GivesAgainWhatTheProgramWantsAgain) {
    Receiver r;
    r.open();
    for (const std::uint64_t n : {1, 2, 3}) r.comes(n, "x");
    EXPECT_EQ(given(r.pattern), "1:x");
    EXPECT_EQ(given(r.pattern), "2:x");
    r.peer.commands();
    EXPECT_EQ(r.pattern.settle(again(lane, 2)), Outcome::done);
    EXPECT_EQ(r.peer.commands(), "retry 2");
    EXPECT_EQ(r.pattern.settle(again(lane, 2)), Outcome::invalid) << "it is on its way";
    EXPECT_EQ(given(r.pattern), "(nothing)") << "3 was sent before the sender knew";
    r.comes(2, "x", 1);
    r.comes(3, "x", 1);
    EXPECT_EQ(given(r.pattern), "2:x");
    EXPECT_EQ(r.pattern.settle(done(lane, 2)), Outcome::done);
    EXPECT_EQ(r.pattern.settle(again(lane, 2)), Outcome::invalid) << "it is acknowledged";
    EXPECT_EQ(given(r.pattern), "3:x");
}

TEST(LaneReceiver, WithoutAConnectionAgainMeansWhenItStands) {
    Receiver r;
    r.open();
    for (const std::uint64_t n : {1, 2, 3}) r.comes(n, "x");
    EXPECT_EQ(given(r.pattern), "1:x");
    r.pattern.lost(r.peer);
    EXPECT_EQ(r.pattern.settle(again(lane, 1)), Outcome::done);
    EXPECT_EQ(given(r.pattern), "(nothing)") << "2 and 3 come behind 1 again";
    r.peer.commands();
    r.open();
    EXPECT_EQ(r.peer.commands(), "resume 0/0");
}

TEST(LaneReceiver, ASkippedNumberIsPassedOverAndAGapEndsTheConnection) {
    Receiver r;
    r.open();
    r.comes(7, "what was before is done elsewhere");
    r.peer.sends(r.pattern, LaneFrame{.is_skipped = true, .number = LaneNumber(8)}, "");
    r.comes(9, "x");
    r.comes(11, "x");
    EXPECT_THAT(given(r.pattern), HasSubstr("7:"));
    EXPECT_EQ(given(r.pattern), "9:x");
    EXPECT_EQ(given(r.pattern), "(nothing)");
    EXPECT_THAT(r.peer.rejected, HasSubstr("gap"));
}

TEST(LaneReceiver, WhatIsNoFrameEndsTheConnection) {
    for (const char* bytes : {"short", "much too long for it"}) {
        Receiver r;
        r.open();
        r.peer.in.push(parts({bytes, "body"}));
        r.pattern.readable(r.peer);
        EXPECT_EQ(given(r.pattern), "(nothing)");
        EXPECT_NE(r.peer.rejected, "");
    }
    Receiver r;
    r.open();
    message alone(encode(LaneFrame{.number = LaneNumber(1)}));
    r.peer.in.push(std::move(alone));
    r.pattern.readable(r.peer);
    EXPECT_EQ(given(r.pattern), "(nothing)");
    EXPECT_NE(r.peer.rejected, "");
}

TEST(LaneReceiver, PeersWithoutLanesAreRefusedUnlessTheyAreWanted) {
    Receiver strict;
    strict.pattern.ready(strict.peer);
    EXPECT_THAT(strict.peer.rejected, HasSubstr("without lanes"));
    Receiver lenient({.takes_plain = true, .is_automatic = true});
    lenient.pattern.ready(lenient.peer);
    lenient.peer.in.push(message("plain"));
    lenient.pattern.readable(lenient.peer);
    EXPECT_EQ(given(lenient.pattern), "0:plain");
    EXPECT_EQ(lenient.pattern.settle(done(no_id, 0)), Outcome::done) << "there is nobody to tell";
    EXPECT_EQ(given(lenient.pattern), "(nothing)");
    EXPECT_EQ(lenient.peer.commands(), "");
}

TEST(LaneReceiver, RemembersNoMoreLanesThanItMayAndTheNewestOfThem) {
    Receiver r({.lanes_max = 2});
    for (const std::uint8_t n : {1, 2, 3}) {
        r.open(id_of(n));
        r.comes(1, "x");
        EXPECT_EQ(given(r.pattern), "1:x");
        r.pattern.lost(r.peer);
    }
    EXPECT_EQ(r.pattern.lanes(), 2u);
    r.peer.commands();
    r.open(id_of(3));
    EXPECT_EQ(r.peer.commands(), "resume 1/0");
    r.pattern.lost(r.peer);
    r.open(id_of(1));
    EXPECT_EQ(r.peer.commands(), "new 0/0");
}

TEST(LaneWire, PropertiesOfOtherVersionsAreNone) {
    EXPECT_EQ(parse_lane_property(lane_property(lane)), lane);
    EXPECT_EQ(parse_lane_property(lane_property(lane) + "more"), lane);
    EXPECT_EQ(parse_lane_property(""), std::nullopt);
    EXPECT_EQ(parse_lane_property(lane_property(lane).replace(0, 1, "\2")), std::nullopt);
    EXPECT_EQ(parse_lane_property(lane_property(lane).substr(0, 16)), std::nullopt);
}

}  // namespace
}  // namespace fantail::patterns
