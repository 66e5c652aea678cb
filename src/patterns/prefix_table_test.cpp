// SPDX-License-Identifier: Apache-2.0
//! Tests of the prefix table, against a plain list.
#include "patterns/prefix_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace fantail::patterns {
namespace {

struct Count {
    int n = 0;
    [[nodiscard]] bool empty() const { return n == 0; }
};

std::multiset<int> matches(const PrefixTable<Count>& table, const std::string& topic) {
    std::multiset<int> found;
    table.match(as_bytes(topic), [&](const Count& count) {
        found.insert(count.n);
        return false;
    });
    return found;
}

std::string random_word(std::mt19937& random) {
    std::string word(random() % 6, 'a');
    for (char& c : word) c = static_cast<char>('a' + random() % 3);
    return word;
}

TEST(PrefixTable, MatchesAsAPlainListDoesWhateverIsAddedAndRemoved) {
    std::mt19937 random(20261123);
    PrefixTable<Count> table;
    std::map<std::string, int> list;
    for (int i = 1; i <= 20'000; ++i) {
        const std::string prefix = random_word(random);
        if (random() % 2 == 0) {
            list[prefix] = table.at(as_bytes(prefix)).n = i;
        } else if (Count* count = table.find(as_bytes(prefix)); count != nullptr) {
            *count = {};
            table.prune(as_bytes(prefix));
            ASSERT_EQ(list.erase(prefix), 1u);
        }
        const std::string topic = random_word(random) + random_word(random);
        std::multiset<int> expected;
        for (const auto& [p, n] : list) {
            if (topic.starts_with(p)) expected.insert(n);
        }
        ASSERT_EQ(matches(table, topic), expected) << "step " << i;
    }
    std::map<std::string, int> seen;
    table.for_each([&](ByteView prefix, const Count& count) { seen[std::string(as_text(prefix))] = count.n; });
    EXPECT_EQ(seen, list);
}

TEST(PrefixTable, GivesBackWhatIsRemoved) {
    PrefixTable<Count> table;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) table.at(as_bytes(std::to_string(i))).n = 1;
        for (int i = 0; i < 1000; ++i) {
            table.find(as_bytes(std::to_string(i)))->n = 0;
            table.prune(as_bytes(std::to_string(i)));
        }
        EXPECT_LE(table.nodes(), 120u);  // branches that split once may stay
    }
}

}  // namespace
}  // namespace fantail::patterns
