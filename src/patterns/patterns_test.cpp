// SPDX-License-Identifier: Apache-2.0
//! Tests of the patterns without any connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/fake_peer.hpp"

namespace fantail::patterns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Message, LargePartsAreSharedAndSmallOnesCopied) {
    message large{std::string_view(std::string(1000, 'x'))};
    const message second = large.share();
    EXPECT_EQ(second[0].data(), std::as_const(large)[0].data());
    message small("abc");
    const message copy = small.share();
    EXPECT_NE(copy[0].data(), std::as_const(small)[0].data());
    EXPECT_EQ(copy.text(), "abc");
}

TEST(Message, AdoptedMemoryIsReleasedOnceByItsLastOwner) {
    static int released = 0;
    static char memory[100] = "adopted";
    {
        part first = part::adopt(memory, sizeof memory, [](void*, void*) { ++released; }, nullptr);
        const part second = first.share();
        first = {};
        EXPECT_EQ(released, 0);
        EXPECT_EQ(second.text().substr(0, 7), "adopted");
    }
    EXPECT_EQ(released, 1);
}

TEST(Message, PartsAreAddedAndTakenAtTheFront) {
    message m = parts({"b", "c"});
    m.add_first(part(std::string_view("a")));
    EXPECT_EQ(text_of(m), "a|b|c");
    EXPECT_EQ(m.take_first().text(), "a");
    EXPECT_EQ(text_of(m), "b|c");
}

TEST(MessageQueue, IsFullByCountOrBytesAndKeepsOrder) {
    MessageQueue queue({.messages_max = 3, .bytes_max = 1000});
    for (const char* text : {"1", "2", "3"}) queue.push(message(text));
    EXPECT_TRUE(queue.full());
    message m;
    for (const char* text : {"1", "2", "3"}) {
        ASSERT_TRUE(queue.pop(m));
        EXPECT_EQ(m.text(), text);
    }
    EXPECT_FALSE(queue.pop(m));
    queue.push(message(std::string_view(std::string(2000, 'x'))));
    EXPECT_TRUE(queue.full());
    ASSERT_TRUE(queue.pop(m));
    EXPECT_FALSE(queue.full());
}

TEST(Push, TakesTurnsAndPassesOverPeersWithoutRoom) {
    const auto push = make_pattern(Kind::push, {});
    FakePeer a;
    FakePeer b;
    EXPECT_EQ(send(*push, "nobody"), Outcome::would_block);
    join(*push, a);
    join(*push, b);
    b.room = 1;
    for (const char* text : {"1", "2", "3", "4"}) EXPECT_EQ(send(*push, text), Outcome::done);
    EXPECT_EQ(a.sent.size(), 3u);
    EXPECT_EQ(b.sent.size(), 1u);
    a.room = a.sent.size();
    message kept("kept");
    EXPECT_EQ(push->send(kept), Outcome::would_block);
    EXPECT_EQ(kept.text(), "kept");
    b.room = 2;
    push->writable(b);
    EXPECT_EQ(push->send(kept), Outcome::done);
    EXPECT_EQ(b.sent.back(), "kept");
}

TEST(Pull, HearsPeersInTurnThoughOneSendsMore) {
    const auto pull = make_pattern(Kind::pull, {});
    FakePeer a;
    FakePeer b;
    join(*pull, a);
    join(*pull, b);
    for (const char* text : {"a1", "a2", "a3"}) a.sends(*pull, text);
    b.sends(*pull, "b1");
    std::vector<std::string> heard;
    for (int i = 0; i < 4; ++i) heard.push_back(receive(*pull));
    EXPECT_THAT(heard, ElementsAre("a1", "b1", "a2", "a3"));
    EXPECT_EQ(receive(*pull), "(would block)");
}

TEST(Pull, MessagesOfALostPeerAreStillReceived) {
    const auto pull = make_pattern(Kind::pull, {});
    FakePeer a;
    join(*pull, a);
    a.sends(*pull, "last words");
    pull->lost(a);
    EXPECT_EQ(receive(*pull), "last words");
    pull->detach(a);
    EXPECT_EQ(receive(*pull), "(would block)");
}

TEST(Pair, TurnsASecondPeerAway) {
    const auto pair = make_pattern(Kind::pair, {});
    FakePeer first;
    FakePeer second;
    join(*pair, first);
    join(*pair, second);
    EXPECT_EQ(first.rejected, "");
    EXPECT_NE(second.rejected, "");
    pair->detach(second);
    EXPECT_EQ(send(*pair, "x"), Outcome::done);
    EXPECT_THAT(first.sent, ElementsAre("x"));
    pair->detach(first);
    EXPECT_EQ(send(*pair, "x"), Outcome::would_block);
}

TEST(Requester, IsInLockStepAndListensToWhomItAsked_28) {
    const auto requester = make_pattern(Kind::requester, {});
    FakePeer a;
    FakePeer b;
    join(*requester, a);
    join(*requester, b);
    EXPECT_EQ(receive(*requester), "(wrong state)");
    EXPECT_EQ(send(*requester, "ask"), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre("|ask"));
    EXPECT_EQ(send(*requester, "again"), Outcome::wrong_state);
    b.sends(*requester, parts({"", "not asked"}));
    EXPECT_EQ(receive(*requester), "(would block)");
    a.sends(*requester, parts({"", "reply"}));
    EXPECT_EQ(receive(*requester), "reply");
    EXPECT_EQ(send(*requester, "next"), Outcome::done);
    EXPECT_THAT(b.sent, ElementsAre("|next"));
}

TEST(Requester, AReplyWithoutDelimiterIsRejected_28) {
    const auto requester = make_pattern(Kind::requester, {});
    FakePeer a;
    join(*requester, a);
    ASSERT_EQ(send(*requester, "ask"), Outcome::done);
    a.sends(*requester, "no delimiter");
    EXPECT_EQ(receive(*requester), "(would block)");
    EXPECT_NE(a.rejected, "");
}

TEST(Requester, AReplyBeforeTheLossIsReceivedAndWithoutOneThePeerIsGone) {
    const auto requester = make_pattern(Kind::requester, {});
    FakePeer a;
    join(*requester, a);
    ASSERT_EQ(send(*requester, "1"), Outcome::done);
    a.sends(*requester, parts({"", "reply"}));
    requester->lost(a);
    EXPECT_EQ(receive(*requester), "reply");
    ASSERT_EQ(send(*requester, "2"), Outcome::done);
    requester->detach(a);
    EXPECT_EQ(receive(*requester), "(peer gone)");
    EXPECT_EQ(receive(*requester), "(wrong state)");
}

TEST(Requester, ARefusedRequestIsUnchanged) {
    const auto requester = make_pattern(Kind::requester, {.correlate = true});
    message request = parts({"a", "b"});
    EXPECT_EQ(requester->send(request), Outcome::would_block);
    EXPECT_EQ(text_of(request), "a|b");
}

TEST(Requester, LateRepliesOfCorrelatedRequestsArePassedOver) {
    const auto requester = make_pattern(Kind::requester, {.relaxed = true});
    FakePeer a;
    join(*requester, a);
    ASSERT_EQ(send(*requester, "1"), Outcome::done);
    ASSERT_EQ(send(*requester, "2"), Outcome::done);
    a.sends(*requester, parts({std::string_view("\x80\0\0\1", 4), "", "late"}));
    a.sends(*requester, parts({std::string_view("\x80\0\0\2", 4), "", "in time"}));
    EXPECT_EQ(receive(*requester), "in time");
}

TEST(Replier, KeepsTheEnvelopeAndRepliesToItsSender_28) {
    const auto replier = make_pattern(Kind::replier, {});
    FakePeer a;
    FakePeer b;
    join(*replier, a);
    join(*replier, b);
    EXPECT_EQ(send(*replier, "no request"), Outcome::wrong_state);
    a.sends(*replier, parts({"far", "near", "", "question", "more"}));
    EXPECT_EQ(receive(*replier), "question|more");
    EXPECT_EQ(receive(*replier), "(wrong state)");
    EXPECT_EQ(send(*replier, "reply"), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre("far|near||reply"));
    EXPECT_THAT(b.sent, IsEmpty());
}

TEST(Replier, AReplyToAPeerThatIsGoneIsDropped_28) {
    const auto replier = make_pattern(Kind::replier, {});
    FakePeer a;
    join(*replier, a);
    a.sends(*replier, parts({"", "question"}));
    ASSERT_EQ(receive(*replier), "question");
    replier->lost(a);
    EXPECT_EQ(send(*replier, "reply"), Outcome::done);
    EXPECT_THAT(a.sent, IsEmpty());
    a.sends(*replier, "no envelope, no request");
    EXPECT_EQ(receive(*replier), "(would block)");
}

TEST(Router, AddressesByRoutingIdAndDropsWhatHasNoRoute_28) {
    const auto router = make_pattern(Kind::router, {});
    FakePeer named;
    FakePeer unnamed;
    named.routing_id = "n";
    join(*router, named);
    join(*router, unnamed);
    named.sends(*router, "x");
    EXPECT_EQ(receive(*router), "n|x");
    EXPECT_EQ(send(*router, parts({"n", "y"})), Outcome::done);
    EXPECT_THAT(named.sent, ElementsAre("y"));
    EXPECT_EQ(unnamed.routing_id.size(), 5u);
    EXPECT_EQ(send(*router, parts({unnamed.routing_id, "z"})), Outcome::done);
    EXPECT_THAT(unnamed.sent, ElementsAre("z"));
    EXPECT_EQ(send(*router, parts({"nobody", "y"})), Outcome::done);
    EXPECT_EQ(send(*router, "no id"), Outcome::invalid);
    router->lost(named);
    EXPECT_EQ(send(*router, parts({"n", "y"})), Outcome::done);
    EXPECT_EQ(named.sent.size(), 1u);
}

TEST(Router, MandatorySaysNoRouteOrWouldBlockAndKeepsTheMessage) {
    const auto router = make_pattern(Kind::router, {.mandatory = true});
    FakePeer peer;
    peer.routing_id = "p";
    peer.room = 0;
    join(*router, peer);
    message m = parts({"p", "x"});
    EXPECT_EQ(router->send(m), Outcome::would_block);
    EXPECT_EQ(text_of(m), "p|x");
    EXPECT_EQ(send(*router, parts({"q", "x"})), Outcome::no_route);
}

TEST(Router, ASecondPeerOfTheSameIdIsRejectedOrTakesOver) {
    for (const bool handover : {false, true}) {
        const auto router = make_pattern(Kind::router, {.handover = handover});
        FakePeer first;
        FakePeer second;
        first.routing_id = second.routing_id = "same";
        join(*router, first);
        join(*router, second);
        EXPECT_EQ(first.rejected.empty(), !handover);
        EXPECT_EQ(second.rejected.empty(), handover);
        router->lost(handover ? first : second);
        EXPECT_EQ(send(*router, parts({"same", "x"})), Outcome::done);
        EXPECT_EQ((handover ? second : first).sent.size(), 1u);
    }
}

TEST(Publisher, SendsOnceToEachPeerWithAMatchingPrefix_29) {
    const auto publisher = make_pattern(Kind::publisher, {});
    FakePeer a;
    FakePeer b;
    FakePeer none;
    for (FakePeer* peer : {&a, &b, &none}) join(*publisher, *peer);
    for (const char* prefix : {"", "n", "news"}) a.subscribes(*publisher, prefix);
    b.subscribes(*publisher, "news.sport");
    for (const char* topic : {"news", "news.sport", "weather"}) EXPECT_EQ(send(*publisher, topic), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre("news", "news.sport", "weather"));
    EXPECT_THAT(b.sent, ElementsAre("news.sport"));
    EXPECT_THAT(none.sent, IsEmpty());
}

TEST(Publisher, SubscriptionsCountAndEndWithTheirPeer_37) {
    const auto publisher = make_pattern(Kind::xpublisher, {});
    FakePeer a;
    join(*publisher, a);
    a.subscribes(*publisher, "x");
    a.subscribes(*publisher, "x");
    a.subscribes(*publisher, "x", Inbound::cancel);
    ASSERT_EQ(send(*publisher, "x1"), Outcome::done);
    EXPECT_THAT(a.sent, ElementsAre("x1"));
    EXPECT_EQ(receive(*publisher), "\1x");
    publisher->lost(a);
    EXPECT_EQ(receive(*publisher), std::string_view("\0x", 2));
    ASSERT_EQ(send(*publisher, "x2"), Outcome::done);
    EXPECT_EQ(a.sent.size(), 1u);
}

TEST(Publisher, DropsForAFullPeerOrWithNoDropWaitsForIt) {
    for (const bool no_drop : {false, true}) {
        const auto publisher = make_pattern(Kind::publisher, {.no_drop = no_drop});
        FakePeer full;
        FakePeer free;
        full.room = 0;
        for (FakePeer* peer : {&full, &free}) {
            join(*publisher, *peer);
            peer->subscribes(*publisher, "");
        }
        EXPECT_EQ(send(*publisher, "x"), no_drop ? Outcome::would_block : Outcome::done);
        EXPECT_EQ(free.sent.size(), no_drop ? 0u : 1u);
    }
}

TEST(Publisher, InvertedMatchingSendsToThoseWithoutTheSubscription) {
    const auto publisher = make_pattern(Kind::publisher, {.invert_matching = true});
    FakePeer a;
    FakePeer b;
    join(*publisher, a);
    join(*publisher, b);
    a.subscribes(*publisher, "x");
    ASSERT_EQ(send(*publisher, "x1"), Outcome::done);
    EXPECT_THAT(a.sent, IsEmpty());
    EXPECT_THAT(b.sent, ElementsAre("x1"));
}

TEST(Subscriber, TellsEachReadyPeerFirstAndLastSubscriptions) {
    const auto subscriber = make_pattern(Kind::subscriber, {});
    FakePeer early;
    FakePeer late;
    join(*subscriber, early);
    EXPECT_EQ(subscriber->subscribe(as_bytes("a"), true), Outcome::done);
    EXPECT_EQ(subscriber->subscribe(as_bytes("a"), true), Outcome::done);
    EXPECT_EQ(subscriber->subscribe(as_bytes("ab"), true), Outcome::done);
    join(*subscriber, late);
    EXPECT_EQ(subscriber->subscribe(as_bytes("a"), false), Outcome::done);
    EXPECT_EQ(subscriber->subscribe(as_bytes("a"), false), Outcome::done);
    EXPECT_EQ(subscriber->subscribe(as_bytes("a"), false), Outcome::invalid);
    EXPECT_THAT(early.subscriptions, ElementsAre("+a", "+ab", "-a"));
    EXPECT_THAT(late.subscriptions, UnorderedElementsAre("+a", "+ab", "-a"));
}

TEST(Subscriber, PassesOverWhatIsNotSubscribed) {
    const auto subscriber = make_pattern(Kind::subscriber, {});
    FakePeer peer;
    join(*subscriber, peer);
    ASSERT_EQ(subscriber->subscribe(as_bytes("b"), true), Outcome::done);
    peer.sends(*subscriber, "a");
    peer.sends(*subscriber, "bc");
    EXPECT_EQ(receive(*subscriber), "bc");
    EXPECT_EQ(receive(*subscriber), "(would block)");
}

}  // namespace
}  // namespace fantail::patterns
