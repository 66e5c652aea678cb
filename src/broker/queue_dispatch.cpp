// SPDX-License-Identifier: Apache-2.0
//! Hands ready messages to gets and consumers.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue.hpp"

namespace fantail::broker {

/// The batch that holds `offset`, or none, after a read was asked for if none is under way. Hot.
BatchRef Queue::locate(Level& l, std::uint8_t number, std::uint64_t offset, bool ahead) {
    if (const BatchRef cached = l.in_tail(offset)) {
        if (l.rare && l.rare->reader && !l.rare->reader->under_way()) l.rare->reader.reset();
        return cached;
    }
    auto& reader = l.need_rare().reader;
    if (!reader) reader = std::make_unique<StreamReader>(context_.reads);
    return locate_by(*reader, l, offset, ahead, {ReadPurpose::For::level, number, {{}, {}, id_}});
}

BatchRef Queue::locate_by(StreamReader& reader, Level& l, std::uint64_t offset, bool ahead,
                          const ReadPurpose& purpose) {
    const StoredBatch* found = reader.find(offset);
    if (found == nullptr || ahead) {
        const auto from = reader.wanted(offset, context_.now.mono);
        const bool useful = from && (found == nullptr || (*from < l.end && !l.in_tail(*from)));
        if (useful) context_.read(reader, stream(purpose.level), *from, purpose);
    }
    if (found == nullptr) return {};
    return {&found->bytes, found->base.value, found->count};
}

Queue::Find Queue::find_head(Head& out) {
    for (std::size_t i = levels(); i-- > 0;) {
        Level& l = existing(i);
        const auto number = static_cast<std::uint8_t>(i);
        while (l.ready() > 0) {
            OffsetSpan span = l.first_ready();
            const BatchRef batch = locate(l, number, span.first, true);
            if (!batch) return Find::waiting;
            span.end = std::min(span.end, batch.end());
            if (may_expire(l) && span.first < l.exempt_from && expire_front(l, number, span, batch)) continue;
            if (may_expire(l) && span.first < l.exempt_from) span.end = unexpired_end(l, span, batch);
            const auto [alike, counts] = l.counts(span);
            span = alike;
            const bool before_restart = span.first < l.redelivered_below;
            if (before_restart) span.end = std::min(span.end, l.redelivered_below);
            out = {number, &l, span, batch, counts, before_restart || counts.acquired > 0};
            return Find::found;
        }
    }
    return Find::none;
}

/// Takes the first `count` of `head` out of ready.
Deliver Queue::take(const Head& head, std::uint64_t count, ConsumerId consumer) {
    Deliver d;
    d.consumer = consumer;
    d.queue = id_;
    d.level = head.number;
    d.first = Offset(head.span.first);
    d.count = static_cast<std::uint32_t>(count);
    d.index = static_cast<std::uint32_t>(head.span.first - head.batch.base);
    d.batch = *head.batch.bytes;
    d.redelivered = head.redelivered;
    d.delivery_count = head.counts.failed;
    d.acquired_count = head.counts.acquired;
    head.level->take_ready({head.span.first, head.span.first + count});
    delivered_ += count;
    if (head.redelivered) rare().redelivered += count;
    return d;
}

void Queue::deliver(Consumer& consumer, const Head& head, std::uint64_t count) {
    const OffsetSpan span{head.span.first, head.span.first + count};
    Deliver event = take(head, count, consumer.key.consumer);
    ring_.rotate();
    if (consumer.settled_on_delivery) {
        settle_span(head.number, span);
    } else {
        consumer.lease(head.number, span, context_.now.mono);
        ring_.update(consumer);
    }
    context_.host.emit(consumer.key.connection, std::move(event));
}

void Queue::dispatch() {
    if (!serve_gets()) return;
    std::uint64_t budget = limits::dispatch_bytes_max;
    std::uint64_t leased = 0;
    std::uint64_t leased_bytes = 0;
    Head head;
    while (Consumer* consumer = ring_.front()) {
        if (find_head(head) != Find::found) break;
        std::uint64_t count = ring_.alone() ? std::min(head.span.size(), consumer->window()) : 1;
        const std::uint64_t each = (*head.batch.bytes)->size() / head.batch.count + 1;
        count = std::min(count, budget / each + 1);
        if (!consumer->settled_on_delivery) {
            leased += count;
            leased_bytes += count * each;
        }
        deliver(*consumer, head, count);
        if (count * each >= budget) {
            mark_dirty();
            return;
        }
        budget -= count * each;
    }
    if (leased == 0) return;
    context_.pace.add({ready() > leased ? ConsumerPace::Kind::behind : ConsumerPace::Kind::even, leased_bytes});
}

/// Answers gets in order. False when one waits for a read: nobody may overtake it.
bool Queue::serve_gets() {
    if (!rare_) return true;
    // What the disk failed to give may be damaged for good: nobody waits for that.
    const auto cannot_read = [this] {
        for (std::size_t i = 0; i < levels(); ++i) {
            const Level& l = existing(i);
            if (l.rare && l.rare->reader && l.rare->reader->retry_at() != MonoTime::never()) return true;
        }
        return false;
    };
    auto& gets = rare_->gets;
    while (!gets.empty()) {
        Head head;
        const Find found = find_head(head);
        if (found == Find::waiting && !cannot_read()) return false;
        const WaitingGet get = gets.front();
        gets.pop_front();
        answer_get(get, found == Find::found ? &head : nullptr);
    }
    return true;
}

void Queue::answer_get(const WaitingGet& get, const Head* head) {
    Consumer& holder = *context_.consumers.at(get.key);
    --holder.gets;
    GetResult answer;
    answer.request = get.origin.request;
    if (head != nullptr) {
        const OffsetSpan span{head->span.first, head->span.first + 1};
        answer.message = take(*head, 1, get.key.consumer);
        if (get.settled_on_delivery) settle_span(head->number, span);
        else holder.lease(head->number, span, context_.now.mono);
    }
    answer.ready_left = ready();
    ring_.update(holder);
    free_if_idle(holder);
    context_.host.emit(get.origin.connection, std::move(answer));
}

}  // namespace fantail::broker
