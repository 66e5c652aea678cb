// SPDX-License-Identifier: Apache-2.0
//! Where the catalog routes: exchanges of every type, through each other, and to alternates.
#include <set>

#include "broker/catalog_scene.hpp"

namespace fantail::broker::testing {
namespace {

TEST_F(CatalogTest, DefaultExchangeRoutesToTheQueueNamedByEachKey) {
    queue(1, "a");
    queue(2, "b");
    EXPECT_EQ(to("", "a"), Names{"a"});
    EXPECT_EQ(to("", "none"), Names{});
    EXPECT_EQ(to("", "a", {"b", "a", "none"}), (Names{"a", "b"}));
    EXPECT_TRUE(routed("", "a").repeatable);
}

TEST_F(CatalogTest, AQueueIsReachedOnceHoweverManyBindingsMatch) {
    queue(1, "a");
    exchange(2, "t", ExchangeType::topic);
    for (const char* pattern : {"#", "x.*", "x.y", "*.y"}) bind("t", "a", pattern);
    EXPECT_EQ(to("t", "x.y"), Names{"a"});
    EXPECT_EQ(to("t", "x.y", {"x.z"}), Names{"a"});
}

TEST_F(CatalogTest, FurtherKeysAreRoutedAlike) {
    queue(1, "a");
    queue(2, "b");
    exchange(2, "d", ExchangeType::direct);
    bind("d", "a", "one");
    bind("d", "b", "two");
    EXPECT_EQ(to("d", "one", {"two"}), (Names{"a", "b"}));
    EXPECT_EQ(to("d", "none", {"two"}), Names{"b"});
}

TEST_F(CatalogTest, ExchangesLeadToExchangesAndCyclesEnd) {
    queue(1, "a");
    queue(2, "b");
    exchange(2, "x", ExchangeType::fanout);
    exchange(3, "y", ExchangeType::direct);
    exchange(4, "z", ExchangeType::topic);
    bind("x", "y", "", true);
    bind("y", "z", "k.1", true);
    bind("z", "x", "#", true);
    bind("x", "x", "", true);
    bind("z", "a", "k.*");
    bind("x", "b", "");
    EXPECT_EQ(to("x", "k.1"), (Names{"a", "b"}));
    EXPECT_EQ(to("x", "k.2"), Names{"b"});
    EXPECT_EQ(to("z", "k.2"), (Names{"a", "b"}));
}

TEST_F(CatalogTest, TheAlternateTakesWhatMatchedNothingAtAnyHop) {
    queue(1, "lost");
    queue(2, "a");
    exchange(2, "alt", ExchangeType::fanout);
    exchange(3, "d", ExchangeType::direct, "alt");
    exchange(4, "entry", ExchangeType::fanout);
    bind("alt", "lost", "");
    bind("d", "a", "k");
    bind("entry", "d", "", true);
    EXPECT_EQ(to("d", "k"), Names{"a"});
    EXPECT_EQ(to("d", "other"), Names{"lost"});
    EXPECT_EQ(to("entry", "other"), Names{"lost"});
    put(ExchangeRemoved{ExchangeId(2)});
    EXPECT_EQ(to("d", "other"), Names{});
    exchange(5, "alt", ExchangeType::direct, "d");  // alternates of each other
    EXPECT_EQ(to("d", "other"), Names{});
}

TEST_F(CatalogTest, RoutesThatHeadersOrChanceDecideAreNotRepeatable) {
    exchange(2, "d", ExchangeType::direct);
    exchange(3, "h", ExchangeType::headers);
    exchange(4, "r", ExchangeType::random);
    EXPECT_TRUE(routed("d", "k").repeatable);
    EXPECT_FALSE(routed("h", "k").repeatable);
    EXPECT_FALSE(routed("r", "k").repeatable);
    bind("d", "h", "k", true);
    EXPECT_FALSE(routed("d", "k").repeatable);
    EXPECT_TRUE(routed("d", "other").repeatable);
}

TEST_F(CatalogTest, ARandomExchangeReachesAllOfItsQueues) {
    exchange(2, "r", ExchangeType::random);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        queue(i, "q" + std::to_string(i));
        bind("r", "q" + std::to_string(i), "");
    }
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto names = to("r", "k");
        ASSERT_EQ(names.size(), 1u);
        seen.insert(names.front());
    }
    EXPECT_EQ(seen.size(), 3u);
}

}  // namespace
}  // namespace fantail::broker::testing
