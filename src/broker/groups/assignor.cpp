// SPDX-License-Identifier: Apache-2.0
//! Uniform and range assignment.
//
// Topics that the same members choose form a class: in most groups there is one. Classes keep the work near the number of
// partitions, where looking at every member for every topic would multiply the two.
#include "broker/groups/assignor.hpp"

#include <algorithm>
#include <set>

#include "base/limits.hpp"
#include "broker/groups/partitions.hpp"

namespace fantail::broker {

namespace {

using Index = std::uint32_t;  ///< of a member

struct TopicClass {
    std::vector<Index> members;  ///< ascending
    std::vector<TopicId> topics;
};

/// Members by what they choose: equal choices are one subscription.
std::map<TopicIds, std::vector<Index>> subscriptions_of(const std::vector<AssignorMember>& members) {
    std::map<const TopicIds*, std::vector<Index>> by_object;
    for (Index i = 0; i < members.size(); ++i) by_object[members[i].topics.get()].push_back(i);
    std::map<TopicIds, std::vector<Index>> out;
    for (auto& [topics, who] : by_object) {
        auto& all = out[*topics];
        all.insert(all.end(), who.begin(), who.end());
    }
    for (auto& [topics, who] : out) std::ranges::sort(who);
    return out;
}

std::vector<TopicClass> classes_of(const std::vector<AssignorMember>& members, const TopicSizes& sizes) {
    const auto subscriptions = subscriptions_of(members);
    std::map<TopicId, std::vector<Index>> choosers;  // subscriptions
    Index number = 0;
    std::vector<const std::vector<Index>*> who;
    for (const auto& [topics, subscribers] : subscriptions) {
        for (const TopicId topic : topics)
            if (sizes.contains(topic)) choosers[topic].push_back(number);
        who.push_back(&subscribers);
        ++number;
    }
    std::map<std::vector<Index>, TopicClass> classes;
    for (const auto& [topic, chosen_by] : choosers) {
        TopicClass& each = classes[chosen_by];
        if (each.topics.empty())
            for (const Index subscription : chosen_by)
                each.members.insert(each.members.end(), who[subscription]->begin(), who[subscription]->end());
        each.topics.push_back(topic);
    }
    std::vector<TopicClass> out;
    for (auto& [chosen_by, each] : classes) {
        std::ranges::sort(each.members);
        out.push_back(std::move(each));
    }
    // The order must not hang on how subscriptions were numbered.
    std::ranges::sort(out, {}, [](const TopicClass& each) { return each.topics.front(); });
    return out;
}

TopicSizes bounded(const TopicSizes& sizes) {
    TopicSizes out;
    std::uint64_t sum = 0;
    for (const auto& [topic, size] : sizes) {
        sum += size;
        if (sum > limits::group_partitions_max) break;
        out.emplace(topic, size);
    }
    return out;
}

class Uniform final {
public:
    Uniform(const std::vector<AssignorMember>& members, const TopicSizes& sizes)
        : members_(members), sizes_(sizes), loads_(members.size()) {}

    std::vector<Partitions> assign() {
        for (TopicClass& each : classes_of(members_, sizes_)) shares_.push_back({std::move(each), {}, {}});
        for (Share& share : shares_) keep(share);
        for (Share& share : shares_) fill(share);
        balance();
        std::vector<std::vector<TopicPartition>> out(members_.size());
        for (const Share& share : shares_)
            for (std::size_t i = 0; i < share.given.size(); ++i) {
                auto& all = out[share.of.members[i]];
                all.insert(all.end(), share.given[i].begin(), share.given[i].end());
            }
        for (auto& each : out) each = partitions_of(std::move(each));
        return out;
    }

private:
    /// What of one class goes to whom: `given` beside the class's members.
    struct Share {
        TopicClass of;
        std::vector<std::vector<TopicPartition>> given;
        std::vector<TopicPartition> free;
    };
    using ByLoad = std::set<std::pair<std::size_t, std::size_t>>;  ///< (load, place in the class)

    void keep(Share& share) {
        share.given.resize(share.of.members.size());
        std::set<TopicPartition> taken;
        for (std::size_t i = 0; i < share.given.size(); ++i) {
            for (const TopicPartition& each : *members_[share.of.members[i]].held) {
                if (!std::ranges::binary_search(share.of.topics, each.topic)) continue;
                if (each.index >= sizes_.at(each.topic) || !taken.insert(each).second) continue;
                share.given[i].push_back(each);
                ++loads_[share.of.members[i]];
            }
        }
        for (const TopicId topic : share.of.topics)
            for (std::uint32_t index = 0; index < sizes_.at(topic); ++index)
                if (!taken.contains({topic, index})) share.free.push_back({topic, index});
    }

    [[nodiscard]] ByLoad by_load(const Share& share) const {
        ByLoad out;
        for (std::size_t i = 0; i < share.of.members.size(); ++i) out.emplace(loads_[share.of.members[i]], i);
        return out;
    }

    void give(Share& share, std::size_t to, const TopicPartition& partition) {
        share.given[to].push_back(partition);
        ++loads_[share.of.members[to]];
    }

    void fill(Share& share) {
        ByLoad order = by_load(share);
        for (const TopicPartition& each : share.free) {
            auto least = order.extract(order.begin());
            give(share, least.value().second, each);
            ++least.value().first;
            order.insert(std::move(least));
        }
    }

    /// Moves partitions from who has much to who has little, until no move makes it more even. Where members choose differently, what one
    /// class gains another may lose: each move brings the whole nearer to even, and the rounds are bounded.
    void balance() {
        constexpr int rounds_max = 32;
        for (int round = 0; round < rounds_max; ++round) {
            bool moved = false;
            for (Share& share : shares_) moved = even_out(share) || moved;
            if (!moved) return;
        }
    }

    bool even_out(Share& share) {
        ByLoad takers = by_load(share);
        ByLoad givers;
        for (const auto& each : takers)
            if (!share.given[each.second].empty()) givers.insert(each);
        bool moved = false;
        while (!givers.empty()) {
            const auto most = *givers.rbegin();
            const auto least = *takers.begin();
            if (most.first < least.first + 2) break;
            moved = true;
            const TopicPartition partition = share.given[most.second].back();
            share.given[most.second].pop_back();
            --loads_[share.of.members[most.second]];
            give(share, least.second, partition);
            for (ByLoad* each : {&takers, &givers}) {
                each->erase(most);
                each->erase(least);
            }
            takers.emplace(most.first - 1, most.second);
            takers.emplace(least.first + 1, least.second);
            givers.emplace(least.first + 1, least.second);
            if (!share.given[most.second].empty()) givers.emplace(most.first - 1, most.second);
        }
        return moved;
    }

    const std::vector<AssignorMember>& members_;
    const TopicSizes& sizes_;
    std::vector<std::size_t> loads_;
    std::vector<Share> shares_;
};

std::vector<Partitions> assign_ranges(const std::vector<AssignorMember>& members, const TopicSizes& sizes) {
    std::vector<std::vector<TopicPartition>> out(members.size());
    for (TopicClass& each : classes_of(members, sizes)) {
        std::ranges::sort(each.members, {}, [&](Index i) { return members[i].name; });
        for (const TopicId topic : each.topics) {
            const std::uint64_t size = sizes.at(topic);
            const std::uint64_t count = each.members.size();
            // The first ones get one more where it does not come out even.
            std::uint32_t next = 0;
            for (std::uint64_t i = 0; i < count && next < size; ++i) {
                const std::uint64_t share = size / count + (i < size % count ? 1 : 0);
                for (std::uint64_t n = 0; n < share; ++n) out[each.members[i]].push_back({topic, next++});
            }
        }
    }
    for (auto& each : out) each = partitions_of(std::move(each));
    return out;
}

}  // namespace

std::vector<Partitions> assign_partitions(Assignor how, const std::vector<AssignorMember>& members,
                                          const TopicSizes& sizes) {
    const TopicSizes within = bounded(sizes);
    if (how == Assignor::range) return assign_ranges(members, within);
    return Uniform(members, within).assign();
}

}  // namespace fantail::broker
