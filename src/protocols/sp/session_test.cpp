// SPDX-License-Identifier: Apache-2.0
//! Tests of SP sessions: two of ours, and scripted peers.
#include "protocols/sp/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/wire_end.hpp"
#include "protocols/sp/wire.hpp"

namespace fantail::sp {
namespace {

using patterns::parts;
using testing::HasSubstr;

struct End : patterns::WireEnd {
    explicit End(Config settings, Side side = Side::connected, Framing framing = Framing::tcp,
                 patterns::QueueLimits limits = {})
        : WireEnd(limits), config(settings), session(config, in, framing, side) {
        start(session);
    }
    Config config;
    Session session;
};

std::string greeting_text(std::uint16_t protocol) {
    return {'\0', 'S', 'P', '\0', static_cast<char>(protocol >> 8), static_cast<char>(protocol & 0xFF), '\0', '\0'};
}
std::string frame_text(std::string_view body) {
    std::uint8_t size[8];
    store_be(size, static_cast<std::uint64_t>(body.size()));
    return std::string(as_text(size)) + std::string(body);
}
std::string word(std::uint32_t n) {
    std::uint8_t bytes[4];
    store_be(bytes, n);
    return std::string(as_text(bytes));
}
const std::string id = word(0x8000'0007);

TEST(SpSession, TwoEndsTalkWhateverPiecesBytesComeIn) {
    const std::string large(100'000, 'x');
    for (const Framing framing : {Framing::tcp, Framing::ipc}) {
        for (const std::size_t step : {1u, 3u, 1000u, 1'000'000u}) {
            End push({.kind = Kind::push}, Side::connected, framing);
            End pull({.kind = Kind::pull}, Side::accepted, framing);
            ASSERT_TRUE(talk(push, pull, step).has_value());
            ASSERT_TRUE(push.session.is_ready() && pull.session.is_ready());
            for (const std::string_view body : {std::string_view("small"), std::string_view(large), std::string_view()})
                push.send(message(body));
            ASSERT_TRUE(talk(push, pull, step).has_value());
            EXPECT_EQ(pull.receive(), "small");
            EXPECT_EQ(pull.receive(), large);
            EXPECT_EQ(pull.receive(), "");
            EXPECT_EQ(pull.receive(), "(none)");
        }
    }
}

TEST(SpSession, BytesAreThoseOfTheMappings) {
    End push({.kind = Kind::push});
    EXPECT_EQ(push.take(), greeting_text(0x50));
    ASSERT_TRUE(push.give(greeting_text(0x51)).has_value());
    push.send("abc");
    EXPECT_EQ(push.take(), frame_text("abc"));
    End bus({.kind = Kind::bus}, Side::accepted, Framing::ipc);
    EXPECT_EQ(bus.take(), greeting_text(0x70));
    ASSERT_TRUE(bus.give(greeting_text(0x70)).has_value());
    bus.send("abc");
    EXPECT_EQ(bus.take(), "\x01" + frame_text("abc"));
}

TEST(SpSession, AnEnvelopeIsWordsOnTheWireAndPartsInside) {
    for (const auto& [asks, answers] : {std::pair{Kind::requester, Kind::replier},
                                        {Kind::surveyor, Kind::respondent},
                                        {Kind::dealer, Kind::router}}) {
        End one({.kind = asks});
        End two({.kind = answers}, Side::accepted);
        ASSERT_TRUE(talk(one, two).has_value());
        one.send(parts({word(9), id, "", "body"}));
        const std::string bytes = one.take();
        EXPECT_EQ(bytes, frame_text(word(9) + id + "body"));
        ASSERT_TRUE(two.give(bytes).has_value());
        EXPECT_EQ(two.receive(), word(9) + "|" + id + "||body");
        two.send(parts({id, "", std::string(20'000, 'y')}));
        ASSERT_TRUE(talk(one, two).has_value());
        EXPECT_EQ(one.receive(), id + "||" + std::string(20'000, 'y'));
    }
}

TEST(SpSession, WhatHasNoEnvelopeOfWordsIsNotSentWhereOneIsNeeded) {
    End one({.kind = Kind::dealer});
    ASSERT_TRUE(one.give(greeting_text(0x31)).has_value());
    one.take();
    for (message& m : std::vector<message>(1)) one.send(std::move(m));
    one.send(parts({"five5", "", "x"}));
    one.send(parts({word(1), "", "x"}));
    one.send(parts({id, id, "", "x"}));
    one.send(parts({id, "not empty", "x"}));
    EXPECT_EQ(one.take(), "");
}

TEST(SpSession, RequestsThatWentTooFarAreDroppedAndEndlessHeadersToo) {
    End replier({.kind = Kind::replier, .ttl = 3});
    ASSERT_TRUE(replier.give(greeting_text(0x30)).has_value());
    ASSERT_TRUE(replier.give(frame_text(word(1) + word(2) + id + "three hops")).has_value());
    ASSERT_TRUE(replier.give(frame_text(word(1) + word(2) + word(3) + id + "four")).has_value());
    ASSERT_TRUE(replier.give(frame_text(std::string(40'000, '\0'))).has_value());
    EXPECT_EQ(replier.receive(), word(1) + "|" + word(2) + "|" + id + "||three hops");
    EXPECT_EQ(replier.receive(), "(none)");
}

TEST(SpSession, AHeaderWithoutARequestIdEndsTheConnection) {
    for (const std::string& body : {std::string(), std::string("abc"), word(1), word(1) + word(2) + "x"}) {
        End replier({.kind = Kind::replier});
        ASSERT_TRUE(replier.give(greeting_text(0x30)).has_value());
        const auto done = replier.give(frame_text(body));
        ASSERT_FALSE(done.has_value());
        EXPECT_THAT(done.error().message, HasSubstr("request id"));
    }
    End requester({.kind = Kind::requester});
    ASSERT_TRUE(requester.give(greeting_text(0x31)).has_value());
    EXPECT_FALSE(requester.give(frame_text(std::string(4 * 300, '\0'))).has_value());
}

TEST(SpSession, PairsSpeakTheVersionOfTheOneThatConnects) {
    for (const bool v1 : {false, true}) {
        End one({.kind = Kind::pair, .pair_v1 = v1});
        End two({.kind = Kind::pair, .pair_v1 = !v1}, Side::accepted);
        EXPECT_TRUE(two.out.empty());
        ASSERT_TRUE(talk(one, two).has_value());
        ASSERT_TRUE(one.session.is_ready() && two.session.is_ready());
        EXPECT_EQ(two.session.ours(), v1 ? Protocol::pair_v1 : Protocol::pair);
        one.send("there");
        const std::string bytes = one.take();
        EXPECT_EQ(bytes, frame_text((v1 ? word(1) : "") + "there"));
        ASSERT_TRUE(two.give(bytes).has_value());
        EXPECT_EQ(two.receive(), "there");
    }
}

TEST(SpSession, HopsOfPairsAreCounted) {
    const auto pair = [] {
        auto end = std::make_unique<End>(Config{.kind = Kind::pair, .pair_v1 = true, .ttl = 8});
        EXPECT_TRUE(end->give(greeting_text(0x11)).has_value());
        return end;
    };
    const auto good = pair();
    ASSERT_TRUE(good->give(frame_text(word(8) + "near") + frame_text(word(9) + "far")).has_value());
    EXPECT_EQ(good->receive(), "near");
    EXPECT_EQ(good->receive(), "(none)");
    for (const std::string& body : {std::string("abc"), word(0) + "x", word(0x100) + "x", word(0x8000'0001)}) {
        EXPECT_FALSE(pair()->give(frame_text(body)).has_value());
    }
}

TEST(SpSession, AWrongGreetingOrPeerIsRefusedAtTheFirstByteThatShowsIt) {
    for (const std::string& begin :
         {std::string("G"), std::string("\0SQ", 3), std::string("\0SP\1", 4), std::string("\xff")}) {
        EXPECT_FALSE(End({.kind = Kind::pull}).give(begin).has_value());
    }
    const auto refused = End({.kind = Kind::pull}).give(greeting_text(0x21));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("SUB cannot talk to PULL"));
    const auto unknown = End({.kind = Kind::pair}, Side::accepted).give(greeting_text(0x640));
    ASSERT_FALSE(unknown.has_value());
    EXPECT_THAT(unknown.error().message, HasSubstr("0x0640"));
}

TEST(SpSession, LimitsHoldBeforeTheBodyComes) {
    End pull({.kind = Kind::pull, .message_size_max = 1000});
    ASSERT_TRUE(pull.give(greeting_text(0x50)).has_value());
    const auto refused = pull.give(frame_text(std::string(1001, 'x')).substr(0, 8));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::too_large);
    End unix_end({.kind = Kind::pull}, Side::accepted, Framing::ipc);
    ASSERT_TRUE(unix_end.give(greeting_text(0x50)).has_value());
    EXPECT_FALSE(unix_end.give("\x02").has_value());
}

TEST(SpSession, APeerOfAPublisherCountsAsSubscribedToEverything) {
    End publisher({.kind = Kind::publisher});
    ASSERT_TRUE(publisher.give(greeting_text(0x21)).has_value());
    EXPECT_EQ(publisher.receive(), "+");
}

TEST(SpSession, AFullQueueLeavesBytesWhereTheyAre) {
    End pull({.kind = Kind::pull}, Side::connected, Framing::tcp, {.messages_max = 2});
    ASSERT_TRUE(pull.give(greeting_text(0x50)).has_value());
    ASSERT_TRUE(pull.give(frame_text("1") + frame_text("2") + frame_text("3")).has_value());
    EXPECT_EQ(as_text(pull.held), frame_text("3"));
}

TEST(SpSession, TheHandshakeHasATime) {
    End pull({.kind = Kind::pull, .handshake_timeout_ms = 50});
    EXPECT_EQ(pull.session.deadline(), MonoTime{}.plus_ms(50));
    EXPECT_TRUE(pull.session.on_timer(MonoTime{}.plus_ms(49), pull.out).has_value());
    EXPECT_FALSE(pull.session.on_timer(MonoTime{}.plus_ms(50), pull.out).has_value());
}

TEST(SpProtocols, MessagesOfSeveralPartsFitNowhereButInEnvelopes) {
    EXPECT_TRUE(fits(Kind::push, message("x")));
    EXPECT_FALSE(fits(Kind::push, parts({"a", "b"})));
    EXPECT_FALSE(fits(Kind::requester, parts({"a", "b"})));
    EXPECT_TRUE(fits(Kind::dealer, parts({id, "", "x"})));
    EXPECT_FALSE(fits(Kind::dealer, parts({"", "x"})));
    EXPECT_TRUE(fits(Kind::router, parts({word(1), id, "", "x"})));
    EXPECT_FALSE(fits(Kind::router, parts({id, "", "x"})));
    EXPECT_FALSE(fits(Kind::xsubscriber, message("upstream")));
    EXPECT_TRUE(fits(Kind::xsubscriber, message(std::string_view("\1topic"))));
}

}  // namespace
}  // namespace fantail::sp
