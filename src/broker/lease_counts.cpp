// SPDX-License-Identifier: Apache-2.0
//! A map of ranges that splits and joins.
#include "broker/lease_counts.hpp"

#include <algorithm>

namespace fantail::broker {

std::pair<OffsetSpan, LeaseCounts> LeaseCountMap::run(OffsetSpan span) const {
    auto next = ranges_.upper_bound(span.first);
    if (next != ranges_.begin()) {
        const auto& [first, range] = *std::prev(next);
        if (range.end > span.first) return {{span.first, std::min(span.end, range.end)}, range.counts};
    }
    if (next != ranges_.end()) span.end = std::min(span.end, next->first);
    return {span, {}};
}

/// Makes `at` a border. Returns the first range at or behind it.
LeaseCountMap::Map::iterator LeaseCountMap::split(std::uint64_t at) {
    const auto next = ranges_.lower_bound(at);
    if (next == ranges_.begin()) return next;
    const auto before = std::prev(next);
    if (before->second.end <= at) return next;
    const Range right = before->second;
    before->second.end = at;
    return ranges_.emplace_hint(next, at, right);
}

void LeaseCountMap::join(Map::iterator at) {
    if (at == ranges_.begin() || at == ranges_.end()) return;
    const auto before = std::prev(at);
    if (before->second.end != at->first || before->second.counts != at->second.counts) return;
    before->second.end = at->second.end;
    ranges_.erase(at);
}

void LeaseCountMap::set(OffsetSpan span, LeaseCounts counts) {
    if (span.empty() || (ranges_.empty() && counts == LeaseCounts{})) return;
    split(span.first);
    const auto last = split(span.end);
    auto at = ranges_.erase(ranges_.lower_bound(span.first), last);
    if (counts == LeaseCounts{}) return;
    at = ranges_.emplace_hint(at, span.first, Range{span.end, counts});
    join(std::next(at));
    join(at);
}

void LeaseCountMap::encode(Writer& out) const {
    out.uvarint(ranges_.size());
    for (const auto& [first, range] : ranges_) {
        out.uvarint(first);
        out.uvarint(range.end - first);
        out.uvarint(range.counts.failed);
        out.uvarint(range.counts.acquired);
    }
}

void LeaseCountMap::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const std::uint64_t first = in.uvarint();
        const std::uint64_t size = in.uvarint();
        LeaseCounts counts;
        counts.failed = static_cast<std::uint32_t>(in.uvarint());
        counts.acquired = static_cast<std::uint32_t>(in.uvarint());
        if (!in.failed()) set({first, first + size}, counts);
    }
}

}  // namespace fantail::broker
