// SPDX-License-Identifier: Apache-2.0
//! Moves offsets between ready, held, leased and settled.
#include "broker/queue_level.hpp"

#include <algorithm>

namespace fantail::broker {

LevelRare& Level::need_rare() {
    if (!rare) rare = std::make_unique<LevelRare>();
    return *rare;
}

std::uint64_t Level::live(OffsetSpan span) const {
    span = {std::max(span.first, head), std::min(span.end, end)};
    return span.empty() ? 0 : span.size() - settled.count_in(span);
}

std::uint64_t Level::ready_bytes() const {
    const std::uint64_t all = unsettled();
    const std::uint64_t ours = ready();
    if (ours == all) return body_bytes;
    return static_cast<std::uint64_t>(static_cast<double>(body_bytes) * static_cast<double>(ours) /
                                      static_cast<double>(all));
}

bool Level::extend(std::uint64_t base, std::uint32_t count, std::uint64_t bytes) {
    if (base + count <= end) return false;
    end = base + count;
    body_bytes += bytes;
    return true;
}

void Level::absorb_settled() {
    while (!settled.empty()) {
        const OffsetSpan run = settled.next_run(head);
        if (run.first != head || run.empty()) return;
        settled.erase(run);
        head = run.end;
    }
}

void Level::settle(OffsetSpan span, std::uint64_t bytes, TailCache& cache) {
    if (rare) rare->counts.erase(span);
    if (span.first == head) {
        head = span.end;
        if (!settled.empty()) absorb_settled();
        next = std::max(next, head);
        cache.drop_below(*this, head);
    } else {
        settled.insert(span);
    }
    body_bytes = unsettled() == 0 ? 0 : body_bytes - std::min(bytes, body_bytes);
}

void Level::replay_settled(OffsetSpan span) {
    end = std::max(end, span.end);
    span.first = std::max(span.first, head);
    if (span.empty()) return;
    const std::uint64_t before = unsettled();
    const std::uint64_t gone = live(span);
    settled.insert(span);
    absorb_settled();
    if (rare) rare->counts.erase(span);
    if (before > 0)
        body_bytes -= static_cast<std::uint64_t>(static_cast<double>(body_bytes) * static_cast<double>(gone) /
                                                 static_cast<double>(before));
}

void Level::finish_replay(const OffsetSet& covered) {
    for (std::uint64_t at = head; at < end;) {
        const OffsetSpan stored = covered.next_run(at, end);
        const OffsetSpan gap{at, stored.empty() ? end : stored.first};
        if (!gap.empty()) replay_settled(gap);
        at = stored.empty() ? end : stored.end;
    }
    absorb_settled();
    next = head;
    exempt_from = end;
    returned.clear();
    if (rare) rare->delay.end_replay([this](std::uint64_t offset) { return live({offset, offset + 1}) > 0; });
    fresh = unsettled() - (rare ? rare->delay.held().count() : 0);
    if (unsettled() == 0) body_bytes = 0;
}

/// Moves `next` over settled and held offsets.
void Level::skip_blocked() {
    for (bool moved = true; moved && next < end;) {
        moved = false;
        if (settled.bound() > next && settled.contains(next)) {
            next = settled.next_run(next).end;
            moved = true;
        }
        if (rare && rare->delay.held().bound() > next && rare->delay.held().contains(next)) {
            next = rare->delay.held().next_run(next).end;
            moved = true;
        }
    }
}

OffsetSpan Level::first_ready() {
    if (!returned.empty()) return returned.next_run(0);
    if (fresh == 0) return {};
    skip_blocked();
    OffsetSpan run{next, end};
    if (settled.bound() > next) {
        const OffsetSpan block = settled.next_run(next, end);
        if (!block.empty()) run.end = block.first;
    }
    if (rare && rare->delay.held().bound() > next) {
        const OffsetSpan block = rare->delay.held().next_run(next, run.end);
        if (!block.empty()) run.end = block.first;
    }
    return run;
}

void Level::take_ready(OffsetSpan span) {
    if (span.first < next) {
        returned.erase(span);
        return;
    }
    FANTAIL_ASSERT(span.first == next);
    FANTAIL_ASSERT(fresh >= span.size());
    next = span.end;
    fresh -= span.size();
}

bool Level::untake(OffsetSpan span) {
    if (span.end != next) return false;
    next = span.first;
    fresh += span.size();
    return true;
}

void Level::hold(std::uint64_t offset, std::int64_t due_ms) {
    need_rare().delay.put(offset, due_ms);
    if (offset >= next) --fresh;
}

bool Level::release_due(std::int64_t now_ms) {
    if (!rare) return false;
    bool any = false;
    while (const auto offset = rare->delay.take_due(now_ms)) {
        if (*offset < next) returned.insert({*offset, *offset + 1});
        else ++fresh;
        any = true;
    }
    return any;
}

std::pair<OffsetSpan, LeaseCounts> Level::counts(OffsetSpan span) const {
    if (!rare || rare->counts.empty()) return {span, {}};
    return rare->counts.run(span);
}

BatchRef Level::in_tail(std::uint64_t offset) const {
    const StreamTail::Entry* entry = tail.find(offset);
    if (entry == nullptr) return {};
    return {&entry->batch->bytes, entry->base, entry->count};
}

void Level::encode(Writer& out) const {
    out.uvarint(head);
    out.uvarint(end);
    out.uvarint(std::max({next, next_logged, redelivered_below}));
    out.uvarint(body_bytes);
    out.u8(may_expire ? 1 : 0);
    settled.encode(out);
    LevelRare none;
    (rare ? *rare : none).counts.encode(out);
    (rare ? *rare : none).delay.encode(out);
}

bool Level::decode(Reader& in) {
    head = in.uvarint();
    end = in.uvarint();
    redelivered_below = next_logged = in.uvarint();
    body_bytes = in.uvarint();
    may_expire = in.u8() != 0;
    settled = OffsetSet::decode(in);
    LevelRare read;
    read.delay.begin_replay();
    read.counts.decode(in);
    read.delay.decode(in);
    if (!read.counts.empty() || !read.delay.empty()) rare = std::make_unique<LevelRare>(std::move(read));
    return !in.failed() && head <= end;
}

}  // namespace fantail::broker
