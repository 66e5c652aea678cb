// SPDX-License-Identifier: Apache-2.0
//! A channel's consumers: consume, cancel, get, deliveries and what is unacknowledged of them.
#include <algorithm>

#include "protocols/amqp091/channel.hpp"
#include "protocols/amqp091/consume_arguments.hpp"
#include "protocols/amqp091/queue_arguments.hpp"
#include "protocols/amqp091/reply_to.hpp"
#include "protocols/amqp091/topology.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::string_view generated_tag_prefix = "amq.ctag-";

std::uint32_t clamp_count(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

// --- consume and cancel

const Consumer* Channel::find_consumer(std::string_view tag) const {
    for (const ConsumerId id : consumers_) {
        const Consumer* consumer = parts_.consumers.find(id);
        if (consumer != nullptr && consumer->tag == tag) return consumer;
    }
    return nullptr;
}

Replied<std::string> Channel::consumer_tag(std::string_view given) const {
    if (!given.empty()) {
        if (find_consumer(given) != nullptr) return refuse(consumer_tag_in_use(given));
        return std::string(given);
    }
    broker::Port& port = link().broker();
    return std::string(generated_tag_prefix) + hex(port.random()) + hex(port.random());
}

/// Messages a new consumer may hold. Under a shared window each gets at most that, until together they exceed it.
std::uint32_t Channel::window_for(bool no_ack) const {
    if (no_ack) return 0;
    if (prefetch_ != 0 && global_prefetch_ != 0) return std::min(prefetch_, global_prefetch_);
    if (prefetch_ != 0 || global_prefetch_ != 0) return prefetch_ + global_prefetch_;
    return limits::unacked_per_consumer_max;
}

Handled Channel::check_stream_consumer(const broker::QueueDefinition& queue, const BasicConsume& method) const {
    if (queue.kind != broker::QueueKind::stream) return {};
    const std::string name = described("queue", queue.name, link());
    if (method.no_ack)
        return refuse(ReplyCode::not_implemented, "automatic acknowledgement not supported by stream " + name);
    if (prefetch_ == 0 && global_prefetch_ == 0)
        return refuse(ReplyCode::precondition_failed, "consumer prefetch count is not set for stream " + name);
    return {};
}

Handled Channel::handle(const BasicConsume& method) {
    if (method.queue == reply_queue) return consume_replies(method);
    FANTAIL_TRY(const std::string name, queue_name(method.queue));
    FANTAIL_CHECK(check_permission(link(), broker::Operation::read, "queue", name));
    FANTAIL_TRY(std::string tag, consumer_tag(method.consumer_tag));
    FANTAIL_TRY(const auto* queue, find_queue(link(), name));
    FANTAIL_CHECK(check_stream_consumer(*queue, method));
    if (consumers_.size() >= limits::consumers_per_channel_max)
        return refuse(ReplyCode::not_allowed, "too many consumers on one channel");
    broker::AddConsumer command;
    FANTAIL_CHECK(apply_consume_arguments(link(), *queue, method.arguments, command));
    command.queue = queue->id;
    command.consumer = consumer_id(serial_, ++consumers_made_);
    command.prefetch = window_for(method.no_ack);
    command.settled_on_delivery = method.no_ack;
    command.exclusive = method.exclusive;
    command.flow_on = !parts_.paused;
    command.tag = tag;
    if (!command.timeout_ms)
        command.timeout_ms = queue->options->consumer_timeout_ms ? queue->options->consumer_timeout_ms
                                                                 : link().options->consumer_timeout_ms;
    parts_.consumers.add({.id = command.consumer,
                          .channel = number_,
                          .no_ack = method.no_ack,
                          .exclusive = method.exclusive,
                          .prefetch = command.prefetch,
                          .kind = queue->kind,
                          .queue = queue->id,
                          .tag = std::move(tag)});
    consumers_.push_back(command.consumer);
    const ConsumerId id = command.consumer;
    send_to_queue(*queue, std::move(command), {.no_wait = method.no_wait, .what = StartConsumer{id, name}});
    return {};
}

Handled Channel::consume_replies(const BasicConsume& method) {
    if (!method.no_ack) return refuse(ReplyCode::precondition_failed, "reply consumer cannot acknowledge");
    if (!reply_address_.empty()) return refuse(ReplyCode::precondition_failed, "reply consumer already set");
    FANTAIL_TRY(std::string tag, consumer_tag(method.consumer_tag));
    const ConsumerId id(link().broker().random() | reply_consumer_bit);
    reply_address_ = to_text(ReplyAddress{link().host.id(), id});
    link().broker().open_direct(id);
    const Consumer& consumer =
        parts_.consumers.add({.id = id, .channel = number_, .no_ack = true, .tag = std::move(tag)});
    consumers_.push_back(id);
    if (!method.no_wait) link().send(number_, BasicConsumeOk{.consumer_tag = consumer.tag});
    return {};
}

void Channel::forget_consumer(ConsumerId consumer) {
    std::erase(consumers_, consumer);
    parts_.consumers.remove(consumer);
    std::erase_if(held_, [&](const broker::Deliver& d) { return d.consumer == consumer; });
    if (!is_reply_consumer(consumer)) return;
    reply_address_.clear();
    link().broker().close_direct(consumer);
}

Handled Channel::handle(const BasicCancel& method) {
    const Consumer* consumer = find_consumer(method.consumer_tag);
    if (consumer == nullptr || is_reply_consumer(consumer->id)) {
        if (consumer != nullptr) forget_consumer(consumer->id);
        if (!method.no_wait) link().send(number_, BasicCancelOk{.consumer_tag = method.consumer_tag});
        return {};
    }
    // Deliveries that are under way come before the answer to an inspection of the same shard, and so before cancel-ok.
    parts_.flush();
    const QueueId queue = consumer->queue;
    const ConsumerId id = consumer->id;
    link().broker().send(shard_of(queue), RequestId{}, broker::RemoveConsumer{queue, id});
    broker::QueueDefinition place;
    place.id = queue;
    send_to_queue(place, broker::Inspect{queue}, {.no_wait = method.no_wait, .what = StopConsumer{id}});
    return {};
}

Handled Channel::finish(PendingMethod& pending, StartConsumer& what) {
    const auto* answer = std::get_if<broker::ConsumerAdded>(&*pending.answer);
    if (answer == nullptr) return refuse(ReplyCode::internal_error, "unexpected answer");
    const Consumer* consumer = parts_.consumers.find(what.consumer);
    if (answer->outcome) {
        return consumer == nullptr ? Handled{} : reply_consume_ok(pending, *consumer);
    }
    forget_consumer(what.consumer);
    switch (answer->outcome.error().code) {
        case ErrorCode::not_found: return refuse(not_found({"queue", what.queue, link().vhost_name}));
        case ErrorCode::locked:
        case ErrorCode::access_refused:
            return refuse(ReplyCode::access_refused, described("queue", what.queue, link()) + " in exclusive use");
        default: return refuse(reply_error(answer->outcome.error()));
    }
}

Handled Channel::reply_consume_ok(const PendingMethod& pending, const Consumer& consumer) {
    if (!pending.no_wait) link().send(number_, BasicConsumeOk{.consumer_tag = consumer.tag});
    return {};
}

Handled Channel::finish(PendingMethod& pending, StopConsumer& what) {
    const Consumer* consumer = parts_.consumers.find(what.consumer);
    if (consumer == nullptr) return {};
    if (!pending.no_wait) link().send(number_, BasicCancelOk{.consumer_tag = consumer->tag});
    forget_consumer(what.consumer);
    return {};
}

Handled Channel::on_cancelled(Consumer& consumer, const broker::ConsumerCancelled& event) {
    method_ = MethodId{};
    if (event.timed_out && !link().client.consumer_cancel_notify) {
        return refuse(ReplyCode::precondition_failed,
                      "delivery acknowledgement on channel " + std::to_string(number_) + " timed out");
    }
    if (deletes_queue()) cancelled_by_us_.push_back(consumer.id);
    else tell_cancelled(consumer);
    return {};
}

void Channel::tell_cancelled(const Consumer& consumer) {
    if (link().client.consumer_cancel_notify)
        link().send(number_, BasicCancel{.consumer_tag = consumer.tag, .no_wait = true});
    forget_consumer(ConsumerId(consumer.id));
}

bool Channel::deletes_queue() const {
    return std::ranges::any_of(
        pending_, [](const PendingMethod& p) { return std::holds_alternative<broker::DeleteQueue>(p.what); });
}

/// Clients may hang up as soon as they hear basic.cancel: who deletes a queue gets its delete-ok first, as from RabbitMQ.
void Channel::tell_cancelled_by_us() {
    if (cancelled_by_us_.empty() || deletes_queue()) return;
    for (const ConsumerId id : std::exchange(cancelled_by_us_, {})) {
        if (const Consumer* consumer = parts_.consumers.find(id)) tell_cancelled(*consumer);
    }
}

// --- get

Handled Channel::handle(const BasicGet& method) {
    FANTAIL_TRY(const std::string name, queue_name(method.queue));
    FANTAIL_CHECK(check_permission(link(), broker::Operation::read, "queue", name));
    FANTAIL_TRY(const auto* queue, find_queue(link(), name));
    if (queue->kind == broker::QueueKind::stream) {
        return refuse(ReplyCode::not_implemented,
                      "basic.get not supported by stream queues " + described("queue", name, link()));
    }
    send_to_queue(*queue, broker::Get{queue->id, consumer_id(serial_, 0), method.no_ack},
                  {.what = GetMessage{name, queue->id, queue->kind, method.no_ack}});
    return {};
}

Handled Channel::finish(PendingMethod& pending, GetMessage& what) {
    const auto* answer = std::get_if<broker::GetResult>(&*pending.answer);
    if (answer == nullptr) return refuse(ReplyCode::internal_error, "unexpected answer");
    if (!answer->found) return refuse(not_found({"queue", what.queue, link().vhost_name}));
    const broker::Deliver& got = answer->message;
    record::RecordView record;
    const auto batch = got.count == 0 ? Result<record::BatchView>(fail(ErrorCode::not_found, ""))
                                      : record::BatchView::parse(parts_.unpacked.of(got.batch));
    auto cursor = batch ? batch->records() : Result<record::RecordCursor>(fail(ErrorCode::not_found, ""));
    if (!cursor || !cursor->skip(got.index) || !cursor->next(record)) {
        link().send(number_, BasicGetEmpty{});
        return {};
    }
    const OutgoingMessage message =
        parts_.mapper.map(record, {what.kind, got.delivery_count, got.acquired_count, got.first}, link().frame_max);
    const std::uint64_t tag = ++delivery_tag_;
    write_get_ok(link().out(), number_,
                 {.delivery_tag = tag,
                  .redelivered = got.redelivered,
                  .exchange = message.exchange,
                  .routing_key = message.routing_key,
                  .message_count = clamp_count(answer->ready_left)},
                 {message.properties, message.body}, link().frame_max);
    if (what.no_ack) return {};
    unacked_.add(tag, consumer_id(serial_, 0), what.id, got.level, got.first);
    ++unacked_gets_;
    return {};
}

// --- deliveries

void Channel::on_deliver(const Consumer& consumer, broker::Deliver& delivery) {
    std::uint32_t count = delivery.count;
    if (!consumer.no_ack && global_prefetch_ != 0) [[unlikely]] {
        const std::uint64_t room = held_.empty() ? window_room() : 0;
        count = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, room));
    }
    write_records(consumer, delivery, count);
    if (count != delivery.count) [[unlikely]]
        hold_back(consumer, delivery, count);
}

/// Writes the first `count` records of the delivery. Hot.
void Channel::write_records(const Consumer& consumer, const broker::Deliver& delivery, std::uint32_t count) {
    if (count == 0 || !delivery.batch) return;
    const auto batch = record::BatchView::parse(parts_.unpacked.of(delivery.batch));
    if (!batch) return;
    auto cursor = batch->records();
    if (!cursor || !cursor->skip(delivery.index)) return;
    Bytes& out = link().out();
    const std::uint32_t frame_max = link().frame_max;
    DeliveryFacts facts{consumer.kind, delivery.delivery_count, delivery.acquired_count, delivery.first};
    record::RecordView record;
    for (std::uint32_t i = 0; i < count && cursor->next(record); ++i) {
        facts.offset = delivery.first.plus(i);
        const OutgoingMessage message = parts_.mapper.map(record, facts, frame_max);
        const std::uint64_t tag = ++delivery_tag_;
        write_deliver(out, number_,
                      {.consumer_tag = consumer.tag,
                       .delivery_tag = tag,
                       .redelivered = delivery.redelivered,
                       .exchange = message.exchange,
                       .routing_key = message.routing_key},
                      {message.properties, message.body}, frame_max);
        if (!consumer.no_ack) unacked_.add(tag, consumer.id, delivery.queue, delivery.level, facts.offset);
    }
}

/// What the shared window has no room for: others may have it at once. A stream is everyone's, so its records just wait.
void Channel::hold_back(const Consumer& consumer, const broker::Deliver& delivery, std::uint32_t from) {
    broker::Deliver rest = delivery;
    rest.first = delivery.first.plus(from);
    rest.index += from;
    rest.count -= from;
    if (consumer.kind == broker::QueueKind::stream) {
        held_.push_back(std::move(rest));
        return;
    }
    parts_.settler.add(link().broker(), {rest.consumer, rest.queue, rest.level, rest.first, rest.count},
                       broker::Outcome::unseen);
    crowded_ = true;
    mark_busy();
}

void Channel::release_held() {
    std::size_t released = 0;
    while (released < held_.size() && window_open()) {
        broker::Deliver& next = held_[released];
        const Consumer* consumer = parts_.consumers.find(next.consumer);
        const std::uint64_t room = global_prefetch_ == 0 ? next.count : window_room();
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(next.count, room));
        if (consumer != nullptr) write_records(*consumer, next, count);
        next.first = next.first.plus(count);
        next.index += count;
        next.count -= count;
        if (next.count == 0) ++released;
    }
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(released));
}

/// RabbitMQ's shared window: of all consumers of the channel, at once.
void Channel::set_global_prefetch(std::uint32_t count) {
    global_prefetch_ = count;
    share_window();
    release_held();
}

/// Tells the queues how much their consumers may hold: their own windows, or what they hold and the room in the shared one.
void Channel::share_window() {
    const bool shared = global_prefetch_ != 0;
    const std::uint64_t room = window_room();
    crowded_ = shared && room < global_prefetch_;
    // Every consumer is the first to be told in its turn: with room for one message only, no queue starves the others.
    if (shared && consumers_.size() > 1) std::rotate(consumers_.begin(), consumers_.begin() + 1, consumers_.end());
    for (const ConsumerId id : consumers_) {
        const Consumer* consumer = parts_.consumers.find(id);
        if (consumer == nullptr || consumer->no_ack || is_reply_consumer(id)) continue;
        std::uint64_t window = window_for(false);
        if (shared) window = std::min(window, unacked_.held_by(id) + room);
        const bool on = !parts_.paused && (!shared || room > 0);
        link().broker().send(
            shard_of(consumer->queue), RequestId{},
            broker::SetFlow{consumer->queue, id, on, static_cast<std::uint32_t>(std::max<std::uint64_t>(window, 1))});
    }
}

/// After messages were settled.
void Channel::window_grew() {
    if (!held_.empty()) release_held();
    if (crowded_) mark_busy();
}

// --- settling

/// Streams are read, not taken from: there is nothing to give back or to refuse.
Handled Channel::check_outcome(const LeaseRange& range, broker::Outcome outcome) const {
    if (outcome == broker::Outcome::accept) return {};
    const auto* queue = link().catalog().queue(range.queue);
    if (queue == nullptr || queue->kind != broker::QueueKind::stream) return {};
    return refuse(ReplyCode::not_implemented,
                  "reject and nack are not supported by stream " + described("queue", queue->name, link()));
}

/// Tells the broker, now that the message is out of unacked_.
void Channel::give_up(const LeaseRange& range, broker::Outcome outcome) {
    if (range.consumer == consumer_id(serial_, 0)) unacked_gets_ -= range.count;
    parts_.settler.add(link().broker(), range, outcome);
}

Handled Channel::settle(std::uint64_t tag, bool multiple, broker::Outcome outcome) {
    if (transaction_) return settle_at_commit(tag, multiple, outcome);
    if (!multiple) {
        LeaseRange range;
        if (!unacked_.take(tag, range)) return refuse(unknown_delivery_tag(tag));
        FANTAIL_CHECK(check_outcome(range, outcome));
        give_up(range, outcome);
    } else {
        std::vector<LeaseRange> ranges;
        if (tag == 0) unacked_.take_all(ranges);
        else if (!unacked_.take_to(tag, ranges)) return refuse(unknown_delivery_tag(tag));
        for (const LeaseRange& range : ranges) FANTAIL_CHECK(check_outcome(range, outcome));
        for (const LeaseRange& range : ranges) give_up(range, outcome);
    }
    window_grew();
    return {};
}

Handled Channel::settle_at_commit(std::uint64_t tag, bool multiple, broker::Outcome outcome) {
    std::vector<std::uint64_t> tags{tag};
    if (multiple) {
        tags.clear();
        unacked_.list(tag == 0 ? std::numeric_limits<std::uint64_t>::max() : tag, tags);
    }
    auto& settles = transaction_->settles;
    const bool known = multiple && tag == 0 ? true : unacked_.contains(tag) && !settles.contains(tag);
    if (!known) return refuse(unknown_delivery_tag(tag));
    if (transaction_->operations() + tags.size() > limits::transaction_operations_max)
        return refuse(ReplyCode::resource_error, "the transaction is too large");
    for (const std::uint64_t each : tags) settles.emplace(each, outcome);
    return {};
}

/// Everything the client holds; what it settled in a transaction it no longer does.
void Channel::settle_all(broker::Outcome outcome) {
    std::vector<LeaseRange> ranges;
    if (transaction_ && !transaction_->settles.empty()) {
        std::vector<std::uint64_t> tags;
        unacked_.list(std::numeric_limits<std::uint64_t>::max(), tags);
        for (const std::uint64_t tag : tags) {
            LeaseRange one;
            if (!transaction_->settles.contains(tag) && unacked_.take(tag, one)) ranges.push_back(one);
        }
    } else {
        unacked_.take_all(ranges);
    }
    for (const LeaseRange& range : ranges) give_up(range, outcome);
    window_grew();
}

}  // namespace fantail::amqp091
