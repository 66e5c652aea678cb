// SPDX-License-Identifier: Apache-2.0
//! Each way of matching, against what RabbitMQ documents and does.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "broker/routing/binding_table.hpp"
#include "broker/routing/hash_tables.hpp"
#include "record/field_table.hpp"

namespace fantail::broker {
namespace {

/// Destinations that are only compared: never looked into.
Destination place(std::uintptr_t n) { return {reinterpret_cast<QueueNode*>(n * 16), nullptr}; }
std::uintptr_t number(Destination d) { return reinterpret_cast<std::uintptr_t>(d.queue) / 16; }

class Table {
public:
    explicit Table(ExchangeType type) {
        definition_.type = type;
        table_ = make_binding_table(definition_);
    }
    explicit Table(const ExchangeDefinition& definition) : table_(make_binding_table(definition)) {}
    static BindingDefinition binding(std::uintptr_t to, const std::string& key,
                                     const record::FieldTableBuilder* arguments) {
        BindingDefinition made{VhostId(1), "e", "q" + std::to_string(to), false, key, {}};
        if (arguments != nullptr) made.arguments = to_bytes(arguments->view().bytes());
        return made;
    }
    void add(std::uintptr_t to, const std::string& key, const record::FieldTableBuilder* arguments = nullptr) {
        table_->add(binding(to, key, arguments), place(to));
    }
    void remove(std::uintptr_t to, const std::string& key, const record::FieldTableBuilder* arguments = nullptr) {
        table_->remove(binding(to, key, arguments), place(to));
    }
    std::multiset<std::uintptr_t> match(std::string_view key, RoutingFacts facts = {}, std::uint64_t draw = 0) const {
        Matches out;
        table_->match(key, facts, draw, out);
        std::multiset<std::uintptr_t> numbers;
        for (const Destination d : out) numbers.insert(number(d));
        return numbers;
    }
    std::multiset<std::uintptr_t> match_headers(const record::FieldTableBuilder& headers) const {
        const auto view = headers.view();
        RoutingFacts facts;
        facts.headers = &view;
        return match("", facts);
    }

private:
    ExchangeDefinition definition_;
    std::unique_ptr<BindingTable> table_;
};

using Numbers = std::multiset<std::uintptr_t>;

TEST(DirectTable, MatchesTheKeyExactlyAndForgetsRemovedBindings) {
    Table table(ExchangeType::direct);
    table.add(1, "a");
    table.add(2, "a");
    table.add(3, "a.b");
    EXPECT_EQ(table.match("a"), (Numbers{1, 2}));
    EXPECT_EQ(table.match("A"), Numbers{});
    table.remove(1, "a");
    EXPECT_EQ(table.match("a"), Numbers{2});
    table.remove(2, "a");
    EXPECT_EQ(table.match("a"), Numbers{});
    EXPECT_EQ(table.match("a.b"), Numbers{3});
}

TEST(FanoutTable, MatchesEverythingOnceABinding) {
    Table table(ExchangeType::fanout);
    table.add(1, "x");
    table.add(1, "y");
    EXPECT_EQ(table.match("z"), (Numbers{1, 1}));
    table.remove(1, "x");
    EXPECT_EQ(table.match("z"), Numbers{1});
}

// -------------------------------------------------------------------------------------------------------------- topic

struct TopicCase {
    const char* pattern;
    const char* key;
    bool matches;
};

class TopicMatrix : public testing::TestWithParam<TopicCase> {};

TEST_P(TopicMatrix, PatternAgainstKey) {
    const TopicCase& c = GetParam();
    Table table(ExchangeType::topic);
    table.add(1, c.pattern);
    table.add(2, "unrelated.pattern");
    EXPECT_EQ(table.match(c.key).count(1), c.matches ? 1u : 0u) << c.pattern << " against " << c.key;
    table.remove(1, c.pattern);
    EXPECT_EQ(table.match(c.key).count(1), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, TopicMatrix,
    testing::Values(
        TopicCase{"a.b.c", "a.b.c", true}, TopicCase{"a.b.c", "a.b", false}, TopicCase{"a.b", "a.b.c", false},
        TopicCase{"*", "a", true}, TopicCase{"*", "", false}, TopicCase{"*", "a.b", false},
        TopicCase{"a.*", "a.b", true}, TopicCase{"a.*", "a", false}, TopicCase{"a.*", "a.", true},
        TopicCase{"*.b", ".b", true}, TopicCase{"a.*.c", "a..c", true}, TopicCase{"a.*.c", "a.b.b.c", false},
        TopicCase{"*.*", ".", true}, TopicCase{"#", "", true}, TopicCase{"#", "a", true}, TopicCase{"#", "a.b.c", true},
        TopicCase{"#.#", "", true}, TopicCase{"a.#", "a", true}, TopicCase{"a.#", "a.b.c", true},
        TopicCase{"a.#", "b", false}, TopicCase{"#.c", "c", true}, TopicCase{"#.c", "a.b.c", true},
        TopicCase{"#.c", "c.a", false}, TopicCase{"a.#.c", "a.c", true}, TopicCase{"a.#.c", "a.x.y.c", true},
        TopicCase{"a.#.c", "a.c.c", true}, TopicCase{"a.#.c", "a.x", false}, TopicCase{"#.*", "", false},
        TopicCase{"#.*", "a", true}, TopicCase{"*.#", "", false}, TopicCase{"*.#", "a.b", true},
        TopicCase{"#.a.#", "b.a.c", true}, TopicCase{"#.a.#", "b.c", false}, TopicCase{"#.a.#.b.#", "x.a.y.b.z", true},
        TopicCase{"#.a.#.b.#", "x.b.y.a.z", false}, TopicCase{"", "", true}, TopicCase{"", "a", false},
        TopicCase{"a..b", "a..b", true}, TopicCase{"a..b", "a.b", false}, TopicCase{".", ".", true},
        TopicCase{"a.", "a.", true}, TopicCase{"a.", "a", false}, TopicCase{"a*", "ab", false},
        TopicCase{"a*", "a*", true}, TopicCase{"*", "*", true}, TopicCase{"*", "#", true}, TopicCase{"#", "#", true},
        TopicCase{"a", "*", false}, TopicCase{"a.b", "a.#", false}, TopicCase{"*.stock.#", "usd.stock.db", true},
        TopicCase{"*.stock.#", "usd.stock", true}, TopicCase{"*.stock.#", "stock.nasdaq", false}));

TEST(TopicTable, EveryMatchingPatternCountsOnce) {
    Table table(ExchangeType::topic);
    const std::vector<std::string> patterns{"a.b", "a.*", "*.b", "#", "a.#", "#.b", "#.#", "a.#.b", "*.*", "#.a.#"};
    for (std::size_t i = 0; i < patterns.size(); ++i) table.add(i + 1, patterns[i]);
    const Numbers found = table.match("a.b");
    EXPECT_EQ(found.size(), patterns.size());
    EXPECT_EQ(std::set(found.begin(), found.end()).size(), patterns.size());
}

/// The definition, word by word.
bool matches_by_definition(std::span<const std::string> pattern, std::span<const std::string> key) {
    if (pattern.empty()) return key.empty();
    if (pattern[0] == "#")
        return matches_by_definition(pattern.subspan(1), key) ||
               (!key.empty() && matches_by_definition(pattern, key.subspan(1)));
    return !key.empty() && (pattern[0] == "*" || pattern[0] == key[0]) &&
           matches_by_definition(pattern.subspan(1), key.subspan(1));
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() && &word == words.data() ? "" : ".") + word;
    return out;
}

TEST(TopicTable, RandomPatternsMatchAsDefined) {
    const unsigned seed = 7;
    std::mt19937 random(seed);
    auto words = [&](std::vector<std::string> from, std::size_t most) {
        std::vector<std::string> out(1 + random() % most);
        for (auto& word : out) word = from[random() % from.size()];
        return out;
    };
    for (int round = 0; round < 60; ++round) {
        Table table(ExchangeType::topic);
        std::vector<std::vector<std::string>> patterns;
        for (std::uintptr_t i = 0; i < 40; ++i) {
            patterns.push_back(words({"a", "b", "*", "#"}, 5));
            table.add(i + 1, joined(patterns.back()));
        }
        for (std::uintptr_t i = 0; i < 40; i += 3) table.remove(i + 1, joined(patterns[i]));
        for (int k = 0; k < 40; ++k) {
            const auto key = words({"a", "b", "c"}, 6);
            const Numbers found = table.match(joined(key));
            for (std::uintptr_t i = 0; i < 40; ++i)
                ASSERT_EQ(found.count(i + 1), i % 3 != 0 && matches_by_definition(patterns[i], key) ? 1u : 0u)
                    << joined(patterns[i]) << " against " << joined(key) << ", seed " << seed;
        }
    }
}

TEST(TopicTable, ManyHashesCostNoMoreThanWordsTimesNodes) {
    Table table(ExchangeType::topic);
    std::string pattern = "#";
    for (int i = 0; i < 60; ++i) pattern += ".a.#";
    table.add(1, pattern + ".z");
    std::string key = "a";
    for (int i = 0; i < 120; ++i) key += ".a";
    EXPECT_EQ(table.match(key), Numbers{});  // backtracking would not end in a lifetime
    EXPECT_EQ(table.match(key + ".z"), Numbers{1});
}

// ------------------------------------------------------------------------------------------------------------ headers

struct HeadersCase {
    const char* mode;
    bool both, one, none, with_x;
};

TEST(HeadersTable, FourModes) {
    for (const HeadersCase& c :
         {HeadersCase{nullptr, true, false, false, true}, HeadersCase{"all", true, false, false, true},
          HeadersCase{"any", true, true, false, true}, HeadersCase{"all-with-x", false, false, false, true},
          HeadersCase{"any-with-x", true, true, false, true}}) {
        Table table(ExchangeType::headers);
        record::FieldTableBuilder wanted;
        if (c.mode != nullptr) wanted.set_text("x-match", c.mode);
        wanted.set_text("a", "1");
        wanted.set_int("b", 2);
        wanted.set_text("x-c", "3");
        table.add(1, "", &wanted);
        record::FieldTableBuilder headers;
        EXPECT_EQ(table.match_headers(headers).size(), c.none) << (c.mode ? c.mode : "default");
        headers.set_text("a", "1");
        headers.set_text("b", "2");
        EXPECT_EQ(table.match_headers(headers).size(), c.one) << (c.mode ? c.mode : "default");
        headers.set_int("b", 2);
        headers.set_text("other", "ignored");
        EXPECT_EQ(table.match_headers(headers).size(), c.both) << (c.mode ? c.mode : "default");
        headers.set_text("x-c", "3");
        EXPECT_EQ(table.match_headers(headers).size(), c.with_x) << (c.mode ? c.mode : "default");
    }
}

TEST(HeadersTable, OnlyWithXDoesAnXHeaderDecide) {
    for (const bool with_x : {false, true}) {
        Table table(ExchangeType::headers);
        record::FieldTableBuilder wanted;
        wanted.set_text("x-match", with_x ? "any-with-x" : "any");
        wanted.set_text("x-c", "3");
        table.add(1, "", &wanted);
        record::FieldTableBuilder headers;
        headers.set_text("x-c", "3");
        EXPECT_EQ(table.match_headers(headers).size(), with_x ? 1u : 0u);
    }
}

TEST(HeadersTable, ValuesCompareByKindAndNumber) {
    record::FieldTableBuilder wanted;
    wanted.set_int("n", 5);
    wanted.set_bool("t", true);
    wanted.set_double("d", 1.5);
    wanted.set_timestamp("s", 9);
    wanted.set_nothing("present");
    Table table(ExchangeType::headers);
    table.add(1, "", &wanted);
    record::FieldTableBuilder headers;
    headers.set("n", record::FieldValueView(record::FieldTag::int8, std::array<std::uint8_t, 1>{5}));
    headers.set_bool("t", true);
    headers.set_double("d", 1.5);
    headers.set_timestamp("s", 9);
    headers.set_text("present", "whatever");
    EXPECT_EQ(table.match_headers(headers), Numbers{1});
    headers.set_text("t", "true");
    EXPECT_EQ(table.match_headers(headers), Numbers{});
    headers.set_bool("t", true);
    headers.erase("present");
    EXPECT_EQ(table.match_headers(headers), Numbers{});
}

TEST(HeadersTable, NoArgumentsMatchEverythingOnlyForAll) {
    for (const char* mode : {"all", "any"}) {
        record::FieldTableBuilder wanted;
        wanted.set_text("x-match", mode);
        Table table(ExchangeType::headers);
        table.add(1, "", &wanted);
        EXPECT_EQ(table.match("").size(), std::string_view(mode) == "all" ? 1u : 0u);
        table.remove(1, "", &wanted);
        EXPECT_TRUE(table.match("").empty());
    }
}

// --------------------------------------------------------------------------------------------------------------- hash

std::map<std::uintptr_t, int> spread(const Table& table, int keys) {
    std::map<std::uintptr_t, int> counts;
    for (int i = 0; i < keys; ++i) {
        const Numbers found = table.match("key-" + std::to_string(i));
        EXPECT_EQ(found.size(), 1u);
        ++counts[*found.begin()];
    }
    return counts;
}

TEST(ConsistentHashTable, SpreadsByWeight) {
    Table table(ExchangeType::consistent_hash);
    const std::map<std::uintptr_t, int> weights{{1, 1}, {2, 2}, {3, 5}, {4, 2}};
    for (const auto& [to, weight] : weights) table.add(to, std::to_string(weight));
    const auto counts = spread(table, 20'000);
    for (const auto& [to, weight] : weights) EXPECT_NEAR(counts.at(to), 2000 * weight, 200) << to;
}

TEST(ConsistentHashTable, AChangeMovesOnlyTheKeysItMust) {
    for (const char* weight : {"1", "3"}) {
        Table table(ExchangeType::consistent_hash);
        for (std::uintptr_t i = 1; i <= 10; ++i) table.add(i, i == 1 ? "1" : weight);
        std::vector<Numbers> before;
        for (int i = 0; i < 5000; ++i) before.push_back(table.match(std::to_string(i)));
        table.remove(4, weight);
        int moved = 0;
        for (int i = 0; i < 5000; ++i) {
            const Numbers now = table.match(std::to_string(i));
            EXPECT_NE(now, Numbers{4});
            if (now == before[i]) continue;
            ++moved;
            EXPECT_EQ(before[i], Numbers{4});
        }
        EXPECT_GT(moved, 300);
        table.add(4, weight);
        for (int i = 0; i < 5000; ++i) EXPECT_EQ(table.match(std::to_string(i)), before[i]);
    }
}

TEST(ConsistentHashTable, TheOrderOfBindingsDoesNotMatter) {
    for (const ExchangeType type : {ExchangeType::consistent_hash, ExchangeType::modulus_hash}) {
        Table one(type), other(type);
        for (std::uintptr_t i = 1; i <= 7; ++i) one.add(i, std::to_string(i));
        for (std::uintptr_t i = 7; i >= 1; --i) other.add(i, std::to_string(i));
        for (int i = 0; i < 500; ++i) EXPECT_EQ(one.match(std::to_string(i)), other.match(std::to_string(i)));
    }
}

TEST(ConsistentHashTable, HashesAHeaderOrPropertyInstead) {
    ExchangeDefinition by_header;
    by_header.type = ExchangeType::consistent_hash;
    by_header.hash_header = "h";
    ExchangeDefinition by_property = by_header;
    by_property.hash_header.clear();
    by_property.hash_property = "message_id";
    Table header(by_header), property(by_property);
    for (std::uintptr_t i = 1; i <= 8; ++i) header.add(i, "1"), property.add(i, "1");
    std::set<std::uintptr_t> places;
    for (int i = 0; i < 50; ++i) {
        record::FieldTableBuilder headers;
        headers.set_text("h", std::to_string(i));
        const auto view = headers.view();
        const std::string id = std::to_string(i);
        RoutingFacts facts;
        facts.headers = &view;
        facts.message_id = id;
        const Numbers to = header.match("x", facts);
        EXPECT_EQ(to, header.match("y", facts));
        EXPECT_EQ(property.match("x", facts), property.match("y", facts));
        places.insert(*to.begin());
    }
    EXPECT_GT(places.size(), 4u);
}

TEST(ChoiceTable, DrawsChooseEvenlyAndOneEach) {
    Table table(ExchangeType::random);
    for (std::uintptr_t i = 1; i <= 4; ++i) table.add(i, "");
    std::map<std::uintptr_t, int> counts;
    for (std::uint64_t draw = 0; draw < 400; ++draw) ++counts[*table.match("k", {}, draw).begin()];
    for (std::uintptr_t i = 1; i <= 4; ++i) EXPECT_EQ(counts[i], 100);
}

TEST(CheckBinding, RefusesWeightsAndModesThatAreNone) {
    BindingDefinition binding{VhostId(1), "e", "q", false, "0", {}};
    for (const char* key : {"0", "-1", "", "a", "1a", "1.5"}) {
        binding.routing_key = key;
        EXPECT_EQ(check_binding(ExchangeType::consistent_hash, binding).error().code, ErrorCode::precondition_failed)
            << key;
        EXPECT_TRUE(check_binding(ExchangeType::direct, binding));
    }
    binding.routing_key = "99999999999999999999";
    EXPECT_TRUE(check_binding(ExchangeType::consistent_hash, binding));
    EXPECT_EQ(hash_weight(binding.routing_key), hash_weight_max);
    record::FieldTableBuilder arguments;
    for (const char* mode : {"all", "any", "all-with-x", "any-with-x", "some"}) {
        arguments.set_text("x-match", mode);
        binding.arguments = to_bytes(arguments.view().bytes());
        EXPECT_EQ(check_binding(ExchangeType::headers, binding).has_value(), std::string_view(mode) != "some");
    }
}

}  // namespace
}  // namespace fantail::broker
