// SPDX-License-Identifier: Apache-2.0
//! Settling, returning and dead-lettering of messages.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

void Queue::settle(Consumer& consumer, const Settle& command) {
    for (const OffsetRange& range : command.ranges) {
        OffsetSpan left{range.first.value, range.end.value};
        while (!left.empty()) {
            const OffsetSpan run = consumer.unlease(range.level, left);
            if (run.empty()) break;
            finish(range.level, run, command.outcome);
            left.first = run.end;
        }
    }
    const bool was_linked = consumer.linked;
    ring_.update(consumer);
    if (consumer.linked && !was_linked) mark_dirty();
    if (consumer.active && consumer.yields && consumer.held == 0) choose_active();
    free_if_idle(consumer);
}

void Queue::finish(std::uint8_t number, OffsetSpan span, Outcome outcome) {
    if (rules_->is_stream()) return;  // only the consumer's window counts
    switch (outcome) {
        case Outcome::accept: settle_span(number, span); return;
        case Outcome::reject: die(number, span, DeathReason::rejected); return;
        case Outcome::requeue: give_back(number, span, true); return;
        case Outcome::release: give_back(number, span, false); return;
        case Outcome::unseen: put_back_unseen(number, span); return;
    }
}

/// Bytes of the bodies in `span`: exact where a limit depends on it and the batch is at hand, else the level's average.
std::uint64_t Queue::size_of(const Level& l, OffsetSpan span) const {
    std::uint64_t sum = 0;
    while (rules_->length_bytes_max >= 0 && !span.empty()) {
        BatchRef batch = l.in_tail(span.first);
        if (!batch && l.rare && l.rare->reader) {
            const StoredBatch* read = l.rare->reader->find(span.first);
            if (read != nullptr) batch = {&read->bytes, read->base.value, read->count};
        }
        if (!batch) break;
        const std::uint64_t end = std::min(span.end, batch.end());
        sum += body_bytes(**batch.bytes, static_cast<std::uint32_t>(span.first - batch.base),
                          static_cast<std::uint32_t>(end - span.first));
        span.first = end;
    }
    const std::uint64_t all = l.unsettled();
    if (span.empty() || all == 0) return sum;
    if (span.size() >= all) return l.body_bytes;
    return sum + static_cast<std::uint64_t>(static_cast<double>(l.body_bytes) * static_cast<double>(span.size()) /
                                            static_cast<double>(all));
}

/// The messages of `span`, which are not ready, are done with. Hot.
void Queue::settle_span(std::uint8_t number, OffsetSpan span) {
    Level& l = existing(number);
    settled_ += span.size();
    if (l.tail.unlogged == 0) {
        SettledSpan* last = context_.settled.empty() ? nullptr : &context_.settled.back();
        const bool joins = last != nullptr && last->queue == this && last->level == number &&
                           last->span.end == span.first && !last->span.empty();
        if (joins) last->span.end = span.end;
        else context_.settled.push_back({this, number, span});
    } else {
        for (std::uint64_t at = span.first; at < span.end;) {
            const StreamTail::Entry* entry = l.tail.at_or_after(at);
            const std::uint64_t cached = entry == nullptr ? span.end : std::min(span.end, std::max(at, entry->base));
            if (at < cached) context_.settled.push_back({this, number, {at, cached}});  // evicted, so logged
            at = entry == nullptr ? span.end : std::min(span.end, entry->end());
            if (entry != nullptr && cached < at && entry->logged())
                context_.settled.push_back({this, number, {cached, at}});
        }
    }
    l.settle(span, size_of(l, span), context_.cache);
}

/// Where later messages went to others meanwhile, these come behind them, and must say so.
void Queue::put_back_unseen(std::uint8_t number, OffsetSpan span) {
    if (!existing(number).untake(span)) return give_back(number, span, false);
    delivered_ -= span.size();
    mark_dirty();
}

void Queue::give_back(std::uint8_t number, OffsetSpan span, bool failed) {
    while (!span.empty()) {
        const auto [run, before] = existing(number).counts(span);
        give_back_run(number, run, before, failed);
        span.first = run.end;
    }
    mark_dirty();
}

/// Returns messages that were delivered equally often. A failed delivery counts towards the limit.
void Queue::give_back_run(std::uint8_t number, OffsetSpan span, LeaseCounts before, bool failed) {
    Level& l = existing(number);
    const LeaseCounts counts{before.failed + (failed ? 1 : 0), before.acquired + 1};
    if (failed && rules_->delivery_limit >= 0 && counts.failed > static_cast<std::uint64_t>(rules_->delivery_limit)) {
        l.need_rare().counts.set(span, counts);
        die(number, span, DeathReason::delivery_limit);
        return;
    }
    std::int64_t due_ms = 0;
    if (rules_->delays(failed)) {
        const std::int64_t times = std::max<std::int64_t>(1, counts.failed);
        due_ms = context_.now.wall.ms + std::min(rules_->delayed_retry_min_ms * times, rules_->delayed_retry_max_ms);
    }
    const ReturnedRange range{span, counts, due_ms};
    apply_counts({id_, number, {range}});
    if (due_ms == 0) l.put_back(span);
    const bool remembers = rules_->kind == QueueKind::quorum || due_ms != 0;
    if (rules_->durable && remembers) context_.returned.push_back({this, number, range});
}

void Queue::apply_counts(const CountsChange& change) {
    Level& l = level(change.level);
    if (context_.replaying) l.need_rare().delay.begin_replay();
    for (const ReturnedRange& range : change.ranges) {
        const OffsetSpan span{std::max(range.span.first, l.head), std::min(range.span.end, l.end)};
        if (span.empty()) continue;
        l.need_rare().counts.set(span, range.counts);
        if (range.due_ms == 0) continue;
        for (std::uint64_t offset = span.first; offset < span.end; ++offset) l.hold(offset, range.due_ms);
    }
}

void Queue::apply_progress(const ProgressChange& change) {
    Level& l = level(change.level);
    for (const OffsetSpan& span : change.settled) l.replay_settled(span);
    l.redelivered_below = l.next_logged = std::max(l.next_logged, change.next);
}

/// Messages that are not ready leave the queue otherwise than by being accepted.
void Queue::die(std::uint8_t number, OffsetSpan span, DeathReason reason) {
    if (!rules_->dead_letters) {
        settle_span(number, span);
        return;
    }
    rare().dying.push_back({number, span, reason, {}});
    mark_dirty();
}

void Queue::send_letters() {
    if (!rare_) return;
    while (!rare_->retries.empty() && rare_->retries.front().not_before <= context_.now.mono) {
        rare_->dying.push_back(rare_->retries.front());
        rare_->retries.pop_front();
    }
    auto& dying = rare_->dying;
    while (!dying.empty() && rare_->in_flight.size() < limits::dead_letters_in_flight_max) {
        if (dying.front().span.empty()) dying.pop_front();
        else if (!send_letter(dying.front())) return;
    }
}

/// Hands over the first message of `dying`. False when its batch must be read first.
bool Queue::send_letter(Dying& dying) {
    Level& l = existing(dying.level);
    const std::uint64_t offset = dying.span.first;
    BatchRef batch = l.in_tail(offset);
    if (!batch) {
        if (rare_->letter_level != dying.level && rare_->letter_reader.under_way()) return false;
        if (rare_->letter_level != dying.level) rare_->letter_reader.clear();
        rare_->letter_level = dying.level;
        batch = locate_by(rare_->letter_reader, l, offset, true,
                          {ReadPurpose::For::dead_letters, dying.level, {{}, {}, id_}});
    }
    if (!batch) return false;
    const auto index = static_cast<std::uint32_t>(offset - batch.base);
    const LeaseCounts counts = l.counts({offset, offset + 1}).second;
    rare_->in_flight.push_back({dying.level, {offset, offset + 1}, dying.reason, {}});
    ++dying.span.first;
    context_.host.dead_letter({id_, rare_->in_flight.back().level, Offset(offset), *batch.bytes, index,
                               rare_->in_flight.back().reason, counts.failed});
    return true;
}

void Queue::dead_lettered(std::uint8_t number, std::uint64_t offset, bool safe) {
    if (!rare_) return;
    auto& in_flight = rare_->in_flight;
    const auto at = std::find_if(in_flight.begin(), in_flight.end(),
                                 [&](const Dying& d) { return d.level == number && d.span.first == offset; });
    if (at == in_flight.end()) return;
    Dying letter = *at;
    in_flight.erase(at);
    mark_dirty();
    if (safe) {
        settle_span(number, letter.span);
        return;
    }
    letter.not_before = context_.now.mono.plus_ms(limits::dead_letter_retry_ms);
    rare_->retries.push_back(letter);
}

std::uint64_t Queue::purge() {
    if (rules_->is_stream()) return 0;
    std::uint64_t purged = 0;
    for (std::size_t i = 0; i < levels(); ++i) {
        Level& l = existing(i);
        while (l.ready() > 0) {
            const OffsetSpan span = l.first_ready();
            l.take_ready(span);
            settle_span(static_cast<std::uint8_t>(i), span);
            purged += span.size();
        }
    }
    used_at_ = context_.now.mono;
    mark_dirty();
    return purged;
}

}  // namespace fantail::broker
