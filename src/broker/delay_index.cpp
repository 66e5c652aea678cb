// SPDX-License-Identifier: Apache-2.0
//! A binary heap of due times.
#include "broker/delay_index.hpp"

#include <algorithm>

namespace fantail::broker {

void DelayIndex::put(std::uint64_t offset, std::int64_t due_ms) {
    const std::uint64_t added = held_.insert({offset, offset + 1});
    heap_.push_back({due_ms, offset});
    if (replaying_) return;
    FANTAIL_ASSERT(added == 1);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

std::optional<std::uint64_t> DelayIndex::take_due(std::int64_t now_ms) {
    if (heap_.empty() || heap_.front().due_ms > now_ms) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const std::uint64_t offset = heap_.back().offset;
    heap_.pop_back();
    held_.erase({offset, offset + 1});
    if (heap_.empty()) heap_ = {};
    return offset;
}

std::optional<std::int64_t> DelayIndex::next_due() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due_ms;
}

void DelayIndex::end_replay(const std::function<bool(std::uint64_t)>& needed) {
    std::stable_sort(heap_.begin(), heap_.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
    std::vector<Entry> kept;
    held_.clear();
    for (std::size_t i = 0; i < heap_.size(); ++i) {
        const bool last = i + 1 == heap_.size() || heap_[i + 1].offset != heap_[i].offset;
        if (!last || !needed(heap_[i].offset)) continue;
        kept.push_back(heap_[i]);
        held_.insert({heap_[i].offset, heap_[i].offset + 1});
    }
    heap_ = std::move(kept);
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    replaying_ = false;
}

void DelayIndex::encode(Writer& out) const {
    out.uvarint(heap_.size());
    for (const Entry& e : heap_) {
        out.uvarint(e.offset);
        out.svarint(e.due_ms);
    }
}

void DelayIndex::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const std::uint64_t offset = in.uvarint();
        const std::int64_t due_ms = in.svarint();
        if (!in.failed()) put(offset, due_ms);
    }
}

}  // namespace fantail::broker
