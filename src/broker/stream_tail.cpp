// SPDX-License-Identifier: Apache-2.0
//! Keeps, finds and evicts cached batches.
#include "broker/stream_tail.hpp"

#include <algorithm>

#include "broker/queue_level.hpp"

namespace fantail::broker {

void StreamTail::push(const Entry& entry) {
    FANTAIL_ASSERT(empty() || entries_.back().end() <= entry.base);
    if (entries_.size() == entries_.capacity()) compact();
    entries_.push_back(entry);
    if (!entry.logged()) ++unlogged;
}

/// The index of the first entry that ends behind `offset`.
std::size_t StreamTail::position(std::uint64_t offset) const {
    if (hint_ >= first_ && hint_ < entries_.size() && entries_[hint_].base <= offset) {
        if (offset < entries_[hint_].end()) return hint_;
        if (hint_ + 1 < entries_.size() && offset < entries_[hint_ + 1].end()) return ++hint_;
    }
    const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first_);
    const auto it = std::partition_point(begin, entries_.end(), [&](const Entry& e) { return e.end() <= offset; });
    hint_ = static_cast<std::size_t>(it - entries_.begin());
    return hint_;
}

const StreamTail::Entry* StreamTail::find(std::uint64_t offset) const {
    const Entry* entry = at_or_after(offset);
    return entry != nullptr && entry->base <= offset ? entry : nullptr;
}

const StreamTail::Entry* StreamTail::at_or_after(std::uint64_t offset) const {
    if (empty()) return nullptr;
    const std::size_t at = position(offset);
    return at == entries_.size() ? nullptr : &entries_[at];
}

std::span<const StreamTail::Entry> StreamTail::unlogged_end() const {
    std::size_t first = entries_.size();
    while (first > first_ && !entries_[first - 1].logged()) --first;
    return std::span(entries_).subspan(first);
}

void StreamTail::pop_front() {
    if (!entries_[first_].logged()) --unlogged;
    ++first_;
    if (first_ == entries_.size()) {
        entries_.clear();
        first_ = 0;
        if (entries_.capacity() > 16) entries_.shrink_to_fit();
    }
}

void StreamTail::remove(std::uint64_t base) {
    const std::size_t at = position(base);
    FANTAIL_ASSERT(at < entries_.size() && entries_[at].base == base);
    if (at == first_) {
        pop_front();
        return;
    }
    if (!entries_[at].logged()) --unlogged;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
}

/// Uses the room of popped entries again when they are at least half of it.
void StreamTail::compact() {
    if (first_ * 2 < entries_.size() || first_ == 0) return;
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
}

TailCache::~TailCache() {
    while (oldest_ != nullptr) {
        CachedBatch* next = oldest_->newer;
        delete oldest_;
        oldest_ = next;
    }
}

void TailCache::add(std::unique_ptr<CachedBatch> owned) {
    CachedBatch* batch = owned.release();
    batch->places_left = static_cast<std::uint32_t>(batch->places.size());
    batch->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = batch;
    newest_ = batch;
    bytes_ += cost(*batch);
    for (std::uint32_t i = 0; i < batch->places.size(); ++i) {
        const CachedBatch::Place& place = batch->places[i];
        place.level->tail.push({place.base, batch->count, i, batch});
    }
}

void TailCache::let_go(const StreamTail::Entry& entry) {
    CachedBatch* batch = entry.batch;
    batch->places[entry.place].level = nullptr;
    if (--batch->places_left > 0) return;
    (batch->older != nullptr ? batch->older->newer : oldest_) = batch->newer;
    (batch->newer != nullptr ? batch->newer->older : newest_) = batch->older;
    bytes_ -= cost(*batch);
    delete batch;
}

void TailCache::drop_below(Level& level, std::uint64_t offset) {
    while (!level.tail.empty() && level.tail.front()->end() <= offset) {
        const StreamTail::Entry entry = *level.tail.front();
        level.tail.pop_front();
        let_go(entry);
    }
}

void TailCache::drop_all(Level& level) { drop_below(level, OffsetSet::no_limit); }

/// Takes the batch out of every stream. Ends its life.
void TailCache::drop(CachedBatch* batch) {
    const std::size_t places = batch->places.size();
    for (std::uint32_t i = 0; i < places; ++i) {
        const CachedBatch::Place place = batch->places[i];
        if (place.level == nullptr) continue;
        const bool last = batch->places_left == 1;
        place.level->tail.remove(place.base);
        let_go({place.base, batch->count, i, batch});
        if (last) return;
    }
}

/// Takes the batch out of streams where all of it is settled. May end its life.
void TailCache::drop_settled(CachedBatch* batch) {
    const std::size_t places = batch->places.size();
    for (std::uint32_t i = 0; i < places; ++i) {
        const CachedBatch::Place place = batch->places[i];
        if (place.level == nullptr || place.level->live({place.base, place.base + batch->count}) > 0) continue;
        const bool last = batch->places_left == 1;
        place.level->tail.remove(place.base);
        let_go({place.base, batch->count, i, batch});
        if (last) return;
    }
}

/// Gives the log what it lacks, so that the batch can be dropped later.
void TailCache::write_out(ShardHost& host, CachedBatch& batch) {
    targets_.clear();
    for (CachedBatch::Place& place : batch.places) {
        if (place.level == nullptr || place.logged) continue;
        targets_.push_back({place.stream, Offset(place.base)});
        place.logged = true;
        --place.level->tail.unlogged;
    }
    batch.lsn = host.log_batch(targets_, batch.count, batch.bytes, true);
    for (const CachedBatch::Place& place : batch.places) {
        const bool written = std::ranges::any_of(targets_, [&](const Target& t) { return t.stream == place.stream; });
        if (written) release_settled(host, place, batch.count);
    }
}

/// What was settled before the log had it was not released then.
void TailCache::release_settled(ShardHost& host, const CachedBatch::Place& place, std::uint32_t count) {
    const auto settled = [&](std::uint64_t offset) { return place.level->live({offset, offset + 1}) == 0; };
    const std::uint64_t end = place.base + count;
    for (std::uint64_t at = place.base; at < end; ++at) {
        const std::uint64_t first = at;
        while (at < end && settled(at)) ++at;
        if (first < at) host.release(place.stream, Offset(first), Offset(at));
    }
}

void TailCache::write_out(ShardHost& host, Level& level) {
    for (const StreamTail::Entry& entry : level.tail.unlogged_end()) {
        if (level.live({entry.base, entry.end()}) == 0) continue;
        CachedBatch::Place& place = entry.batch->places[entry.place];
        const Target target{place.stream, Offset(place.base)};
        entry.batch->lsn = host.log_batch({&target, 1}, entry.count, entry.batch->bytes, true);
        place.logged = true;
        --level.tail.unlogged;
        release_settled(host, place, entry.count);
    }
}

bool TailCache::lacks_nothing(const CachedBatch& batch) {
    return std::ranges::all_of(batch.places,
                               [](const CachedBatch::Place& p) { return p.level == nullptr || p.logged; });
}

void TailCache::evict(ShardHost& host, Lsn durable) {
    if (bytes_ <= bytes_max_) return;
    std::uint64_t under_way = 0;
    CachedBatch* next = nullptr;
    for (CachedBatch* batch = oldest_; batch != nullptr && bytes_ > bytes_max_ + under_way; batch = next) {
        next = batch->newer;
        if (!lacks_nothing(*batch)) {
            const std::uint64_t before = bytes_;
            drop_settled(batch);
            if (bytes_ != before) continue;
        }
        // What is left of it may be in the log already: a durable queue's place.
        const bool logged = lacks_nothing(*batch);
        if (!logged) write_out(host, *batch);
        if (logged && batch->lsn <= durable) drop(batch);
        else under_way += cost(*batch);
    }
}

}  // namespace fantail::broker
