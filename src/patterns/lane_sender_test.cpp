// SPDX-License-Identifier: Apache-2.0
//! Tests of a lane's sender against a scripted receiver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/lane_test_support.hpp"

namespace fantail::patterns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const LaneId lane = id_of(1);
const LaneId receiver_a = id_of(0xA);
const LaneId receiver_b = id_of(0xB);

LaneResume first_time(std::uint32_t window = 100) { return {.window = window}; }
LaneResume goes_on(std::uint64_t delivered, std::uint64_t acked, std::uint64_t given = 0) {
    return {.is_known = true,
            .delivered = LaneNumber(delivered),
            .acked = LaneNumber(acked),
            .given = LaneNumber(std::max(delivered, given)),
            .window = 100};
}
LaneAck ack(std::uint64_t number) { return {LaneNumber(number)}; }
LaneRetry retry(std::uint64_t number, std::uint64_t given) {
    return {.number = LaneNumber(number), .given = LaneNumber(given)};
}

/// A sender with one attached peer, and what it has reported and given up.
struct Sender {
    explicit Sender(LaneSettings changes = {}) {
        changes.id = lane;
        changes.report = [this](LaneNews, const std::string& detail) { news.push_back(detail); };
        changes.dead_letter = [this](const message& m, std::uint32_t attempts) {
            dead.push_back(std::string(m.text()) + " " + std::to_string(attempts));
        };
        pattern.emplace(std::move(changes));
        pattern->attach(peer);
        pattern->set_time({});
    }
    void take(std::initializer_list<const char*> texts) {
        for (const char* text : texts) EXPECT_EQ(send(*pattern, text), Outcome::done);
    }
    /// Its connection is lost, another one made, and resumed so.
    void reconnect(const LaneId& receiver, const LaneResume& resume) {
        pattern->lost(peer);
        connect(*pattern, peer, receiver);
        peer.says(*pattern, resume);
    }

    std::vector<std::string> news;
    std::vector<std::string> dead;
    LanePeer peer;
    std::optional<LaneSender> pattern;
};

TEST(LaneSender, SendsNothingBeforeTheReceiverHasSaidWhereToGoOn) {
    Sender s;
    s.take({"a"});
    connect(*s.pattern, s.peer, receiver_a);
    s.take({"b"});
    EXPECT_EQ(s.peer.frames(), "");
    s.peer.says(*s.pattern, first_time());
    EXPECT_EQ(s.peer.frames(), "1:a 2:b");
    s.take({"c"});
    EXPECT_EQ(s.peer.frames(), "3:c");
}

TEST(LaneSender, KeepsMessagesUntilTheyAreAcknowledged) {
    Sender s({.journal = {.messages_max = 3}});
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    message refused("d");
    EXPECT_EQ(s.pattern->send(refused), Outcome::would_block);
    EXPECT_EQ(refused.text(), "d");
    s.peer.says(*s.pattern, ack(2));
    EXPECT_EQ(s.pattern->unsettled(), 1u);
    EXPECT_EQ(s.pattern->send(refused), Outcome::done);
}

TEST(LaneSender, ItsJournalIsFullByBytesToo) {
    Sender s({.journal = {.messages_max = 0, .bytes_max = 1000}});
    s.take({"small"});
    EXPECT_EQ(send(*s.pattern, message(std::string_view(std::string(2000, 'x')))), Outcome::done);
    EXPECT_EQ(send(*s.pattern, "more"), Outcome::would_block);
    s.reconnect(receiver_a, first_time());
    s.peer.says(*s.pattern, ack(2));
    EXPECT_EQ(send(*s.pattern, "more"), Outcome::done);
}

TEST(LaneSender, NoMoreThanTheWindowIsUnderWay) {
    Sender s;
    s.reconnect(receiver_a, first_time(2));
    s.take({"a", "b", "c", "d"});
    EXPECT_EQ(s.peer.frames(), "1:a 2:b");
    s.peer.says(*s.pattern, ack(1));
    EXPECT_EQ(s.peer.frames(), "3:c");
}

TEST(LaneSender, ABrokenConnectionGoesOnBehindWhatWasDelivered) {
    Sender s;
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    s.peer.frames();
    s.reconnect(receiver_a, goes_on(2, 1));
    EXPECT_EQ(s.peer.frames(), "3:c") << "the same receiver has not been given it before";
    EXPECT_EQ(s.pattern->unsettled(), 2u);
    EXPECT_THAT(s.news, ElementsAre("from message 3 on, 1 of them sent before"));
}

TEST(LaneSender, WhatAProgramWantedAgainWithoutAConnectionIsMarkedAsRedelivered) {
    Sender s;
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    s.peer.frames();
    s.reconnect(receiver_a, goes_on(0, 0, 2));
    EXPECT_EQ(s.peer.frames(), "1:a* 2:b* 3:c");
}

TEST(LaneSender, ARestartedReceiverIsSentEverythingUnacknowledgedMarkedAsRedelivered) {
    Sender s;
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b"});
    s.peer.says(*s.pattern, ack(1));
    s.peer.frames();
    s.take({"c"});
    s.pattern->lost(s.peer);
    s.take({"d"});
    s.reconnect(receiver_b, first_time());
    EXPECT_EQ(s.peer.frames(), "2:b* 3:c* 4:d");
}

TEST(LaneSender, TheNextPeerStandsInForOneThatIsLost) {
    Sender s;
    LanePeer other;
    s.pattern->attach(other);
    s.reconnect(receiver_a, first_time());
    connect(*s.pattern, other, receiver_b);
    other.says(*s.pattern, first_time());
    s.take({"a", "b"});
    EXPECT_EQ(s.peer.frames(), "1:a 2:b");
    EXPECT_EQ(other.frames(), "");
    s.peer.says(*s.pattern, ack(1));
    s.pattern->lost(s.peer);
    EXPECT_EQ(other.frames(), "2:b*");
    // The first one comes back, and its program says that it had done what it had.
    connect(*s.pattern, s.peer, receiver_a);
    s.peer.says(*s.pattern, goes_on(2, 2));
    EXPECT_EQ(s.pattern->unsettled(), 0u);
    s.take({"c"});
    EXPECT_EQ(other.frames(), "3:c");
    EXPECT_EQ(s.peer.frames(), "");
}

TEST(LaneSender, WhatAnotherReceiverAcknowledgesLeavesNoGap) {
    Sender s;
    LanePeer other;
    s.pattern->attach(other);
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c", "d"});
    connect(*s.pattern, other, receiver_b);
    other.room = 1;
    other.says(*s.pattern, first_time());
    s.pattern->lost(s.peer);
    EXPECT_EQ(other.frames(), "1:a*");
    other.room = 0;
    connect(*s.pattern, s.peer, receiver_a);
    s.peer.says(*s.pattern, goes_on(4, 0));
    s.peer.says(*s.pattern, ack(3));
    other.room = 10;
    s.pattern->writable(other);
    EXPECT_EQ(other.frames(), "2:-* 3:-* 4:d*");
}

TEST(LaneSender, WhatAPeerWantedAgainWhileItStoodByComesWhenItsTurnComes) {
    Sender s;
    LanePeer other;
    s.pattern->attach(other);
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b"});
    s.pattern->lost(s.peer);
    connect(*s.pattern, other, receiver_b);
    other.says(*s.pattern, first_time());
    connect(*s.pattern, s.peer, receiver_a);
    s.peer.says(*s.pattern, goes_on(2, 0));
    s.peer.says(*s.pattern, retry(2, 2));
    EXPECT_EQ(s.peer.sent.size(), 0u);
    s.pattern->lost(other);
    ASSERT_EQ(s.peer.sent.size(), 1u);
    EXPECT_EQ(decode_lane_frame(s.peer.sent.front()[0].bytes())->round, 1u) << "it would drop it as sent too early";
    EXPECT_EQ(s.peer.frames(), "2:b*");
}

TEST(LaneSender, WhatIsWantedAgainComesAgainAfterAPauseThatGrows) {
    Sender s({.retry_ms_min = 100, .retry_ms_max = 150});
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    s.peer.frames();
    s.peer.says(*s.pattern, retry(2, 2));
    EXPECT_EQ(s.pattern->deadline(), MonoTime{}.plus_ms(100));
    s.pattern->tick(MonoTime{}.plus_ms(99));
    EXPECT_EQ(s.peer.frames(), "");
    s.pattern->tick(MonoTime{}.plus_ms(100));
    EXPECT_EQ(s.peer.frames(), "2:b* 3:c") << "c was never given to a program";
    s.peer.says(*s.pattern, retry(2, 3));
    EXPECT_EQ(s.pattern->deadline(), MonoTime{}.plus_ms(250));
    s.pattern->tick(MonoTime{}.plus_ms(250));
    EXPECT_EQ(s.peer.frames(), "2:b* 3:c*");
    EXPECT_EQ(s.pattern->deadline(), MonoTime::never());
}

TEST(LaneSender, AfterTooManyAttemptsAMessageIsADeadLetterAndTheLaneGoesOn) {
    Sender s({.attempts_max = 2, .retry_ms_min = 0, .retry_ms_max = 0});
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    s.peer.says(*s.pattern, retry(2, 2));
    s.pattern->tick({});
    s.peer.frames();
    s.peer.says(*s.pattern, retry(2, 2));
    EXPECT_EQ(s.peer.frames(), "2:-* 3:c");
    EXPECT_THAT(s.dead, ElementsAre("b 2"));
    EXPECT_THAT(s.news, ElementsAre("message 2 after 2 attempts"));
    s.peer.says(*s.pattern, ack(1));
    EXPECT_EQ(s.pattern->unsettled(), 1u) << "nobody acknowledges what is not there";
    s.peer.says(*s.pattern, ack(3));
    EXPECT_EQ(s.pattern->unsettled(), 0u);
}

TEST(LaneSender, TheFirstOfWhatAReceiverIsLostOverCountsAsAnAttempt) {
    Sender s({.attempts_max = 2});
    s.reconnect(receiver_a, first_time());
    s.take({"kills", "harmless"});
    s.reconnect(receiver_b, first_time());
    s.peer.frames();
    s.reconnect(receiver_a, first_time());
    EXPECT_THAT(s.dead, ElementsAre("kills 2"));
    EXPECT_EQ(s.peer.frames(), "2:harmless*");
}

TEST(LaneSender, PeersWithoutLanesAreRefusedUnlessTheyAreWanted) {
    Sender strict;
    strict.pattern->ready(strict.peer);
    EXPECT_THAT(strict.peer.rejected, HasSubstr("without lanes"));
    Sender lenient({.takes_plain = true});
    lenient.take({"a"});
    lenient.pattern->ready(lenient.peer);
    lenient.take({"b"});
    EXPECT_EQ(lenient.peer.frames(), "a b") << "as any pusher sends them";
    EXPECT_EQ(lenient.pattern->unsettled(), 0u) << "nobody will acknowledge them";
}

TEST(LaneSender, WaitsForRoomAndKeepsTheOrder) {
    Sender s;
    s.peer.room = 2;
    s.reconnect(receiver_a, first_time());
    s.take({"a", "b", "c"});
    EXPECT_EQ(s.peer.frames(), "1:a 2:b");
    s.pattern->writable(s.peer);
    EXPECT_EQ(s.peer.frames(), "3:c");
}

TEST(LaneSender, WhatNoReceiverSaysIsRefused) {
    const LaneCommand cases[] = {goes_on(9, 0), goes_on(1, 2), ack(3), retry(0, 0), retry(3, 3)};
    for (const LaneCommand& command : cases) {
        Sender s;
        connect(*s.pattern, s.peer, receiver_a);
        if (!std::holds_alternative<LaneResume>(command)) s.peer.says(*s.pattern, first_time());
        s.take({"a", "b"});
        s.peer.says(*s.pattern, command);
        EXPECT_NE(s.peer.rejected, "") << command.index();
        EXPECT_EQ(s.pattern->unsettled(), 2u);
    }
    Sender s;
    s.reconnect(receiver_a, first_time());
    s.peer.says(*s.pattern, first_time());
    EXPECT_THAT(s.peer.rejected, HasSubstr("twice"));
    Sender t;
    t.reconnect(receiver_a, first_time());
    t.peer.says(*t.pattern, message("\x02short"));
    EXPECT_THAT(t.peer.rejected, HasSubstr("malformed"));
}

TEST(LaneSender, WhatItsReceiverCannotTakeIsADeadLetterAndTheLaneGoesOn) {
    Sender s;
    s.take({"small", "this one is too large", "small, too"});
    LaneResume resume = first_time();
    resume.message_size_max = LaneFrame::size + 2 * LaneJournal::part_overhead + 33 + 20;
    s.reconnect(receiver_a, resume);
    EXPECT_EQ(s.peer.frames(), "1:small 2:- 3:small, too");
    EXPECT_THAT(s.dead, ElementsAre("this one is too large 0"));
    EXPECT_THAT(s.news, ElementsAre(HasSubstr("message 2 of 21 bytes: its receiver takes")));
    s.peer.says(*s.pattern, ack(3));
    EXPECT_EQ(s.pattern->unsettled(), 0u);
}

TEST(LaneSender, CommandsOfLaterVersionsArePassedOver) {
    Sender s;
    s.reconnect(receiver_a, first_time());
    s.peer.says(*s.pattern, message("\x7fnobody knows"));
    EXPECT_EQ(s.peer.rejected, "");
}

}  // namespace
}  // namespace fantail::patterns
