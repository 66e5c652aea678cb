// SPDX-License-Identifier: Apache-2.0
//! Assignments: everything has one owner among those who chose it, evenly, and little moves.
#include "broker/groups/assignor.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/limits.hpp"
#include "broker/groups/partitions.hpp"

namespace fantail::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

struct Group {
    TopicSizes sizes;
    std::vector<std::string> names;
    std::vector<TopicIdsRef> choices;
    std::vector<Partitions> held;

    void join(std::string name, TopicIds topics) {
        names.push_back(std::move(name));
        choices.push_back(std::make_shared<const TopicIds>(std::move(topics)));
        held.emplace_back();
    }
    void leave(std::size_t i) {
        names.erase(names.begin() + static_cast<std::ptrdiff_t>(i));
        choices.erase(choices.begin() + static_cast<std::ptrdiff_t>(i));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
    }
    /// Assigns, and says how many partitions went to somebody who did not have them.
    std::size_t assign(Assignor how = Assignor::uniform) {
        std::vector<AssignorMember> members;
        for (std::size_t i = 0; i < names.size(); ++i) members.push_back({names[i], choices[i], &held[i]});
        std::vector<Partitions> next = assign_partitions(how, members, sizes);
        EXPECT_EQ(next, assign_partitions(how, members, sizes)) << "the same again";
        std::size_t moved = 0;
        for (std::size_t i = 0; i < held.size(); ++i) moved += without(next[i], held[i]).size();
        held = std::move(next);
        return moved;
    }
    [[nodiscard]] std::vector<std::size_t> loads() const {
        std::vector<std::size_t> out;
        for (const Partitions& each : held) out.push_back(each.size());
        std::ranges::sort(out);
        return out;
    }
    /// Each partition that anybody chose has one owner, who chose it.
    void check() const {
        std::set<TopicPartition> wanted, given;
        for (std::size_t i = 0; i < names.size(); ++i) {
            EXPECT_TRUE(std::ranges::is_sorted(held[i]));
            for (const TopicPartition& each : held[i]) {
                EXPECT_TRUE(given.insert(each).second) << "given twice";
                EXPECT_TRUE(std::ranges::binary_search(*choices[i], each.topic)) << "not chosen";
            }
            for (const TopicId topic : *choices[i])
                if (sizes.contains(topic))
                    for (std::uint32_t n = 0; n < sizes.at(topic); ++n) wanted.insert({topic, n});
        }
        EXPECT_EQ(given, wanted);
    }
};

constexpr TopicId t1{1}, t2{2}, t3{3};

TEST(UniformAssignor, SharesEvenlyOverTopics) {
    Group g{.sizes = {{t1, 5}, {t2, 5}}, .names = {}, .choices = {}, .held = {}};
    for (const char* name : {"a", "b", "c"}) g.join(name, {t1, t2});
    g.assign();
    g.check();
    EXPECT_THAT(g.loads(), ElementsAre(3, 3, 4));
}

TEST(UniformAssignor, MovesNoMoreThanItMust) {
    Group g{.sizes = {{t1, 12}}, .names = {}, .choices = {}, .held = {}};
    for (const char* name : {"a", "b"}) g.join(name, {t1});
    g.assign();
    EXPECT_EQ(g.assign(), 0u) << "nothing changed";
    g.join("c", {t1});
    EXPECT_EQ(g.assign(), 4u) << "to the newcomer alone";
    EXPECT_THAT(g.loads(), ElementsAre(4, 4, 4));
    g.leave(0);
    EXPECT_EQ(g.assign(), 4u) << "from who left alone";
    g.sizes[t1] = 14;
    EXPECT_EQ(g.assign(), 2u) << "the new ones alone";
    g.check();
}

TEST(UniformAssignor, MoreMembersThanPartitionsLeaveSomeWithout) {
    Group g{.sizes = {{t1, 2}}, .names = {}, .choices = {}, .held = {}};
    for (const char* name : {"a", "b", "c"}) g.join(name, {t1});
    g.assign();
    g.check();
    EXPECT_THAT(g.loads(), ElementsAre(0, 1, 1));
}

TEST(UniformAssignor, MembersThatChooseDifferentTopicsAreEvenAsFarAsCanBe) {
    Group g{.sizes = {{t1, 4}, {t2, 4}, {t3, 4}}, .names = {}, .choices = {}, .held = {}};
    g.join("one", {t1});
    g.join("all", {t1, t2, t3});
    g.join("two", {t2, t3});
    g.assign();
    g.check();
    // One of "all" more for "two" needs one of "one" for "all" first, which by itself makes nothing more even.
    EXPECT_GE(g.loads().front(), 3u);
    EXPECT_LE(g.loads().back(), 5u);
}

TEST(RangeAssignor, GivesRunsTheSameOfTopicsThatAreAlike) {
    Group g{.sizes = {{t1, 5}, {t2, 5}}, .names = {}, .choices = {}, .held = {}};
    g.join("b", {t1, t2});
    g.join("a", {t1, t2});
    g.assign(Assignor::range);
    g.check();
    EXPECT_THAT(g.held[1], ElementsAre(TopicPartition{t1, 0}, TopicPartition{t1, 1}, TopicPartition{t1, 2},
                                       TopicPartition{t2, 0}, TopicPartition{t2, 1}, TopicPartition{t2, 2}));
    EXPECT_THAT(g.held[0], SizeIs(4));
}

TEST(Assignors, WhatDoesNotExistIsNotGiven) {
    for (const Assignor how : {Assignor::uniform, Assignor::range}) {
        Group g{.sizes = {{t1, 1}}, .names = {}, .choices = {}, .held = {}};
        g.join("a", {t1, t2});
        g.held[0] = {{t1, 0}, {t1, 9}, {t2, 0}};
        g.assign(how);
        EXPECT_THAT(g.held[0], ElementsAre(TopicPartition{t1, 0}));
    }
}

TEST(Assignors, AGroupIsGivenNoMoreThanItMayHave) {
    Group g{.sizes = {{t1, limits::group_partitions_max}, {t2, 1}}, .names = {}, .choices = {}, .held = {}};
    g.join("a", {t1, t2});
    g.assign();
    EXPECT_THAT(g.held[0], SizeIs(limits::group_partitions_max));
}

TEST(Assignors, KeepTheirPromisesWhoeverComesAndGoes) {
    std::mt19937 random(1);
    const auto pick = [&](std::size_t below) { return random() % below; };
    for (int run = 0; run < 200; ++run) {
        Group g;
        for (std::uint64_t id = 1; id <= 6; ++id) g.sizes[TopicId(id)] = static_cast<std::uint32_t>(pick(8));
        const Assignor how = run % 3 == 0 ? Assignor::range : Assignor::uniform;
        for (int step = 0; step < 12; ++step) {
            if (g.names.size() < 2 || pick(3) > 0) {
                TopicIds topics;
                for (std::uint64_t id = 1; id <= 7; ++id)
                    if (pick(2) == 0) topics.emplace_back(id);
                g.join("m" + std::to_string(step), std::move(topics));
            } else {
                g.leave(pick(g.names.size()));
            }
            if (pick(4) == 0) g.sizes[TopicId(1 + pick(6))] = static_cast<std::uint32_t>(pick(8));
            g.assign(how);
            g.check();
        }
    }
}

}  // namespace
}  // namespace fantail::broker
