// SPDX-License-Identifier: Apache-2.0
//! Tests of a lane's sender with a journal that outlives it: what is written when, and how the next life goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/lane_test_support.hpp"

namespace fantail::patterns {
namespace {

using testing::ElementsAre;

const LaneId lane = id_of(1);
const LaneId receiver_a = id_of(0xA);
const LaneId receiver_b = id_of(0xB);

LaneResume first_time() { return {.window = 100}; }
LaneResume goes_on(std::uint64_t delivered, std::uint64_t acked) {
    return {.is_known = true,
            .delivered = LaneNumber(delivered),
            .acked = LaneNumber(acked),
            .given = LaneNumber(delivered),
            .window = 100};
}
LaneAck ack(std::uint64_t number) { return {LaneNumber(number)}; }

/// Lives of a sender, one after the other, over one store.
struct Lives {
    explicit Lives(LaneSettings changes = {}) : settings(std::move(changes)) {
        settings.id = lane;
        settings.store = &store;
        settings.dead_letter = [this](const message& m, std::uint32_t attempts) {
            dead.push_back(std::string(m.text()) + " " + std::to_string(attempts));
        };
        begin();
    }
    void begin() {
        pattern.emplace(settings);
        peer.emplace();
        pattern->attach(*peer);
        pattern->tick(now);
    }
    /// kill -9, and the next one.
    void restart() {
        store.crash();
        begin();
    }
    void pass_ms(std::int64_t ms) {
        now = now.plus_ms(ms);
        pattern->tick(now);
    }
    Outcome send(std::string_view text) {
        message m(text);
        return pattern->send(m);
    }
    Outcome post(std::string_view text) {
        message m(text);
        return pattern->post(m);
    }
    void resume(const LaneId& receiver, const LaneResume& how) {
        pattern->lost(*peer);
        connect(*pattern, *peer, receiver);
        peer->says(*pattern, how);
    }

    FakeStore store;
    LaneSettings settings;
    MonoTime now;
    std::vector<std::string> dead;
    std::optional<LaneSender> pattern;
    std::optional<LanePeer> peer;
};

TEST(LaneSenderStore, WhatIsSentIsDurableFirst) {
    Lives s;
    s.resume(receiver_a, first_time());
    EXPECT_EQ(s.post("a"), Outcome::done);
    EXPECT_EQ(s.peer->frames(), "");
    EXPECT_EQ(s.pattern->progress().taken, 1u);
    EXPECT_EQ(s.pattern->progress().durable, 0u);
    EXPECT_EQ(s.send("b"), Outcome::done);
    EXPECT_EQ(s.peer->frames(), "1:a 2:b");
    EXPECT_EQ(s.store.commits, 1) << "one write for both";
    EXPECT_EQ(s.post("c"), Outcome::done);
    EXPECT_EQ(s.pattern->flush(), Outcome::done);
    EXPECT_EQ(s.peer->frames(), "3:c");
    EXPECT_EQ(s.pattern->progress().durable, 3u);
}

TEST(LaneSenderStore, PostedMessagesBecomeDurableSoonAndWhenThereAreMany) {
    Lives s;
    s.resume(receiver_a, first_time());
    s.post("a");
    EXPECT_EQ(s.pattern->deadline(), s.now.plus_ms(LaneSender::commit_ms));
    s.pass_ms(LaneSender::commit_ms);
    EXPECT_EQ(s.peer->frames(), "1:a");
    s.store.bytes_a_message = LaneSender::commit_bytes / 2;
    s.post("b");
    EXPECT_EQ(s.peer->frames(), "");
    s.post("c");
    EXPECT_EQ(s.peer->frames(), "2:b 3:c");
}

TEST(LaneSenderStore, TheNextLifeSendsWhatIsNotAcknowledgedInOrder) {
    Lives s;
    s.resume(receiver_a, first_time());
    for (const char* text : {"a", "b", "c"}) s.send(text);
    s.peer->says(*s.pattern, ack(1));
    s.post("never durable");
    s.pass_ms(LaneSender::save_ms);
    s.post("lost with its process");
    s.restart();
    EXPECT_EQ(s.pattern->unsettled(), 3u);
    EXPECT_EQ(s.send("e"), Outcome::done);
    s.resume(receiver_b, first_time());
    EXPECT_EQ(s.peer->frames(), "2:b* 3:c* 4:never durable* 5:e");
}

TEST(LaneSenderStore, TheSameReceiverIsSentWhatItHasNotAndNothingIsMarkedInVain) {
    Lives s;
    s.resume(receiver_a, first_time());
    for (const char* text : {"a", "b", "c"}) s.send(text);
    s.restart();
    s.resume(receiver_a, goes_on(2, 1));
    EXPECT_EQ(s.peer->frames(), "3:c");
    EXPECT_EQ(s.pattern->unsettled(), 2u) << "the acknowledgement that was not stored is told again";
}

TEST(LaneSenderStore, WhatWasNeverSentToAnybodyIsNotMarked) {
    Lives s;
    s.send("a");
    s.restart();
    s.resume(receiver_a, first_time());
    EXPECT_EQ(s.peer->frames(), "1:a");
}

TEST(LaneSenderStore, AReceiverThatHasForgottenTheLaneMakesEverythingDoubtfulForLaterLivesToo) {
    Lives s;
    s.resume(receiver_a, first_time());
    s.send("a");
    s.send("b");
    s.resume(receiver_a, first_time());
    EXPECT_EQ(s.peer->frames(), "1:a* 2:b*");
    s.restart();
    s.resume(receiver_a, goes_on(0, 0));
    EXPECT_EQ(s.peer->frames(), "1:a* 2:b*");
}

TEST(LaneSenderStore, AttemptsAndDeadLettersAreRemembered) {
    Lives s({.attempts_max = 3, .retry_ms_min = 0, .retry_ms_max = 0});
    s.resume(receiver_a, first_time());
    for (const char* text : {"a", "bad", "c"}) s.send(text);
    for (int i = 0; i < 2; ++i) {
        s.peer->says(*s.pattern, LaneRetry{.number = LaneNumber(2), .given = LaneNumber(2)});
        s.pass_ms(LaneSender::save_ms);
    }
    s.restart();
    s.resume(receiver_a, goes_on(1, 0));
    s.peer->frames();
    s.peer->says(*s.pattern, LaneRetry{.number = LaneNumber(2), .given = LaneNumber(3)});
    EXPECT_THAT(s.dead, ElementsAre("bad 3"));
    s.restart();
    s.resume(receiver_a, goes_on(1, 0));
    EXPECT_EQ(s.peer->frames(), "2:-* 3:c*") << "its program has seen 3 before it wanted 2 again";
    EXPECT_THAT(s.dead, ElementsAre("bad 3")) << "once";
}

TEST(LaneSenderStore, AcknowledgementsAreStoredSoonAndAtTheEnd) {
    Lives s;
    s.resume(receiver_a, first_time());
    for (const char* text : {"a", "b", "c"}) s.send(text);
    const int saves = s.store.saves;
    s.peer->says(*s.pattern, ack(1));
    s.peer->says(*s.pattern, ack(2));
    EXPECT_EQ(s.store.saves, saves);
    s.pass_ms(LaneSender::save_ms);
    EXPECT_EQ(s.store.saves, saves + 1) << "one for both";
    s.peer->says(*s.pattern, ack(3));
    s.post("d");
    s.pattern->finish();
    s.begin();
    EXPECT_EQ(s.pattern->unsettled(), 1u);
    EXPECT_EQ(s.pattern->progress().durable, 4u);
}

TEST(LaneSenderStore, WithoutRoomSendingFailsAndGoesOnLater) {
    Lives s;
    s.resume(receiver_a, first_time());
    s.post("a");
    s.store.is_full = true;
    message m("b");
    EXPECT_EQ(s.pattern->send(m), Outcome::no_room);
    EXPECT_EQ(m.text(), "b") << "it is still the program's";
    EXPECT_EQ(s.pattern->flush(), Outcome::no_room);
    EXPECT_EQ(s.peer->frames(), "");
    EXPECT_EQ(s.pattern->unsettled(), 1u);
    s.store.is_full = false;
    s.pass_ms(LaneSender::commit_again_ms);
    EXPECT_EQ(s.peer->frames(), "1:a");
    EXPECT_EQ(s.pattern->send(m), Outcome::done);
    EXPECT_EQ(s.peer->frames(), "2:b");
}

TEST(LaneSenderStore, ABrokenStoreTakesNothingMoreAndNobodyNewIsSentTo) {
    Lives s;
    s.resume(receiver_a, first_time());
    s.send("a");
    s.store.is_broken = true;
    EXPECT_EQ(s.send("b"), Outcome::broken);
    EXPECT_EQ(s.pattern->trouble(), s.store.why);
    EXPECT_EQ(s.peer->frames(), "1:a");
    s.resume(receiver_a, goes_on(0, 0));
    EXPECT_EQ(s.peer->frames(), "1:a") << "the one that was sent to may be sent to";
    s.resume(receiver_b, first_time());
    EXPECT_EQ(s.peer->frames(), "");
}

TEST(LaneState, IsTheSameDecoded) {
    const LaneState state{
        .id = lane,
        .sent_to = LaneState::SentTo::receiver,
        .receiver = receiver_a,
        .acked = LaneNumber(5),
        .doubtful_end = LaneNumber(9),
        .marks = {{.number = LaneNumber(6), .attempts = 2}, {.number = LaneNumber(8), .attempts = 3, .is_dead = true}}};
    const Bytes bytes = encode(state);
    EXPECT_EQ(decode_lane_state(bytes).value(), state);
    for (std::size_t n = 0; n < bytes.size(); ++n)
        EXPECT_EQ(decode_lane_state(ByteView(bytes).first(n)).error().code, ErrorCode::malformed) << n;
    Bytes newer = bytes;
    newer[0] = 2;
    EXPECT_EQ(decode_lane_state(newer).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace fantail::patterns
