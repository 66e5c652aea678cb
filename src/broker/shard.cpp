// SPDX-License-Identifier: Apache-2.0
//! Commands, the turn, and what the turn writes to the log.
#include "broker/shard.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue_records.hpp"

namespace fantail::broker {

void ShardContext::read(StreamReader& reader, StreamId stream, std::uint64_t from, const ReadPurpose& purpose) {
    const ReadToken token(++tokens);
    purposes.emplace(token.value, purpose);
    reader.asked(from, token);
    host.read(stream, Offset(from), limits::read_chunk_size, token);
}

void ShardContext::read(StreamId stream, std::uint64_t from, std::uint32_t bytes_max, const ReadPurpose& purpose) {
    const ReadToken token(++tokens);
    purposes.emplace(token.value, purpose);
    host.read(stream, Offset(from), bytes_max, token);
}

Shard::Shard(ShardId id, ShardHost& host) : id_(id), context_(host), groups_(*this), transactions_(*this) {}

Shard::~Shard() = default;

Queue* Shard::find(QueueId id) {
    const auto at = queues_.find(id);
    return at == queues_.end() ? nullptr : &at->second;
}

Queue* Shard::find_open(QueueId id) {
    Queue* queue = find(id);
    return queue == nullptr || queue->closed() ? nullptr : queue;
}

/// What came before the command has had its effect: consumers were served, limits kept.
Queue* Shard::caught_up(QueueId id) {
    Queue* queue = find_open(id);
    if (queue != nullptr) queue->catch_up();
    return queue;
}

Queue& Shard::need(QueueId id) { return queues_.try_emplace(id, id, context_).first->second; }

Consumer* Shard::find_consumer(const Origin& origin, ConsumerId consumer, QueueId queue) const {
    const auto at = context_.consumers.find({origin.connection, consumer, queue});
    return at == context_.consumers.end() ? nullptr : at->second.get();
}

void Shard::handle(const Origin& origin, ShardCommand&& command, const Now& now) {
    context_.now = now;
    std::visit([&](auto& c) { carry_out(origin, c); }, command);
}

void Shard::queue_put(const QueueDefinition& definition, const Now& now) {
    if (shard_of(definition.id) != id_) return;
    context_.now = now;
    need(definition.id).define(definition);
}

void Shard::queue_removed(QueueId id) {
    Queue* queue = find(id);
    if (queue == nullptr) return;
    queue->dismiss();
    end_log_reads(*queue);
    erase_from_turn(*queue);
    if (queue->rules().durable) {
        encode_removed(change_, id);
        context_.host.log_change(change_, true);
    }
    forget_streams(*queue);
    queues_.erase(id);
}

void Shard::erase_from_turn(const Queue& queue) {
    std::erase(context_.dirty, &queue);
    std::erase(awaiting_durable_, &queue);
    std::erase_if(context_.settled, [&](const SettledSpan& s) { return s.queue == &queue; });
    std::erase_if(context_.returned, [&](const ReturnedSpan& r) { return r.queue == &queue; });
}

void Shard::forget_streams(const Queue& queue) {
    for (std::size_t i = 0; i < queue.levels(); ++i) {
        context_.host.forget(level_stream(queue.id(), static_cast<std::uint8_t>(i)));
    }
}

// ---- publishing

/// Fills accepted_.
Appended Shard::admit(const Append& command) {
    Appended answer{.missed = true};
    accepted_.clear();
    for (const AppendTarget& target : command.targets) {
        Queue* queue = find_open(target.queue);
        if (queue == nullptr) continue;  // deleted meanwhile: as if it had not been routed there
        answer.missed = false;
        switch (queue->admit(command)) {
            case Admission::store: accepted_.push_back({queue, target.level, queue->level(target.level).end}); break;
            case Admission::duplicate: break;
            case Admission::refuse:
                answer.accepted = false;
                queue->refuse(target.level, command);
                break;
        }
    }
    return answer;
}

/// Puts the batch into every accepted queue and, once for all, into the log. Returns what its confirm waits for.
Lsn Shard::store(const Append& command) {
    auto batch = std::make_unique<CachedBatch>();
    batch->bytes = command.batch;
    batch->count = command.count;
    batch->body_bytes = command.body_bytes;
    targets_.clear();
    for (const Accepted& a : accepted_) {
        const StreamId stream = level_stream(a.queue->id(), a.level);
        const bool logged = a.queue->logs(command.traits.transient);
        if (logged && a.queue->level(a.level).tail.unlogged > 0)
            context_.cache.write_out(context_.host, a.queue->level(a.level));
        batch->places.push_back({&a.queue->level(a.level), stream, a.base, logged});
        if (logged) targets_.push_back({stream, Offset(a.base)});
    }
    Lsn lsn;
    if (!targets_.empty()) lsn = context_.host.log_batch(targets_, command.count, command.batch, false);
    batch->lsn = lsn;
    context_.cache.add(std::move(batch));
    for (const Accepted& a : accepted_) {
        a.queue->append(a.level, a.base, command);
        if (a.queue->rules().is_stream() && a.queue->await_durable(lsn, a.base)) awaiting_durable_.push_back(a.queue);
    }
    return lsn;
}

void Shard::carry_out(const Origin& origin, Append& command) {
    FANTAIL_ASSERT(command.count > 0 && command.batch->size() >= record::batch_header_size);
    const std::uint16_t flags = batch_flags(*command.batch);
    FANTAIL_ASSERT(!command.traits.has_expiration || (flags & record::batch_attribute::has_expiration) != 0);
    FANTAIL_ASSERT(!command.traits.has_due_time || (flags & record::batch_attribute::has_due_time) != 0);
    FANTAIL_ASSERT(!command.traits.has_deduplication || (flags & record::batch_attribute::has_deduplication) != 0);
    const Appended answer = admit(command);
    Lsn lsn;
    if (!accepted_.empty()) lsn = store(command);
    if (command.confirm) confirm(origin, answer, lsn);
}

/// Answers now, or after `after` is durable and all earlier answers to the connection are given.
void Shard::confirm(const Origin& origin, Appended answer, Lsn after) {
    answer.request = origin.request;
    if (after <= context_.durable) {
        const auto waiting = unconfirmed_.find(origin.connection);
        if (waiting == unconfirmed_.end()) {
            context_.host.emit(origin.connection, answer);
            return;
        }
        after = confirms_.back().after;
    }
    ++unconfirmed_[origin.connection];
    confirms_.push_back({origin.connection, answer, after});
}

void Shard::on_durable(Lsn lsn) {
    context_.durable = std::max(context_.durable, lsn);
    while (!confirms_.empty() && confirms_.front().after <= context_.durable) {
        const Confirm& c = confirms_.front();
        const auto waiting = unconfirmed_.find(c.connection);
        if (--waiting->second == 0) unconfirmed_.erase(waiting);
        context_.host.emit(c.connection, c.answer);
        confirms_.pop_front();
    }
    logs_became_durable();
    groups_.on_durable(context_.durable);
    transactions_.on_durable(context_.durable);
    context_.cache.evict(context_.host, context_.durable);
}

// ---- the other commands

void Shard::carry_out(const Origin& origin, AddConsumer& command) {
    Queue* queue = caught_up(command.queue);
    Result<void> outcome = fail(ErrorCode::not_found, "queue is gone");
    if (queue != nullptr) outcome = queue->add_consumer(command, origin.connection);
    context_.host.emit(origin.connection, ConsumerAdded{origin.request, command.consumer, std::move(outcome)});
}

void Shard::carry_out(const Origin& origin, RemoveConsumer& command) {
    (void)caught_up(command.queue);
    Consumer* consumer = find_consumer(origin, command.consumer, command.queue);
    if (consumer != nullptr) consumer->queue->remove_consumer(*consumer);
}

void Shard::carry_out(const Origin& origin, SetFlow& command) {
    Consumer* consumer = find_consumer(origin, command.consumer, command.queue);
    if (consumer != nullptr) consumer->queue->set_flow(*consumer, command);
}

void Shard::carry_out(const Origin& origin, Settle& command) {
    Consumer* consumer = find_consumer(origin, command.consumer, command.queue);
    if (consumer != nullptr) consumer->queue->settle(*consumer, command);
}

void Shard::carry_out(const Origin& origin, Get& command) {
    Queue* queue = caught_up(command.queue);
    if (queue != nullptr) queue->get(origin, command);
    else context_.host.emit(origin.connection, GetResult{origin.request, {}, 0, false});
}

void Shard::carry_out(const Origin& origin, Purge& command) {
    QueueCounts counts{origin.request};
    Queue* queue = caught_up(command.queue);
    counts.found = queue != nullptr;
    if (queue != nullptr) counts.purged = queue->purge();
    context_.host.emit(origin.connection, counts);
}

namespace {

QueueCounts count(const Queue* queue) {
    QueueCounts counts;
    counts.found = queue != nullptr;
    if (queue == nullptr) return counts;
    const QueueFigures figures = queue->figures();
    counts.ready = figures.ready;
    counts.unsettled = figures.unsettled;
    counts.consumers = figures.consumers;
    return counts;
}

}  // namespace

void Shard::carry_out(const Origin& origin, Inspect& command) {
    QueueCounts counts = count(caught_up(command.queue));
    counts.request = origin.request;
    if (counts.found && command.counts_as_use) find(command.queue)->touch();
    context_.host.emit(origin.connection, counts);
}

void Shard::carry_out(const Origin& origin, CloseQueue& command) {
    Queue* queue = caught_up(command.queue);
    QueueCounts counts = count(queue);
    counts.request = origin.request;
    const bool may = counts.found && (!command.if_unused || counts.consumers == 0) &&
                     (!command.if_empty || counts.ready == 0) && (!command.if_abandoned || queue->confirm_unused());
    if (may) queue->close();
    counts.closed = may;
    context_.host.emit(origin.connection, counts);
}

void Shard::carry_out(const Origin& origin, Detach& command) {
    const ConsumerKey first{origin.connection, command.first, {}};
    const ConsumerKey end{origin.connection, command.end, {}};
    drop_log_reads(origin.connection);
    for (auto at = context_.consumers.lower_bound(first); at != context_.consumers.end() && at->first < end;) {
        const ConsumerKey key = at->first;
        at->second->queue->detach(*at->second);
        at = context_.consumers.upper_bound(key);
    }
}

void Shard::on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) {
    const auto at = context_.purposes.find(token.value);
    if (at == context_.purposes.end()) return;
    const ReadPurpose purpose = at->second;
    context_.purposes.erase(at);
    if (purpose.what == ReadPurpose::For::log_read) return on_log_read(purpose, std::move(batches));
    if (purpose.what == ReadPurpose::For::time_search) return on_time_search(token, std::move(batches));
    Queue* queue = find(purpose.key.queue);
    if (queue != nullptr) queue->on_read(token, purpose, std::move(batches));
}

void Shard::dead_lettered(QueueId id, std::uint8_t level, Offset offset, bool safe) {
    Queue* queue = find(id);
    if (queue != nullptr) queue->dead_lettered(level, offset.value, safe);
}

void Shard::list(std::vector<QueueFigures>& out) const {
    for (const auto& [id, queue] : queues_) out.push_back(queue.figures());
}

BucketWalk::Progress Shard::list_some(BucketWalk& walk, std::size_t count,
                                      const std::function<void(const QueueFigures&)>& fn) const {
    return walk.next(queues_, count, [&](const auto& each) { fn(each.second.figures()); });
}

std::optional<QueueFigures> Shard::figures(QueueId queue) const {
    const auto at = queues_.find(queue);
    if (at == queues_.end()) return std::nullopt;
    return at->second.figures();
}

// ---- the turn

MonoTime Shard::deadline() const {
    const MonoTime queues = context_.timers.empty() ? MonoTime::never() : context_.timers.begin()->first.first;
    return std::min({queues, groups_.deadline(), transactions_.deadline()});
}

void Shard::wake_due_queues() {
    // Timers were made by a clock that has been set since: every queue with one looks again.
    const bool clock_was_set = wall_clock_.seen(context_.now);
    for (const auto& [key, queue] : context_.timers) {
        if (key.first > context_.now.mono && !clock_was_set) return;
        queue->mark_dirty();
    }
}

void Shard::end_of_turn(const Now& now) {
    context_.now = now;
    wake_due_queues();
    context_.pace = {};
    turn_.clear();
    turn_.swap(context_.dirty);
    for (Queue* queue : turn_) queue->turn();
    if (groups_.deadline() <= now.mono) groups_.on_tick(now);
    if (transactions_.deadline() <= now.mono) transactions_.on_tick(now);
    flush_returned();
    flush_settled();
    context_.cache.evict(context_.host, context_.durable);
}

/// Logs and releases what this turn settled, ranges joined, one change a level.
void Shard::flush_settled() {
    auto& all = context_.settled;
    if (all.size() > 1) {
        std::sort(all.begin(), all.end(), [](const SettledSpan& a, const SettledSpan& b) {
            return std::tuple(a.queue->id(), a.level, a.span.first) < std::tuple(b.queue->id(), b.level, b.span.first);
        });
    }
    for (std::size_t first = 0; first < all.size();) {
        std::size_t end = first;
        while (end < all.size() && all[end].queue == all[first].queue && all[end].level == all[first].level) ++end;
        flush_group(first, end);
        first = end;
    }
    all.clear();
}

void Shard::flush_group(std::size_t first, std::size_t end) {
    Queue& queue = *context_.settled[first].queue;
    const std::uint8_t number = context_.settled[first].level;
    spans_.clear();
    for (std::size_t i = first; i < end; ++i) {
        const OffsetSpan span = context_.settled[i].span;
        if (span.empty()) continue;
        if (!spans_.empty() && spans_.back().end == span.first) spans_.back().end = span.end;
        else spans_.push_back(span);
    }
    Level& level = queue.level(number);
    for (std::size_t at = 0; queue.rules().durable && (at < spans_.size() || at == 0); at += change_ranges_max) {
        const std::size_t count = std::min(change_ranges_max, spans_.size() - at);
        encode_progress(change_, queue.id(), number, level.next, std::span(spans_).subspan(at, count));
        level.next_logged = level.next;
        context_.host.log_change(change_, true);
    }
    const StreamId stream = level_stream(queue.id(), number);
    for (const OffsetSpan& span : spans_) context_.host.release(stream, Offset(span.first), Offset(span.end));
}

void Shard::flush_returned() {
    auto& all = context_.returned;
    for (std::size_t first = 0; first < all.size();) {
        ranges_.clear();
        std::size_t end = first;
        while (end < all.size() && all[end].queue == all[first].queue && all[end].level == all[first].level &&
               ranges_.size() < change_ranges_max) {
            ranges_.push_back(all[end++].range);
        }
        encode_counts(change_, all[first].queue->id(), all[first].level, ranges_);
        context_.host.log_change(change_, true);
        first = end;
    }
    all.clear();
}

}  // namespace fantail::broker
