// SPDX-License-Identifier: Apache-2.0
//! A queue's turn, and what does not belong to one of its parts.
#include "broker/queue.hpp"

#include <algorithm>

namespace fantail::broker {

Queue::~Queue() {
    for (std::size_t i = 0; i < levels(); ++i) context_.cache.drop_all(existing(i));
    if (wake_at_ != MonoTime::never()) context_.timers.erase({wake_at_, id_});
}

Queue::Rare& Queue::rare() {
    if (!rare_) rare_ = std::make_unique<Rare>(context_.reads);
    return *rare_;
}

Level& Queue::level(std::uint8_t number) {
    if (number > 0 && !more_levels_) more_levels_ = std::make_unique<Levels>();
    while (levels() <= number) more_levels_->push_back(std::make_unique<Level>());
    return existing(number);
}

void Queue::define(const QueueDefinition& definition) {
    rules_ = context_.share(QueueRules::of(definition));
    defined_ = true;
    touch();
    unused_told_ = false;
    for (std::size_t i = 0; i < levels(); ++i) {
        if (existing(i).rare) existing(i).rare->head_checked = OffsetSet::no_limit;
    }
    mark_dirty();
}

void Queue::mark_dirty() {
    if (dirty_) return;
    dirty_ = true;
    context_.dirty.push_back(this);
}

void Queue::turn() {
    dirty_ = false;
    work();
}

void Queue::work() {
    if (!defined_ || closed_) return;
    time_out_consumers();
    if (rules_->is_stream()) {
        dispatch_stream();
        trim();
    } else {
        release_due();
        dispatch();
        expire();
        drop_over_length();
        send_letters();
        note_watermarks();
    }
    for (std::size_t i = 0; i < levels(); ++i) {
        Level& l = existing(i);
        l.exempt_from = l.end;
        if (l.rare && l.ready() == 0) l.rare->reader.reset();
    }
    if (rare_ && rare_->dying.empty()) rare_->letter_reader.clear();
    note_unused();
    set_wake();
}

/// Has the log say, lazily, up to where messages were delivered.
void Queue::note_watermarks() {
    if (!rules_->durable) return;
    for (std::size_t i = 0; i < levels(); ++i) {
        Level& l = existing(i);
        if (l.next <= l.next_logged || l.next <= l.head) continue;
        context_.settled.push_back({this, static_cast<std::uint8_t>(i), {}});
    }
}

std::uint64_t Queue::ready() const {
    if (rules_->is_stream()) return first_.end - first_.head;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < levels(); ++i) sum += existing(i).ready();
    return sum;
}

std::uint64_t Queue::ready_bytes() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < levels(); ++i) sum += existing(i).ready_bytes();
    return sum;
}

QueueFigures Queue::figures() const {
    QueueFigures f{id_};
    f.ready = ready();
    for (std::size_t i = 0; i < levels(); ++i) {
        f.unsettled += existing(i).unsettled();
        f.body_bytes += existing(i).body_bytes;
    }
    f.unsettled -= std::min(f.unsettled, f.ready);
    f.consumers = attached_;
    f.published = published_;
    f.delivered = delivered_;
    f.redelivered = rare_ ? rare_->redelivered : 0;
    f.settled = settled_;
    return f;
}

void Queue::on_read(ReadToken token, const ReadPurpose& purpose, Result<std::vector<StoredBatch>>&& batches) {
    StreamReader* reader = nullptr;
    Level& l = existing(std::min<std::size_t>(purpose.level, levels() - 1));
    if (purpose.what == ReadPurpose::For::level && l.rare) reader = l.rare->reader.get();
    if (purpose.what == ReadPurpose::For::dead_letters && rare_) reader = &rare_->letter_reader;
    if (purpose.what == ReadPurpose::For::cursor) {
        const auto at = context_.consumers.find(purpose.key);
        if (at != context_.consumers.end() && at->second->cursor) reader = &at->second->cursor->reader;
    }
    if (reader == nullptr || !reader->expects(token)) return;
    mark_dirty();
    if (!batches) {
        reader->failed(context_.now.mono);
        return;
    }
    skip_lost(l, purpose.level, reader->asked_from(), *batches);
    reader->answered(std::move(*batches));
}

/// What the log should have had and has not will never be readable: lets go of it, or the queue would wait for ever.
void Queue::skip_lost(Level& l, std::uint8_t number, std::uint64_t asked, const std::vector<StoredBatch>& batches) {
    std::uint64_t found = batches.empty() ? l.end : std::min(l.end, batches.front().base.value);
    if (const StreamTail::Entry* cached = l.tail.at_or_after(asked)) found = std::min(found, cached->base);
    if (rules_->is_stream()) {
        if (asked == l.head && asked < found) settle_span(number, {l.head, found});
        return;
    }
    while (l.ready() > 0) {
        OffsetSpan run = l.first_ready();
        run.end = std::min(run.end, found);
        if (run.first < asked || run.empty()) return;
        l.take_ready(run);
        settle_span(number, run);
    }
}

}  // namespace fantail::broker
