// SPDX-License-Identifier: Apache-2.0
//! Takes batches into a queue: limits, deduplication, due times.
#include <algorithm>

#include "broker/queue.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

namespace {

namespace bits = record::batch_attribute;

/// An offset that no message has: of messages that were never stored.
constexpr Offset no_offset{OffsetSet::no_limit};

std::uint64_t as_limit(std::int64_t v) { return v < 0 ? OffsetSet::no_limit : static_cast<std::uint64_t>(v); }

}  // namespace

Admission Queue::admit(const Append& append) {
    const bool identified = append.count == 1 && (batch_flags(*append.batch) & bits::has_deduplication) != 0;
    if (identified && is_duplicate(*append.batch)) return Admission::duplicate;
    if (rules_->overflow == Overflow::drop_head || rules_->is_stream()) return Admission::store;
    if (rules_->length_max < 0 && rules_->length_bytes_max < 0) return Admission::store;
    const std::uint64_t waiting = ready();
    if (waiting == 0 && ring_.front() != nullptr) return Admission::store;  // goes straight to a consumer
    const bool fits = waiting + append.count <= as_limit(rules_->length_max) &&
                      ready_bytes() + append.body_bytes <= as_limit(rules_->length_bytes_max);
    return fits ? Admission::store : Admission::refuse;
}

Deduplication::Windows Queue::windows_of(const record::EnvelopeView& e) const {
    return {rules_->deduplication_window_ms, static_cast<std::int64_t>(e.dedup_window_ms())};
}

/// Whether the only record of `batch` was seen in its window.
bool Queue::is_duplicate(ByteView batch) {
    bool duplicate = false;
    for_each_envelope(batch, [&](std::uint32_t, const record::EnvelopeView& e) {
        const auto id = e.dedup_id();
        duplicate = id && rare_ && rare_->seen.seen(*id, context_.now.wall.ms, windows_of(e));
    });
    return duplicate;
}

void Queue::refuse(std::uint8_t number, const Append& append) {
    if (rules_->overflow != Overflow::reject_publish_dlx || !rules_->dead_letters) return;
    for (std::uint32_t i = 0; i < append.count; ++i) {
        context_.host.dead_letter({id_, number, no_offset, append.batch, i, DeathReason::maxlen, 0});
    }
}

void Queue::append(std::uint8_t number, std::uint64_t base, const Append& append) {
    Level& l = level(number);
    FANTAIL_ASSERT(base == l.end);
    published_ += append.count;
    apply_batch(number, base, append.count, append.body_bytes, *append.batch);
    mark_dirty();
}

void Queue::apply_batch(std::uint8_t number, std::uint64_t base, std::uint32_t count, std::uint64_t bytes,
                        ByteView batch) {
    Level& l = level(number);
    if (!l.extend(base, count, bytes)) return;
    l.fresh += count;
    const std::uint16_t flags = batch_flags(batch);
    if ((flags & bits::has_expiration) != 0) l.may_expire = true;
    if ((flags & bits::has_due_time) != 0) hold_not_due(number, base, batch);
    if ((flags & bits::has_deduplication) != 0) remember_ids(number, base, batch);
    if (rules_->is_stream() || context_.replaying) {
        // Before its definition is known, any queue may turn out to be a stream; finish_replay() drops what is not needed.
        rare().retention.add(base + count, batch.size(), batch_time(batch).ms);
        rare().last_base = base;
        note_in_log(base, batch);
    }
}

void Queue::hold_not_due(std::uint8_t number, std::uint64_t base, ByteView batch) {
    Level& l = level(number);
    if (context_.replaying) l.need_rare().delay.begin_replay();
    for_each_envelope(batch, [&](std::uint32_t index, const record::EnvelopeView& e) {
        const auto due = e.due_time();
        if (due && (context_.replaying || due->ms > context_.now.wall.ms)) l.hold(base + index, due->ms);
    });
}

/// Remembers the ids of a batch. A duplicate inside a batch of many is stored, but settled before anyone sees it.
void Queue::remember_ids(std::uint8_t number, std::uint64_t base, ByteView batch) {
    const std::int64_t at_ms = context_.replaying ? batch_time(batch).ms : context_.now.wall.ms;
    for_each_envelope(batch, [&](std::uint32_t index, const record::EnvelopeView& e) {
        const auto id = e.dedup_id();
        const Deduplication::Windows windows = windows_of(e);
        if (!id || (!windows.any() && !context_.replaying)) return;
        if (rare().seen.insert(*id, at_ms, windows) || context_.replaying) return;
        const OffsetSpan duplicate{base + index, base + index + 1};
        if (level(number).held(duplicate.first)) return;
        --level(number).fresh;
        settle_span(number, duplicate);
    });
}

}  // namespace fantail::broker
