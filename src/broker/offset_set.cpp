// SPDX-License-Identifier: Apache-2.0
//! Chunked bitmaps with full chunks run-length encoded.
#include "broker/offset_set.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

namespace fantail::broker {

namespace {

/// The bits [lo, hi) of word `w` of a bitmap.
std::uint64_t word_mask(unsigned w, unsigned lo, unsigned hi) {
    const unsigned from = std::max(lo, w * 64) - w * 64;
    const unsigned to = std::min(hi, w * 64 + 64) - w * 64;
    const std::uint64_t below = to == 64 ? ~0ull : (1ull << to) - 1;
    return below & ~((1ull << from) - 1);
}

/// The first bit at or after `from` that is `wanted`; the bitmap's size when there is none.
template <class Bits>
unsigned find_bit(const Bits& bits, unsigned from, bool wanted) {
    for (unsigned w = from / 64; w < bits.size(); ++w) {
        std::uint64_t word = wanted ? bits[w] : ~bits[w];
        if (w == from / 64) word &= ~0ull << (from % 64);
        if (word != 0) return w * 64 + static_cast<unsigned>(std::countr_zero(word));
    }
    return static_cast<unsigned>(bits.size() * 64);
}

}  // namespace

/// The first entry that ends behind `chunk`.
std::size_t OffsetSet::find(std::uint64_t chunk) const {
    if (entries_.empty() || entries_.back().past() <= chunk) return entries_.size();
    if (entries_.front().past() > chunk) return 0;
    if (entries_.back().chunk <= chunk) return entries_.size() - 1;
    const auto it =
        std::partition_point(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.past() <= chunk; });
    return static_cast<std::size_t>(it - entries_.begin());
}

bool OffsetSet::contains(std::uint64_t offset) const {
    const std::uint64_t chunk = offset >> chunk_shift;
    const std::size_t at = find(chunk);
    if (at == entries_.size() || entries_[at].chunk > chunk) return false;
    if (entries_[at].full()) return true;
    const unsigned bit = static_cast<unsigned>(offset % chunk_size);
    return ((*entries_[at].bits)[bit / 64] >> (bit % 64)) & 1;
}

std::uint64_t OffsetSet::count_in(OffsetSpan span) const {
    std::uint64_t count = 0;
    for (OffsetSpan run = next_run(span.first, span.end); !run.empty(); run = next_run(run.end, span.end))
        count += run.size();
    return count;
}

std::uint64_t OffsetSet::bound() const { return entries_.empty() ? 0 : entries_.back().past() << chunk_shift; }

/// The first member at or after `from`, which is in or before entry `at`; moves `at` to its entry.
std::uint64_t OffsetSet::next_member(std::size_t& at, std::uint64_t from) const {
    for (; at < entries_.size(); ++at) {
        const Entry& e = entries_[at];
        const std::uint64_t start = e.chunk << chunk_shift;
        from = std::max(from, start);
        if (e.full()) return from;
        if (from >= start + chunk_size) continue;
        const unsigned bit = find_bit(*e.bits, static_cast<unsigned>(from - start), true);
        if (bit < chunk_size) return start + bit;
    }
    return no_limit;
}

/// Where the run that holds `from`, a member in entry `at`, ends.
std::uint64_t OffsetSet::run_end(std::size_t at, std::uint64_t from) const {
    for (; at < entries_.size(); ++at) {
        const Entry& e = entries_[at];
        if (e.chunk > from >> chunk_shift) return from;
        if (e.full()) {
            from = e.past() << chunk_shift;
            continue;
        }
        const unsigned bit = find_bit(*e.bits, static_cast<unsigned>(from % chunk_size), false);
        from = (e.chunk << chunk_shift) + bit;
        if (bit < chunk_size) return from;
    }
    return from;
}

OffsetSpan OffsetSet::next_run(std::uint64_t from, std::uint64_t limit) const {
    std::size_t at = find(from >> chunk_shift);
    const std::uint64_t first = next_member(at, from);
    if (first >= limit) return {};
    return {first, std::min(limit, run_end(at, first))};
}

std::uint64_t OffsetSet::insert(OffsetSpan span) {
    std::uint64_t added = 0;
    for (std::uint64_t at = span.first; at < span.end;) {
        const std::uint64_t chunk = at >> chunk_shift;
        const std::uint64_t start = chunk << chunk_shift;
        if (at == start && span.end - at >= chunk_size) {
            const std::uint64_t whole = (span.end - at) >> chunk_shift;
            added += fill(chunk, whole);
            at += whole << chunk_shift;
            continue;
        }
        const std::uint64_t stop = std::min(span.end, start + chunk_size);
        added += set_bits(chunk, static_cast<unsigned>(at - start), static_cast<unsigned>(stop - start));
        at = stop;
    }
    count_ += added;
    return added;
}

std::uint64_t OffsetSet::fill(std::uint64_t chunk, std::uint64_t chunks) {
    const std::size_t first = find(chunk);
    std::uint64_t lo = chunk;
    std::uint64_t hi = chunk + chunks;
    std::uint64_t present = 0;
    std::size_t last = first;
    for (; last < entries_.size() && entries_[last].chunk < chunk + chunks; ++last) {
        const Entry& e = entries_[last];
        present += e.full() ? (std::min(e.past(), chunk + chunks) - std::max(e.chunk, chunk)) << chunk_shift : e.count;
        lo = std::min(lo, e.chunk);
        hi = std::max(hi, e.past());
    }
    const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first);
    Entry whole{lo, static_cast<std::uint32_t>(hi - lo), 0, nullptr};
    if (last == first) {
        entries_.insert(begin, std::move(whole));
    } else {
        *begin = std::move(whole);
        entries_.erase(begin + 1, entries_.begin() + static_cast<std::ptrdiff_t>(last));
    }
    join(first);
    return (chunks << chunk_shift) - present;
}

std::uint64_t OffsetSet::set_bits(std::uint64_t chunk, unsigned lo, unsigned hi) {
    const std::size_t at = find(chunk);
    if (at == entries_.size() || entries_[at].chunk > chunk) {
        entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at),
                        Entry{chunk, 1, 0, std::make_unique<Bits>()});
    }
    Entry& e = entries_[at];
    if (e.full()) return 0;
    unsigned added = 0;
    for (unsigned w = lo / 64; w * 64 < hi; ++w) {
        std::uint64_t& word = (*e.bits)[w];
        const std::uint64_t fresh = word_mask(w, lo, hi) & ~word;
        added += static_cast<unsigned>(std::popcount(fresh));
        word |= fresh;
    }
    e.count += added;
    if (e.count == chunk_size) {
        e.bits.reset();
        join(at);
    }
    return added;
}

/// Joins the full entry `at` with full neighbours that touch it.
void OffsetSet::join(std::size_t at) {
    if (at + 1 < entries_.size() && entries_[at + 1].full() && entries_[at].past() == entries_[at + 1].chunk) {
        entries_[at].chunks += entries_[at + 1].chunks;
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    if (at > 0 && entries_[at - 1].full() && entries_[at - 1].past() == entries_[at].chunk) {
        entries_[at - 1].chunks += entries_[at].chunks;
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

std::uint64_t OffsetSet::erase(OffsetSpan span) {
    std::uint64_t removed = 0;
    for (std::uint64_t at = span.first; at < span.end;) {
        const std::size_t i = find(at >> chunk_shift);
        if (i == entries_.size()) break;
        const std::uint64_t start = entries_[i].chunk << chunk_shift;
        at = std::max(at, start);
        if (at >= span.end) break;
        const std::uint64_t stop = std::min(span.end, entries_[i].past() << chunk_shift);
        if (entries_[i].full()) {
            removed += stop - at;
            cut(i, {at, stop});
        } else {
            removed += clear_bits(i, static_cast<unsigned>(at - start), static_cast<unsigned>(stop - start));
        }
        at = stop;
    }
    count_ -= removed;
    return removed;
}

std::uint64_t OffsetSet::clear_bits(std::size_t at, unsigned lo, unsigned hi) {
    Entry& e = entries_[at];
    unsigned removed = 0;
    for (unsigned w = lo / 64; w * 64 < hi; ++w) {
        std::uint64_t& word = (*e.bits)[w];
        const std::uint64_t gone = word_mask(w, lo, hi) & word;
        removed += static_cast<unsigned>(std::popcount(gone));
        word &= ~gone;
    }
    e.count -= removed;
    if (e.count == 0) entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    return removed;
}

/// Takes `hole` out of the full entry `at`: what is left of it are full entries and bitmaps at the hole's edges.
void OffsetSet::cut(std::size_t at, OffsetSpan hole) {
    const std::uint64_t low = entries_[at].chunk;
    const std::uint64_t past = entries_[at].past();
    const std::uint64_t first = hole.first >> chunk_shift;
    const std::uint64_t last = (hole.end - 1) >> chunk_shift;
    std::vector<Entry> rest;
    if (first > low) rest.push_back({low, static_cast<std::uint32_t>(first - low), 0, nullptr});
    for (std::uint64_t chunk = first; chunk <= last; chunk = chunk < last ? last : last + 1) {
        const std::uint64_t start = chunk << chunk_shift;
        const auto lo = static_cast<unsigned>(std::max(hole.first, start) - start);
        const auto hi = static_cast<unsigned>(std::min(hole.end, start + chunk_size) - start);
        if (hi - lo == chunk_size) continue;
        Entry edge{chunk, 1, static_cast<std::uint32_t>(chunk_size - (hi - lo)), std::make_unique<Bits>()};
        edge.bits->fill(~0ull);
        for (unsigned w = lo / 64; w * 64 < hi; ++w) (*edge.bits)[w] &= ~word_mask(w, lo, hi);
        rest.push_back(std::move(edge));
    }
    if (last + 1 < past) rest.push_back({last + 1, static_cast<std::uint32_t>(past - last - 1), 0, nullptr});
    const auto place = entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    entries_.insert(place, std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
}

OffsetSpan OffsetSet::take(OffsetSpan span) {
    const OffsetSpan run = next_run(span.first, span.end);
    if (!run.empty()) erase(run);
    return run;
}

void OffsetSet::clear() {
    entries_ = std::vector<Entry>();
    count_ = 0;
}

std::size_t OffsetSet::memory() const {
    std::size_t bitmaps = 0;
    for (const Entry& e : entries_) bitmaps += e.full() ? 0 : sizeof(Bits);
    return entries_.capacity() * sizeof(Entry) + bitmaps;
}

void OffsetSet::encode(Writer& out) const {
    std::uint64_t runs = 0;
    for (OffsetSpan run = next_run(0); !run.empty(); run = next_run(run.end)) ++runs;
    out.uvarint(runs);
    std::uint64_t last = 0;
    for (OffsetSpan run = next_run(0); !run.empty(); run = next_run(run.end)) {
        out.uvarint(run.first - last);
        out.uvarint(run.size());
        last = run.end;
    }
}

OffsetSet OffsetSet::decode(Reader& in) {
    OffsetSet set;
    std::uint64_t at = 0;
    for (std::uint64_t runs = in.uvarint(); runs > 0 && !in.failed(); --runs) {
        const std::uint64_t first = at + in.uvarint();
        const std::uint64_t end = first + in.uvarint();
        if (first < at || end <= first || end >= no_limit) in.fail();
        if (in.failed()) break;
        set.insert({first, end});
        at = end;
    }
    return set;
}

}  // namespace fantail::broker
