// SPDX-License-Identifier: Apache-2.0
//! Gathers settlements.
#include "protocols/amqp091/settler.hpp"

#include <algorithm>

#include "protocols/amqp091/limits.hpp"

namespace fantail::amqp091 {

broker::Settle& Settler::find(broker::Port& port, const LeaseRange& range, broker::Outcome outcome) {
    const auto same = [&](const broker::Settle& s) {
        return s.consumer == range.consumer && s.queue == range.queue && s.outcome == outcome;
    };
    if (last_ < open_.size() && same(open_[last_])) return open_[last_];
    const auto found = std::ranges::find_if(open_, same);
    last_ = static_cast<std::size_t>(found - open_.begin());
    if (found != open_.end()) return *found;
    if (open_.size() >= limits::open_settles_max) flush(port);
    last_ = open_.size();
    return open_.emplace_back(range.queue, range.consumer, outcome, std::vector<broker::OffsetRange>{});
}

void Settler::add(broker::Port& port, const LeaseRange& range, broker::Outcome outcome) {
    auto& ranges = find(port, range, outcome).ranges;
    const Offset end = range.first.plus(range.count);
    if (!ranges.empty() && ranges.back().level == range.level && ranges.back().end == range.first) {
        ranges.back().end = end;
        return;
    }
    ranges.push_back({range.first, end, range.level});
}

void Settler::flush(broker::Port& port) {
    for (broker::Settle& settle : open_) {
        const ShardId shard = shard_of(settle.queue);
        port.send(shard, RequestId{}, std::move(settle));
    }
    open_.clear();
    last_ = 0;
}

}  // namespace fantail::amqp091
