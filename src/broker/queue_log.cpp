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
    const WallTime time = batch_time(batch);
    if (is_control(batch)) {
        log().producers.note_marker(numbers.stamp(), time);
        log_->transactions.note_marker(numbers.producer, is_commit(batch), base);
        return;
    }
    const std::int64_t time_ms = time.ms;
    if (numbers.numbered()) log().producers.note(numbers, Offset(base), time);
    if (numbers.transactional) log().transactions.note_records(numbers.stamp(), base);
    if (time_ms > log().newest.time_ms) log_->newest = {time_ms, base};
}

LogProducers::Verdict Queue::check_producer(const ProducerBatch& batch) {
    if (!batch.numbered()) return {batch.transactional ? LogOutcome::invalid_transaction : LogOutcome::ok, {}};
    LogProducers::Verdict verdict = log().producers.check(batch);
    if (verdict.outcome != LogOutcome::ok || verdict.duplicate_of) return verdict;
    const LogTransactions& transactions = log_->transactions;
    if (batch.transactional) verdict.outcome = transactions.check(batch.stamp());
    else if (transactions.start_of(batch.producer)) verdict.outcome = LogOutcome::invalid_transaction;
    return verdict;
}

std::uint64_t Queue::stable_end() const {
    const std::uint64_t end = high_watermark();
    return log_ ? std::clamp(log_->transactions.stable_end(end), std::min(first_.head, end), end) : end;
}

bool Queue::await_durable(Lsn lsn, std::uint64_t base) {
    log().undurable.push_back({lsn, base});
    return log_->undurable.size() == 1;
}

bool Queue::became_durable() {
    if (log_->became_durable(context_.durable)) {
        log_->transactions.became_durable(high_watermark());
        mark_dirty();
    }
    return !log_->undurable.empty();
}

BatchRef Queue::durable_in_memory(std::uint64_t offset) const {
    if (offset >= high_watermark()) return {};
    return first_.in_tail(offset);
}

std::optional<std::uint64_t> Queue::fill(LogSlice& slice, Offset from, std::uint64_t bytes_max,
                                         bool committed_only) const {
    slice.start = Offset(first_.head);
    slice.high_watermark = Offset(high_watermark());
    slice.stable_end = Offset(stable_end());
    const std::uint64_t end = readable_end(committed_only);
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

/// What was removed since it was read is not given: whether it was aborted is forgotten with it.
void Queue::conclude(LogSlice& slice, Offset from, bool committed_only) const {
    slice.start = Offset(first_.head);
    slice.high_watermark = Offset(high_watermark());
    slice.stable_end = Offset(stable_end());
    if (from.value < first_.head) {
        slice.batches.clear();
        slice.outcome = LogOutcome::out_of_range;
    }
    if (!committed_only || !log_ || slice.batches.empty()) return;
    const StoredBatch& last = slice.batches.back();
    log_->transactions.collect_aborted(from.value, last.base.value + last.count, slice.aborted);
}

std::vector<ProducerFigures> Queue::producers() const {
    if (!log_) return {};
    std::vector<ProducerFigures> all = log_->producers.figures();
    for (ProducerFigures& each : all) each.transaction_start = log_->transactions.start_of(each.id);
    return all;
}

void Queue::trim_log(std::uint64_t before) {
    if (before <= first_.head) return;
    const OffsetSpan gone{first_.head, before};
    settle_span(0, gone);
    if (rare_) rare_->retention.forget_below(before);
    if (log_) log_->transactions.trim(first_.head);
}

std::uint64_t Queue::seek_time(WallTime time) { return rare().retention.seek(first_.head, time.ms); }

}  // namespace fantail::broker
