// SPDX-License-Identifier: Apache-2.0
//! What time and limits do to a queue: expiry, length, delays, consumer time-outs, disuse.
#include <algorithm>

#include "broker/queue.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

/// When the message at `offset` expires, by the queue's rule and its own. REQUIRES offset in batch.
std::int64_t Queue::expires_ms(Level& l, const BatchRef& batch, std::uint64_t offset) {
    const ByteView bytes = **batch.bytes;
    std::int64_t at = never_ms;
    if (rules_->message_ttl_ms >= 0) at = batch_time(bytes).ms + rules_->message_ttl_ms;
    if ((batch_flags(bytes) & record::batch_attribute::has_expiration) == 0) return at;
    ExpiryTimes& own = l.need_rare().expiries;
    if (own.base != batch.base) own = {batch.base, expiry_times(bytes)};
    const std::uint64_t index = offset - batch.base;
    return index < own.at_ms.size() ? std::min(at, own.at_ms[index]) : at;
}

/// Where the messages from span.first on that have not expired end.
std::uint64_t Queue::unexpired_end(Level& l, OffsetSpan span, const BatchRef& batch) {
    if ((batch_flags(**batch.bytes) & record::batch_attribute::has_expiration) == 0) return span.end;
    std::uint64_t end = span.first + 1;
    while (end < span.end && expires_ms(l, batch, end) > context_.now.wall.ms) ++end;
    return end;
}

/// Removes what has expired from the front of `span`, the first ready messages, all in `batch`. False if nothing has.
bool Queue::expire_front(Level& l, std::uint8_t number, OffsetSpan span, const BatchRef& batch) {
    const std::int64_t now_ms = context_.now.wall.ms;
    std::uint64_t end = span.first;
    while (end < span.end && expires_ms(l, batch, end) <= now_ms) ++end;
    if (end == span.first) return false;
    span.end = end;
    l.take_ready(span);
    die(number, span, DeathReason::expired);
    return true;
}

void Queue::expire() {
    for (std::size_t i = 0; i < levels(); ++i) {
        if (may_expire(existing(i))) expire_level(existing(i), static_cast<std::uint8_t>(i));
    }
}

void Queue::expire_level(Level& l, std::uint8_t number) {
    while (l.ready() > 0) {
        OffsetSpan span = l.first_ready();
        if (l.rare && l.rare->head_checked == span.first && context_.now.wall.ms < l.rare->head_expires_ms) return;
        const BatchRef batch = locate(l, number, span.first, false);
        if (!batch) break;
        span.end = std::min(span.end, batch.end());
        if (expire_front(l, number, span, batch)) continue;
        LevelRare& rare = l.need_rare();
        rare.head_checked = span.first;
        rare.head_expires_ms = expires_ms(l, batch, span.first);
        return;
    }
    if (l.rare) l.rare->head_checked = OffsetSet::no_limit;
}

/// Drops up to `most` messages from the head, highest level first. False when none is ready.
bool Queue::drop_one(std::uint64_t most) {
    for (std::size_t i = levels(); i-- > 0;) {
        Level& l = existing(i);
        if (l.ready() == 0) continue;
        OffsetSpan span = l.first_ready();
        span.end = std::min(span.end, span.first + most);
        l.take_ready(span);
        die(static_cast<std::uint8_t>(i), span, DeathReason::maxlen);
        return true;
    }
    return false;
}

void Queue::drop_over_length() {
    if (rules_->overflow != Overflow::drop_head) return;
    if (rules_->length_max >= 0) {
        const auto most = static_cast<std::uint64_t>(rules_->length_max);
        for (std::uint64_t waiting = ready(); waiting > most; waiting = ready()) {
            if (!drop_one(waiting - most)) break;
        }
    }
    if (rules_->length_bytes_max < 0) return;
    while (ready_bytes() > static_cast<std::uint64_t>(rules_->length_bytes_max)) {
        if (!drop_one(1)) break;
    }
}

void Queue::release_due() {
    for (std::size_t i = 0; i < levels(); ++i) {
        (void)existing(i).release_due(context_.now.wall.ms);
    }
}

void Queue::time_out_consumers() {
    if (!has_timed_members()) return;
    for (std::size_t i = 0; i < members_.size();) {
        Consumer& c = *members_[i];
        if (c.timeout_ms < 0 || c.times_out_at() > context_.now.mono) {
            ++i;
            continue;
        }
        if (c.attached) context_.host.emit(c.key.connection, ConsumerCancelled{c.key.consumer, id_, true});
        const std::size_t before = members_.size();
        detach(c);
        if (members_.size() == before) ++i;  // it waits for a get
    }
}

void Queue::note_unused() {
    if (attached_ > 0) used_at_ = context_.now.mono;
    if (!expired() || unused_told_) return;
    unused_told_ = true;
    context_.host.queue_unused(id_);
}

bool Queue::expired() const {
    return attached_ == 0 && rules_->expires_ms >= 0 && used_at_.plus_ms(rules_->expires_ms) <= context_.now.mono;
}

bool Queue::confirm_unused() {
    const bool left = rules_->auto_delete && unused_told_ && attached_ == 0;
    if (left || expired()) return true;
    unused_told_ = false;
    mark_dirty();
    return false;
}

MonoTime Queue::at_wall(std::int64_t ms) const {
    const std::int64_t wait = ms - context_.now.wall.ms;
    constexpr std::int64_t far = 1'000'000'000'000;  // over thirty years; keeps nanoseconds from overflowing
    return wait > far ? MonoTime::never() : context_.now.mono.plus_ms(std::max<std::int64_t>(wait, 0));
}

/// The earliest time at which the queue has something to do though nothing comes in.
MonoTime Queue::wake_time() {
    MonoTime at = MonoTime::never();
    for (std::size_t i = 0; i < levels(); ++i) {
        const Level& l = existing(i);
        if (!l.rare) continue;
        if (const auto due = l.rare->delay.next_due()) at = std::min(at, at_wall(*due));
        if (l.rare->head_checked != OffsetSet::no_limit && l.ready() > 0)
            at = std::min(at, at_wall(l.rare->head_expires_ms));
        if (l.rare->reader) at = std::min(at, l.rare->reader->retry_at());
    }
    for (Consumer* c : has_timed_members() || rules_->is_stream() ? members_ : std::vector<Consumer*>{}) {
        if (c->timeout_ms >= 0) at = std::min(at, c->times_out_at());
        if (c->cursor) at = std::min(at, c->cursor->reader.retry_at());
    }
    if (rare_) {
        at = std::min(at, rare_->letter_reader.retry_at());
        if (!rare_->retries.empty()) at = std::min(at, rare_->retries.front().not_before);
        const auto trims = rules_->is_stream() ? rare_->retention.next_trim_ms(retention_limits()) : std::nullopt;
        if (trims) at = std::min(at, at_wall(*trims));
    }
    if (rules_->expires_ms >= 0 && attached_ == 0 && !unused_told_)
        at = std::min(at, used_at_.plus_ms(rules_->expires_ms));
    return at;
}

void Queue::set_wake() {
    const MonoTime at = wake_time();
    if (at == wake_at_) return;
    if (wake_at_ != MonoTime::never()) context_.timers.erase({wake_at_, id_});
    wake_at_ = at;
    if (at != MonoTime::never()) context_.timers.emplace(std::pair(at, id_), this);
}

}  // namespace fantail::broker
