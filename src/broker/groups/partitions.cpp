// SPDX-License-Identifier: Apache-2.0
//! Sets as sorted vectors, and their encoding.
#include "broker/groups/partitions.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace fantail::broker {

Partitions partitions_of(std::vector<TopicPartition> any) {
    std::ranges::sort(any);
    const auto twice = std::ranges::unique(any);
    any.erase(twice.begin(), twice.end());
    return any;
}

Partitions both(const Partitions& a, const Partitions& b) {
    Partitions out;
    std::ranges::set_intersection(a, b, std::back_inserter(out));
    return out;
}

Partitions either(const Partitions& a, const Partitions& b) {
    Partitions out;
    std::ranges::set_union(a, b, std::back_inserter(out));
    return out;
}

Partitions without(const Partitions& a, const Partitions& b) {
    Partitions out;
    std::ranges::set_difference(a, b, std::back_inserter(out));
    return out;
}

void encode_partitions(Writer& out, const Partitions& partitions) {
    std::size_t topics = 0;
    for (std::size_t i = 0; i < partitions.size(); ++i)
        if (i == 0 || partitions[i].topic != partitions[i - 1].topic) ++topics;
    out.uvarint(topics);
    for (auto at = partitions.begin(); at != partitions.end();) {
        const auto end = std::find_if(at, partitions.end(), [&](const auto& each) { return each.topic != at->topic; });
        out.u64(at->topic.value);
        out.uvarint(static_cast<std::uint64_t>(end - at));
        for (; at != end; ++at) out.uvarint(at->index);
    }
}

Partitions read_partitions(Reader& in) {
    Partitions out;
    for (std::uint64_t topics = in.uvarint(); topics > 0 && !in.failed(); --topics) {
        const TopicId topic(in.u64());
        std::uint64_t count = in.uvarint();
        const bool again = !out.empty() && out.back().topic == topic;
        if (count == 0 || again) in.fail();
        for (; count > 0 && !in.failed(); --count) {
            const std::uint64_t index = in.uvarint();
            const TopicPartition next{topic, static_cast<std::uint32_t>(index)};
            const bool ascends = out.empty() || out.back() < next;
            if (index > std::numeric_limits<std::uint32_t>::max() || !ascends) in.fail();
            else out.push_back(next);
        }
    }
    return out;
}

}  // namespace fantail::broker
