// SPDX-License-Identifier: Apache-2.0
//! Queues of kind stream: consumers read at their own places, time and size trim the front.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

void Queue::start_cursor(Consumer& c, const AddConsumer& command) {
    c.cursor = std::make_unique<StreamCursor>(context_.reads);
    StreamCursor& cursor = *c.cursor;
    cursor.filters = command.filters;
    cursor.match_unfiltered = command.match_unfiltered;
    const Level& l = first_;
    switch (command.start) {
        case StreamStart::next: cursor.next = l.end; break;
        case StreamStart::first: cursor.next = l.head; break;
        case StreamStart::last: cursor.next = l.end == l.head ? l.end : std::max(l.head, rare().last_base); break;
        case StreamStart::offset: cursor.next = std::clamp(command.start_offset.value, l.head, l.end); break;
        case StreamStart::timestamp:
            cursor.next = rare().retention.seek(l.head, command.start_time.ms);
            cursor.not_before = command.start_time;
            break;
    }
}

void Queue::dispatch_stream() {
    std::vector<Consumer*> takers;
    ring_.collect(takers);
    for (Consumer* c : takers) feed(*c);
}

/// Gives a consumer what its window allows, a turn's share at most.
void Queue::feed(Consumer& c) {
    StreamCursor& cursor = *c.cursor;
    Level& l = first_;
    std::uint64_t budget = limits::dispatch_bytes_max;
    while (c.takes()) {
        cursor.next = std::max(cursor.next, l.head);
        if (cursor.next >= l.end) return;
        const StreamTail::Entry* entry = l.tail.find(cursor.next);
        if (entry != nullptr && entry->batch->lsn > context_.durable)
            return;                                       // may still be lost, and its offset reused
        if (log_ && cursor.next >= stable_end()) return;  // may still be aborted
        BatchRef batch = l.in_tail(cursor.next);
        if (!batch) batch = locate_by(cursor.reader, l, cursor.next, true, {ReadPurpose::For::cursor, 0, c.key});
        if (!batch) return;
        const std::uint64_t bytes = feed_batch(c, batch);
        if (bytes >= budget) {
            mark_dirty();
            return;
        }
        budget -= bytes;
    }
}

/// Markers, and what was aborted: consumers of messages see what is committed.
bool Queue::is_hidden(const BatchRef& batch) const {
    const std::uint16_t flags = batch_flags(**batch.bytes);
    if ((flags & record::batch_attribute::transactional) == 0) return false;
    if ((flags & record::batch_attribute::control) != 0) return true;
    return log_ && log_->transactions.aborted(ProducerBatch::of(**batch.bytes).producer, batch.base);
}

/// Delivers the next run of one batch, or passes over what does not match. Returns about the bytes looked at.
std::uint64_t Queue::feed_batch(Consumer& c, const BatchRef& batch) {
    StreamCursor& cursor = *c.cursor;
    const std::uint64_t from = cursor.next;
    const OffsetSpan none{batch.end(), batch.end()};
    const OffsetSpan run = is_hidden(batch) ? none : matching_run(cursor, batch, c.window());
    cursor.next = run.end;
    const std::uint64_t bytes = (run.end - from) * ((*batch.bytes)->size() / batch.count + 1);
    if (run.empty()) return bytes;
    Deliver d;
    d.consumer = c.key.consumer;
    d.queue = id_;
    d.first = Offset(run.first);
    d.count = static_cast<std::uint32_t>(run.size());
    d.index = static_cast<std::uint32_t>(run.first - batch.base);
    d.batch = *batch.bytes;
    delivered_ += run.size();
    if (!c.settled_on_delivery) {
        c.lease(0, run, context_.now.mono);
        ring_.update(c);
    }
    context_.host.emit(c.key.connection, std::move(d));
    return bytes;
}

/// The first run of wanted records from the cursor on; empty at the batch's end when there is none. Clears a time to
/// start from once it is met.
OffsetSpan Queue::matching_run(StreamCursor& cursor, const BatchRef& batch, std::uint64_t most) const {
    const OffsetSpan all{cursor.next, std::min(batch.end(), most > batch.count ? batch.end() : cursor.next + most)};
    if (cursor.filters.empty() && !cursor.not_before) return all;
    const OffsetSpan none{batch.end(), batch.end()};
    const auto view = record::BatchView::parse(**batch.bytes);
    if (!view) return none;
    auto records = view->records();
    if (!records || !records->skip(static_cast<std::uint32_t>(cursor.next - batch.base))) return none;
    OffsetSpan run = none;
    record::RecordView record;
    for (std::uint64_t at = cursor.next; at < batch.end() && records->next(record); ++at) {
        bool wanted = !cursor.not_before || record.timestamp >= *cursor.not_before;
        if (wanted) cursor.not_before.reset();
        if (wanted && !cursor.filters.empty()) {
            const auto value = filter_value(record);
            wanted = value ? std::find(cursor.filters.begin(), cursor.filters.end(), *value) != cursor.filters.end()
                           : cursor.match_unfiltered;
        }
        if (wanted && run.empty()) run = {at, at};
        if (!wanted && run.first < batch.end()) break;
        if (wanted) ++run.end;
        if (run.first < batch.end() && run.size() == most) break;
    }
    return run;
}

/// Only what is durable goes: after a crash a log must not start beyond its end.
QueueRetention::Limits Queue::retention_limits() const {
    return {rules_->length_bytes_max, rules_->retention_ms, high_watermark()};
}

void Queue::trim() {
    if (!rare_) return;
    const auto end = rare_->retention.trim(retention_limits(), context_.now.wall.ms);
    if (!end || *end <= first_.head) return;
    settle_span(0, {first_.head, std::min(*end, first_.end)});
    if (log_) log_->transactions.trim(first_.head);
}

}  // namespace fantail::broker
