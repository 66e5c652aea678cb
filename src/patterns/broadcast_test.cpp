// SPDX-License-Identifier: Apache-2.0
//! Tests of surveys, the bus, and requests that are sent again.
#include "patterns/broadcast.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/fake_peer.hpp"
#include "patterns/request_reply.hpp"

namespace fantail::patterns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* first_id = "\x80\x00\x00\x01";
std::string id_text(std::uint8_t n) { return {'\x80', '\0', '\0', static_cast<char>(n)}; }
message answer(std::uint8_t n, std::string_view body) { return parts({id_text(n), "", body}); }

TEST(Surveyor, AsksAllWhoAreThereAndHearsThemUntilTheTimeIsOver) {
    Surveyor surveyor(Settings{.survey_ms = 100});
    FakePeer a;
    FakePeer b;
    FakePeer later;
    join(surveyor, a);
    join(surveyor, b);
    surveyor.attach(later);  // not ready
    surveyor.tick({});
    ASSERT_EQ(send(surveyor, "who?"), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre(id_text(1) + "||who?"));
    EXPECT_THAT(b.sent, ElementsAre(id_text(1) + "||who?"));
    EXPECT_THAT(later.sent, IsEmpty());
    EXPECT_EQ(surveyor.deadline(), MonoTime{}.plus_ms(100));
    a.sends(surveyor, answer(1, "me"));
    b.sends(surveyor, answer(1, "me too"));
    EXPECT_EQ(receive(surveyor), "me");
    EXPECT_EQ(receive(surveyor), "me too");
    EXPECT_EQ(receive(surveyor), "(would block)");
    surveyor.tick(MonoTime{}.plus_ms(100));
    EXPECT_EQ(receive(surveyor), "(timed out)");
    EXPECT_EQ(receive(surveyor), "(wrong state)");
    EXPECT_EQ(surveyor.deadline(), MonoTime::never());
}

TEST(Surveyor, AnswersToTheSurveyBeforeAndMalformedOnesAreNotHeard) {
    Surveyor surveyor(Settings{});
    FakePeer peer;
    join(surveyor, peer);
    EXPECT_EQ(receive(surveyor), "(wrong state)");
    ASSERT_EQ(send(surveyor, "one"), Outcome::done);
    ASSERT_EQ(send(surveyor, "two"), Outcome::done);
    peer.sends(surveyor, answer(1, "late"));
    peer.sends(surveyor, parts({"no envelope"}));
    peer.sends(surveyor, parts({id_text(2), "not empty", "x"}));
    peer.sends(surveyor, answer(2, "in time"));
    EXPECT_EQ(receive(surveyor), "in time");
    EXPECT_EQ(receive(surveyor), "(would block)");
}

TEST(Surveyor, APeerWithoutRoomIsNotWaitedFor) {
    Surveyor surveyor(Settings{});
    FakePeer full;
    full.room = 0;
    join(surveyor, full);
    EXPECT_EQ(send(surveyor, "x"), Outcome::done);
}

TEST(Respondent, MayHearTheNextSurveyWithoutHavingAnswered) {
    const auto respondent = make_pattern(Kind::respondent, {});
    FakePeer peer;
    join(*respondent, peer);
    EXPECT_EQ(send(*respondent, "unasked"), Outcome::wrong_state);
    peer.sends(*respondent, parts({first_id, "", "first"}));
    peer.sends(*respondent, parts({id_text(2), "", "second"}));
    EXPECT_EQ(receive(*respondent), "first");
    EXPECT_EQ(receive(*respondent), "second");
    ASSERT_EQ(send(*respondent, "to the second"), Outcome::done);
    EXPECT_THAT(peer.sent, ElementsAre(id_text(2) + "||to the second"));
    EXPECT_EQ(send(*respondent, "again"), Outcome::wrong_state);
}

TEST(Bus, ReachesAllWithRoomAndHearsAllButPassesNothingOn) {
    Bus bus;
    FakePeer a;
    FakePeer b;
    FakePeer full;
    full.room = 0;
    for (FakePeer* peer : {&a, &b, &full}) join(bus, *peer);
    ASSERT_EQ(send(bus, "to all"), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre("to all"));
    EXPECT_THAT(b.sent, ElementsAre("to all"));
    a.sends(bus, "from a");
    EXPECT_EQ(receive(bus), "from a");
    EXPECT_EQ(b.sent.size(), 1u);
    bus.lost(b);
    ASSERT_EQ(send(bus, "again"), Outcome::done);
    EXPECT_EQ(b.sent.size(), 1u);
}

TEST(Requester, ALostPeersRequestGoesToAnotherAtOnceWithResend) {
    Requester requester(Settings{.resend_ms = 1000});
    FakePeer a;
    FakePeer b;
    join(requester, a);
    join(requester, b);
    ASSERT_EQ(send(requester, "ask"), Outcome::done);
    ASSERT_EQ(a.sent.size() + b.sent.size(), 1u);
    FakePeer& asked = a.sent.empty() ? b : a;
    FakePeer& other = a.sent.empty() ? a : b;
    requester.lost(asked);
    requester.detach(asked);
    EXPECT_THAT(other.sent, ElementsAre(id_text(1) + "||ask"));
    other.sends(requester, answer(1, "reply"));
    EXPECT_EQ(receive(requester), "reply");
}

TEST(Requester, ARequestWaitsForTheNextPeerIfTheOnlyOneIsLost) {
    Requester requester(Settings{.resend_ms = 1000});
    FakePeer only;
    join(requester, only);
    ASSERT_EQ(send(requester, "ask"), Outcome::done);
    requester.lost(only);
    EXPECT_EQ(receive(requester), "(would block)");
    requester.ready(only);
    EXPECT_EQ(only.sent.size(), 2u);
}

TEST(Requester, WithoutAReplyARequestIsSentAgainInTimeAndEitherReplyCounts) {
    Requester requester(Settings{.resend_ms = 1000});
    FakePeer a;
    FakePeer b;
    join(requester, a);
    join(requester, b);
    requester.tick({});
    ASSERT_EQ(send(requester, "ask"), Outcome::done);
    requester.tick(MonoTime{}.plus_ms(999));
    EXPECT_EQ(a.sent.size() + b.sent.size(), 1u);
    requester.tick(MonoTime{}.plus_ms(1000));
    ASSERT_EQ(a.sent.size(), 1u);
    ASSERT_EQ(b.sent.size(), 1u);
    a.sends(requester, answer(1, "reply"));
    b.sends(requester, answer(1, "the same again"));
    EXPECT_EQ(receive(requester), "reply");
    EXPECT_EQ(requester.deadline(), MonoTime::never());
    ASSERT_EQ(send(requester, "next"), Outcome::done);
    EXPECT_EQ(receive(requester), "(would block)");
}

TEST(Requester, NumbersItsRequestsIfAPeersWireWantsIt) {
    Requester requester({});
    FakePeer peer;
    peer.has_word_envelopes = true;
    join(requester, peer);
    ASSERT_EQ(send(requester, "ask"), Outcome::done);
    EXPECT_THAT(peer.sent, ElementsAre(id_text(1) + "||ask"));
}

TEST(Router, NamesPeersByAWordWhereEnvelopesAreOfWords) {
    Router router({});
    FakePeer peer;
    peer.has_word_envelopes = true;
    join(router, peer);
    peer.sends(router, answer(7, "ask"));
    EXPECT_EQ(receive(router), std::string("\0\0\0\1", 4) + "|" + id_text(7) + "||ask");
}

}  // namespace
}  // namespace fantail::patterns
