// SPDX-License-Identifier: Apache-2.0
//! Tests of client and server, radio and dish.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/fake_peer.hpp"

namespace fantail::patterns {
namespace {

using testing::ElementsAre;

TEST(Client, HasMessagesOfOnePart_41) {
    const auto client = make_pattern(Kind::client, {});
    FakePeer server;
    join(*client, server);
    EXPECT_EQ(send(*client, parts({"a", "b"})), Outcome::invalid);
    ASSERT_EQ(send(*client, "ask"), Outcome::done);
    EXPECT_THAT(server.sent, ElementsAre("ask"));
    server.sends(*client, "answer");
    EXPECT_EQ(receive(*client), "answer");
}

TEST(Server, NamesClientsByFourBytesAndKnowsWhoIsThere_41) {
    const auto server = make_pattern(Kind::server, {});
    FakePeer client;
    join(*server, client);
    client.sends(*server, "ask");
    const std::string id("\0\0\0\1", 4);
    EXPECT_EQ(receive(*server), id + "|ask");
    ASSERT_EQ(send(*server, parts({id, "answer"})), Outcome::done);
    EXPECT_THAT(client.sent, ElementsAre("answer"));
    EXPECT_EQ(send(*server, parts({id})), Outcome::invalid);
    EXPECT_EQ(send(*server, parts({id, "two", "parts"})), Outcome::invalid);
    EXPECT_EQ(send(*server, parts({"none", "x"})), Outcome::no_route);
    server->lost(client);
    EXPECT_EQ(send(*server, parts({id, "late"})), Outcome::no_route);
}

TEST(Radio, ReachesThoseWhoJoinedExactlyThatGroup_48) {
    const auto radio = make_pattern(Kind::radio, {});
    FakePeer news;
    FakePeer both;
    join(*radio, news);
    join(*radio, both);
    news.subscribes(*radio, "news");
    both.subscribes(*radio, "news");
    both.subscribes(*radio, "new");
    for (const char* group : {"news", "new", "newspaper", ""})
        ASSERT_EQ(send(*radio, parts({group, "x"})), Outcome::done);
    EXPECT_THAT(news.sent, ElementsAre("news|x"));
    EXPECT_THAT(both.sent, ElementsAre("news|x", "new|x"));
    both.subscribes(*radio, "news", Inbound::cancel);
    ASSERT_EQ(send(*radio, parts({"news", "y"})), Outcome::done);
    EXPECT_EQ(both.sent.size(), 2u);
}

TEST(Radio, TakesGroupAndBodyAlone_48) {
    const auto radio = make_pattern(Kind::radio, {});
    EXPECT_EQ(send(*radio, "no body"), Outcome::invalid);
    EXPECT_EQ(send(*radio, parts({"a", "b", "c"})), Outcome::invalid);
    EXPECT_EQ(send(*radio, parts({std::string(256, 'g'), "x"})), Outcome::invalid);
    EXPECT_EQ(receive(*radio), "(other)");
}

TEST(Dish, TellsItsGroupsAndHearsNoOthers_48) {
    const auto dish = make_pattern(Kind::dish, {});
    FakePeer radio;
    ASSERT_EQ(dish->subscribe(as_bytes("news"), true), Outcome::done);
    join(*dish, radio);
    EXPECT_THAT(radio.subscriptions, ElementsAre("+news"));
    radio.sends(*dish, parts({"newspaper", "not asked for"}));
    radio.sends(*dish, parts({"news"}));
    radio.sends(*dish, parts({"news", "today"}));
    EXPECT_EQ(receive(*dish), "news|today");
    EXPECT_EQ(dish->subscribe(as_bytes(std::string(256, 'g')), true), Outcome::invalid);
    ASSERT_EQ(dish->subscribe(as_bytes("news"), false), Outcome::done);
    EXPECT_THAT(radio.subscriptions, ElementsAre("+news", "-news"));
    EXPECT_EQ(dish->subscribe(as_bytes("news"), false), Outcome::invalid);
}

}  // namespace
}  // namespace fantail::patterns
