// SPDX-License-Identifier: Apache-2.0
//! Gathers published messages into batches.
#include "protocols/amqp091/publisher.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "protocols/amqp091/reply_to.hpp"
#include "protocols/amqp091/request_ids.hpp"
#include "record/envelope.hpp"

namespace fantail::amqp091 {
namespace {

bool less(const broker::AppendTarget& a, const broker::AppendTarget& b) {
    return a.queue != b.queue ? a.queue < b.queue : a.level < b.level;
}
bool same(const broker::AppendTarget& a, const broker::AppendTarget& b) {
    return a.queue == b.queue && a.level == b.level;
}

bool overlap(const std::vector<broker::AppendTarget>& a, const std::vector<broker::AppendTarget>& b) {
    auto i = a.begin();
    auto j = b.begin();
    while (i != a.end() && j != b.end()) {
        if (same(*i, *j)) return true;
        if (less(*i, *j)) ++i;
        else ++j;
    }
    return false;
}

/// Only being transient must be common to a batch; the other traits say that some record has it.
void add_traits(broker::BatchTraits& to, const broker::BatchTraits& from) {
    to.has_expiration = to.has_expiration || from.has_expiration;
    to.has_due_time = to.has_due_time || from.has_due_time;
    to.has_deduplication = to.has_deduplication || from.has_deduplication;
}

void add_waiting(std::vector<PublishAnswer>& waiting, const PublisherRef& from) {
    if (from.sequence == 0) return;
    if (!waiting.empty()) {
        PublishAnswer& back = waiting.back();
        if (back.serial == from.serial && back.range.last + 1 == from.sequence) {
            back.range.last = from.sequence;
            return;
        }
    }
    waiting.push_back({from.channel, from.serial, {from.sequence, from.sequence}});
}

}  // namespace

Replied<Fate> Publisher::publish(const Publication& message) {
    FANTAIL_CHECK(inspector_.inspect(message));
    const Draft& draft = inspector_.draft();
    if (message.exchange.empty() && is_reply_address(message.routing_key)) [[unlikely]] {
        return hand_over(message, draft) ? Fate::handed_over : Fate::no_route;
    }
    FANTAIL_TRY(PublishRoute* const route, routes_.find(message, draft));
    const bool remembered = !route->histories.empty() && !draft.passing;
    if (route->queues.empty() && !remembered) return Fate::no_route;
    if (route->deduplication_window_ms > 0 || remembered) [[unlikely]] {
        const Fate fate = route->queues.empty() ? Fate::remembered : Fate::queued;
        auto batch = single_batch(message, draft, *route, message.body.size());
        (void)batch->builder.append_value(message.body);
        finish_large(std::move(batch), message.from);
        return fate;
    }
    broker::BatchTraits traits = draft.traits;
    encode_envelope(message, draft, *route, traits);
    const std::size_t room =
        message.body.size() + envelope_.size() + message.routing_key.size() + record::record_overhead_max;
    GatheredBatch& batch = batch_for(*route, draft, traits, room);
    batch.builder.append_message(link_.now().wall, as_bytes(message.routing_key), envelope_, message.body);
    batch.body_bytes += message.body.size();
    add_waiting(batch.waiting, message.from);
    if (route->one_by_one) [[unlikely]]
        flush_overlapping(batch.targets);
    return Fate::queued;
}

Handled Publisher::check(const Publication& message) {
    FANTAIL_CHECK(inspector_.inspect(message));
    if (message.exchange.empty() && is_reply_address(message.routing_key)) return {};
    FANTAIL_TRY([[maybe_unused]] const auto* route, routes_.find(message, inspector_.draft()));
    return {};
}

bool Publisher::hand_over(const Publication& message, const Draft& draft) {
    const auto address = parse_reply_address(message.routing_key);
    if (!address) return false;
    envelope_.clear();
    record::encode_envelope(envelope_, draft.properties, message.exchange);
    record::BatchBuilder builder;
    builder.append_message(link_.now().wall, as_bytes(message.routing_key), envelope_, message.body);
    return link_.broker().send_direct(address->connection, address->consumer,
                                      std::make_shared<const Bytes>(builder.finish(Offset(0))));
}

std::optional<ByteView> Publisher::deduplication_id(const Draft& draft) {
    deduplication_.clear();
    if (draft.deduplication) {
        // The tag keeps the text "1" apart from the number 1.
        deduplication_.push_back(static_cast<std::uint8_t>(draft.deduplication->tag()));
        const ByteView payload = draft.deduplication->payload();
        deduplication_.insert(deduplication_.end(), payload.begin(), payload.end());
    } else if (draft.scan.message_id) {
        const ByteView id = as_bytes(*draft.scan.message_id);
        deduplication_.push_back(static_cast<std::uint8_t>(record::FieldTag::text));
        deduplication_.insert(deduplication_.end(), id.begin(), id.end());
    } else {
        return std::nullopt;
    }
    return ByteView(deduplication_);
}

void Publisher::encode_envelope(const Publication& message, const Draft& draft, const PublishRoute& route,
                                broker::BatchTraits& traits) {
    envelope_.clear();
    if (!draft.delay_ms && !route.deduplicated) [[likely]] {
        record::encode_envelope(envelope_, draft.properties, message.exchange);
        return;
    }
    record::EnvelopeParts parts{.properties = draft.properties, .exchange = message.exchange};
    if (draft.delay_ms) parts.due_time = WallTime{std::max<std::int64_t>(link_.now().wall.ms, 0) + *draft.delay_ms};
    if (route.deduplicated) parts.dedup_id = deduplication_id(draft);
    if (parts.dedup_id && route.deduplication_window_ms > 0)
        parts.dedup_window_ms = static_cast<std::uint64_t>(route.deduplication_window_ms);
    traits.has_due_time = parts.due_time.has_value();
    traits.has_deduplication = parts.dedup_id.has_value();
    record::encode_envelope(envelope_, parts);
}

void Publisher::collect_targets(const PublishRoute& route, std::uint8_t priority) {
    targets_.clear();
    for (const PublishRoute::Queue& queue : route.queues)
        targets_.push_back({queue.id, std::min(priority, queue.priority_max)});
}

GatheredBatch* Publisher::find_open(bool transient) {
    for (const auto& batch : open_) {
        if (batch->traits.transient == transient && std::ranges::equal(batch->targets, targets_, same))
            return batch.get();
    }
    return nullptr;
}

/// The open batch for a message, with room for it.
GatheredBatch& Publisher::batch_for(PublishRoute& route, const Draft& draft, broker::BatchTraits traits,
                                    std::size_t room) {
    GatheredBatch* batch = nullptr;
    if (route.batch != 0 && route.batch_index < open_.size() && open_[route.batch_index]->number == route.batch &&
        open_[route.batch_index]->traits.transient == traits.transient &&
        (!route.prioritized || route.batch_priority == draft.priority)) [[likely]] {
        batch = open_[route.batch_index].get();
    } else {
        collect_targets(route, draft.priority);
        batch = find_open(traits.transient);
    }
    if (batch != nullptr && batch->builder.size() + room > fantail::limits::batch_size_max) {
        targets_ = batch->targets;
        flush_overlapping(targets_);
        batch = nullptr;
    }
    if (batch == nullptr) {
        batch = &open_batch(traits);
        route.batch = batch->number;
        route.batch_index = open_.size() - 1;
        route.batch_priority = draft.priority;
    }
    add_traits(batch->traits, traits);
    return *batch;
}

/// Opens a batch for `targets_`.
GatheredBatch& Publisher::open_batch(broker::BatchTraits traits) {
    flush_overlapping(targets_);
    if (open_.size() >= limits::open_batches_max) flush();
    if (spare_.empty()) {
        open_.push_back(std::make_unique<GatheredBatch>());
    } else {
        open_.push_back(std::move(spare_.back()));
        spare_.pop_back();
    }
    GatheredBatch& batch = *open_.back();
    batch.number = ++batches_opened_;
    batch.targets = targets_;
    batch.traits = {.transient = traits.transient};
    batch.body_bytes = 0;
    return batch;
}

void Publisher::close_at(std::size_t index) {
    std::unique_ptr<GatheredBatch> batch = std::move(open_[index]);
    open_[index] = std::move(open_.back());
    open_.pop_back();
    send(*batch);
    batch->number = 0;
    spare_.push_back(std::move(batch));
}

void Publisher::flush_overlapping(const std::vector<broker::AppendTarget>& targets) {
    // `targets` may be those of a batch that is closed here; its contents stay in place until the batch is used again.
    for (std::size_t i = open_.size(); i-- > 0;) {
        if (overlap(open_[i]->targets, targets)) close_at(i);
    }
}

void Publisher::flush() {
    while (!open_.empty()) close_at(open_.size() - 1);
}

/// Sends the batch on its way: to the shard of its exchange if that looks for duplicates, else straight to its queues.
void Publisher::send(GatheredBatch& batch) {
    const bool large = batch.builder.size() > limits::kept_builder_size_max;
    const auto count = static_cast<std::uint32_t>(batch.builder.count());
    const auto bytes = std::make_shared<const Bytes>(
        batch.builder.finish(Offset(0), {.attributes = broker::attribute_bits(batch.traits)}));
    if (large) batch.builder.clear(true);
    const bool confirm = !batch.waiting.empty();
    RequestId request;
    if (confirm) {
        request = request_id(Purpose::append, 0, in_flight_base_ + in_flight_.size());
        in_flight_.push_back({.waiting = std::move(batch.waiting)});
        batch.waiting.clear();
    }
    broker::Append append{{}, bytes, count, batch.body_bytes, batch.traits, confirm};
    if (!batch.histories.empty()) [[unlikely]]
        remember(batch, request, append);
    if (!batch.once) return send_to_shards(batch.targets, request, append);
    if (confirm) ++in_flight_.back().shards_left;
    append.targets = batch.targets;
    batch.once->append = std::move(append);
    link_.broker().send(shard_of(batch.once->exchange), request, std::move(*batch.once));
}

void Publisher::remember(GatheredBatch& batch, RequestId request, const broker::Append& append) {
    for (broker::Remember& each : batch.histories) {
        each.batch = append.batch;
        each.body_bytes = append.body_bytes;
        each.traits = append.traits;
        each.alone = batch.targets.empty();
        each.confirm = append.confirm;
        if (append.confirm) ++in_flight_.back().shards_left;
        link_.broker().send(shard_of(each.exchange), request, std::move(each));
    }
    batch.histories.clear();
}

/// One append to each shard that has targets; all carry the same request.
void Publisher::send_to_shards(const std::vector<broker::AppendTarget>& targets, RequestId request,
                               const broker::Append& append) {
    for (std::size_t at = 0; at < targets.size();) {
        const ShardId shard = shard_of(targets[at].queue);
        std::size_t end = at;
        while (end < targets.size() && shard_of(targets[end].queue) == shard) ++end;
        if (append.confirm) ++in_flight_.back().shards_left;
        broker::Append part = append;
        part.targets.assign(targets.begin() + static_cast<std::ptrdiff_t>(at),
                            targets.begin() + static_cast<std::ptrdiff_t>(end));
        link_.broker().send(shard, request, std::move(part));
        at = end;
    }
}

Replied<std::unique_ptr<GatheredBatch>> Publisher::begin_large(const Publication& message, std::uint64_t body_size) {
    FANTAIL_CHECK(inspector_.inspect(message));
    const Draft& draft = inspector_.draft();
    if (message.exchange.empty() && is_reply_address(message.routing_key)) return nullptr;
    FANTAIL_TRY(PublishRoute* const route, routes_.find(message, draft));
    if (route->queues.empty()) return nullptr;
    return single_batch(message, draft, *route, body_size);
}

/// A batch for this message alone, whose body is still to come.
std::unique_ptr<GatheredBatch> Publisher::single_batch(const Publication& message, const Draft& draft,
                                                       const PublishRoute& route, std::uint64_t body_size) {
    auto batch = std::make_unique<GatheredBatch>();
    batch->traits = draft.traits;
    encode_envelope(message, draft, route, batch->traits);
    collect_targets(route, draft.priority);
    batch->targets = targets_;
    batch->body_bytes = body_size;
    batch->builder.begin_message(link_.now().wall, as_bytes(message.routing_key), envelope_, body_size);
    if (!draft.passing) {
        for (const ExchangeId each : route.histories)
            batch->histories.push_back(
                {.exchange = each, .priority = draft.priority, .routed_at = link_.catalog().version()});
    }
    if (route.deduplication_window_ms > 0 && !route.queues.empty()) {
        batch->once = std::make_unique<broker::AppendOnce>();
        batch->once->exchange = route.exchange_id;
        batch->once->durable = route.exchange_durable;
        batch->once->window_ms = route.deduplication_window_ms;
        batch->once->id = deduplication_;
    }
    return batch;
}

void Publisher::finish_large(std::unique_ptr<GatheredBatch> batch, const PublisherRef& from) {
    flush_overlapping(batch->targets);
    add_waiting(batch->waiting, from);
    send(*batch);
}

void Publisher::on_appended(const broker::Appended& event, std::vector<PublishAnswer>& out) {
    const std::uint64_t at = counter_of(event.request) - in_flight_base_;
    if (at >= in_flight_.size() || in_flight_[at].shards_left == 0) return;
    InFlight& batch = in_flight_[at];
    batch.accepted = batch.accepted && event.accepted;
    batch.missed = batch.missed && event.missed;
    if (--batch.shards_left != 0) return;
    for (PublishAnswer& answer : batch.waiting) {
        // Stored nowhere, though there was a queue for it when it was routed: the publisher should know.
        answer.range.accepted = batch.accepted && !batch.missed;
        out.push_back(answer);
    }
    batch.waiting.clear();
    while (!in_flight_.empty() && in_flight_.front().shards_left == 0) {
        in_flight_.pop_front();
        ++in_flight_base_;
    }
}

}  // namespace fantail::amqp091
