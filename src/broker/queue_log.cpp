// SPDX-License-Identifier: Apache-2.0
//! A queue of kind stream as a log.
#include <algorithm>

#include "broker/queue.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

Log& Queue::log() {
    if (!log_) log_ = std::make_unique<Log>();
    return *log_;
}

/// What follows from a batch in the log; live and in replay.
void Queue::note_in_log(std::uint64_t base, ByteView batch) {
    const ProducerBatch numbers = ProducerBatch::of(batch);
    const std::int64_t time_ms = batch_time(batch).ms;
    if (numbers.numbered()) log().producers.note(numbers, Offset(base), {time_ms});
    if (time_ms > log().newest.time_ms) log_->newest = {time_ms, base};
}

LogProducers::Verdict Queue::check_producer(const ProducerBatch& batch) {
    if (!batch.numbered()) return {};
    return log().producers.check(batch);
}

bool Queue::await_durable(Lsn lsn, std::uint64_t base) {
    log().undurable.push_back({lsn, base});
    return log_->undurable.size() == 1;
}

bool Queue::became_durable() {
    if (log_->became_durable(context_.durable)) mark_dirty();
    return !log_->undurable.empty();
}

BatchRef Queue::durable_in_memory(std::uint64_t offset) const {
    if (offset >= high_watermark()) return {};
    return first_.in_tail(offset);
}

std::optional<std::uint64_t> Queue::fill(LogSlice& slice, Offset from, std::uint64_t bytes_max) const {
    const std::uint64_t end = high_watermark();
    slice.start = Offset(first_.head);
    slice.high_watermark = Offset(end);
    slice.stable_end = slice.high_watermark;
    if (from.value < first_.head || from.value > first_.end) {
        slice.outcome = LogOutcome::out_of_range;
        return std::nullopt;
    }
    std::uint64_t bytes = 0;
    std::uint64_t next = from.value;
    while (next < end && (bytes < bytes_max || slice.batches.empty())) {
        const BatchRef batch = first_.in_tail(next);
        if (!batch) return slice.batches.empty() ? std::optional(next) : std::nullopt;
        if (!slice.batches.empty() && bytes + (*batch.bytes)->size() > bytes_max) break;
        slice.batches.push_back({Offset(batch.base), batch.count, *batch.bytes});
        bytes += (*batch.bytes)->size();
        next = batch.end();
    }
    return std::nullopt;
}

std::uint64_t Queue::next_in_memory(std::uint64_t offset) const {
    const StreamTail::Entry* entry = first_.tail.at_or_after(offset);
    return entry == nullptr ? high_watermark() : std::max(offset, std::min(entry->base, high_watermark()));
}

void Queue::trim_log(std::uint64_t before) {
    if (before <= first_.head) return;
    const OffsetSpan gone{first_.head, before};
    settle_span(0, gone);
    if (rare_) rare_->retention.forget_below(before);
}

std::uint64_t Queue::seek_time(WallTime time) { return rare().retention.seek(first_.head, time.ms); }

}  // namespace fantail::broker
