// SPDX-License-Identifier: Apache-2.0
//! A channel's exchange and queue methods, and the broker's answers to them.
#include "protocols/amqp091/channel.hpp"
#include "protocols/amqp091/reply_to.hpp"
#include "protocols/amqp091/topology.hpp"

namespace fantail::amqp091 {
namespace {

std::uint32_t clamp_count(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, std::numeric_limits<std::uint32_t>::max()));
}

bool is_reply_queue(std::string_view name) { return name == reply_queue || is_reply_address(name); }

ReplyError wrong_answer() { return reply_error(ReplyCode::internal_error); }

}  // namespace

/// The queue a method means: named, or the last one declared on this channel.
Replied<std::string> Channel::queue_name(std::string_view given) const {
    std::string name = clean_name(given);
    if (!name.empty()) return name;
    if (last_queue_.empty()) return refuse(ReplyCode::not_found, "no previously declared queue");
    return last_queue_;
}

template <class Command>
void Channel::send_admin(Command command, MethodId method, bool no_wait) {
    parts_.flush();
    PendingMethod pending{.request = parts_.next_request(Purpose::channel_method, number_),
                          .method = method,
                          .no_wait = no_wait,
                          .pipelined = true};
    if constexpr (std::is_same_v<Command, broker::DeclareQueue>) pending.pipelined = !command.name.empty();
    pending.what = command;
    const RequestId request = pending.request;
    pending_.push_back(std::move(pending));
    link().broker().send(request, broker::AdminCommand(std::move(command)));
}

/// Sends a command to the queue's shard; its answer completes `pending`.
void Channel::send_to_queue(const broker::QueueDefinition& queue, broker::ShardCommand command, PendingMethod pending) {
    parts_.flush();
    touch_shard(queue.id);
    pending.request = parts_.next_request(Purpose::channel_method, number_);
    pending.method = method_;
    const RequestId request = pending.request;
    pending_.push_back(std::move(pending));
    link().broker().send(shard_of(queue.id), request, std::move(command));
}

template <class Reply>
Handled Channel::reply(const PendingMethod& pending, const Reply& method) {
    if (!pending.no_wait) link().send(number_, method);
    return {};
}

// --- exchanges

Handled Channel::handle(const ExchangeDeclare& method) {
    const std::string name = clean_name(method.exchange);
    if (method.passive) {
        if (name.empty()) return refuse(default_exchange_refused());
        FANTAIL_TRY([[maybe_unused]] const auto* exchange, find_exchange(link(), name));
        if (!method.no_wait) link().send(number_, ExchangeDeclareOk{});
        return {};
    }
    ExchangeDeclare cleaned = method;
    cleaned.exchange = name;
    FANTAIL_TRY(auto command, declare_exchange(link(), cleaned));
    send_admin(std::move(command), method.id, method.no_wait);
    return {};
}

Handled Channel::handle(const ExchangeDelete& method) {
    const std::string name = clean_name(method.exchange);
    ExchangeDelete cleaned = method;
    cleaned.exchange = name;
    FANTAIL_TRY(auto command, delete_exchange(link(), cleaned));
    send_admin(std::move(command), method.id, method.no_wait);
    return {};
}

Handled Channel::change_binding(broker::BindingDefinition binding, MethodId method, bool unbind, bool no_wait) {
    FANTAIL_TRY(auto checked, checked_binding(link(), std::move(binding)));
    parts_.flush();
    PendingMethod pending{.request = parts_.next_request(Purpose::channel_method, number_),
                          .method = method,
                          .no_wait = no_wait,
                          .pipelined = true,
                          .what = BindingChange{checked, unbind}};
    const RequestId request = pending.request;
    pending_.push_back(std::move(pending));
    if (unbind) link().broker().send(request, broker::Unbind{std::move(checked)});
    else link().broker().send(request, broker::Bind{std::move(checked)});
    return {};
}

Handled Channel::handle(const ExchangeBind& method) {
    return change_binding({.vhost = link().vhost,
                           .source = clean_name(method.source),
                           .destination = clean_name(method.destination),
                           .to_exchange = true,
                           .routing_key = std::string(method.routing_key),
                           .arguments = Bytes(method.arguments.begin(), method.arguments.end())},
                          method.id, false, method.no_wait);
}

Handled Channel::handle(const ExchangeUnbind& method) {
    return change_binding({.vhost = link().vhost,
                           .source = clean_name(method.source),
                           .destination = clean_name(method.destination),
                           .to_exchange = true,
                           .routing_key = std::string(method.routing_key),
                           .arguments = Bytes(method.arguments.begin(), method.arguments.end())},
                          method.id, true, method.no_wait);
}

// --- queues

/// What responders ask before they take pains for somebody who has left.
bool Channel::reply_consumer_exists(std::string_view name) const {
    const auto address = parse_reply_address(name);
    return address && link().broker().has_direct(address->connection, address->consumer);
}

Handled Channel::declare_passive(const QueueDeclare& method) {
    FANTAIL_TRY(const std::string name, queue_name(method.queue));
    if (is_reply_queue(name)) {
        if (name != reply_queue && !reply_consumer_exists(name))
            return refuse(not_found({"queue", name, link().vhost_name}));
        if (!method.no_wait) link().send(number_, QueueDeclareOk{.queue = name, .consumer_count = 1});
        return {};
    }
    FANTAIL_TRY(const auto* queue, find_queue(link(), name));
    send_to_queue(*queue, broker::Inspect{queue->id, true}, {.no_wait = method.no_wait, .what = PassiveDeclare{name}});
    return {};
}

Handled Channel::handle(const QueueDeclare& method) {
    const std::string name = clean_name(method.queue);
    if (method.passive || is_reply_queue(name)) return declare_passive(method);
    QueueDeclare cleaned = method;
    cleaned.queue = name;
    FANTAIL_TRY(auto command, declare_queue(link(), cleaned));
    if (!name.empty()) last_queue_ = name;
    send_admin(std::move(command), method.id, method.no_wait);
    return {};
}

Handled Channel::handle(const QueueDelete& method) {
    FANTAIL_TRY(const std::string name, queue_name(method.queue));
    QueueDelete cleaned = method;
    cleaned.queue = name;
    FANTAIL_TRY(auto command, delete_queue(link(), cleaned));
    send_admin(std::move(command), method.id, method.no_wait);
    return {};
}

Handled Channel::handle(const QueueBind& method) {
    FANTAIL_TRY(std::string name, queue_name(method.queue));
    // The specification's shortcut: no queue and no key mean the last queue's name for both.
    const bool shortcut = method.queue.empty() && method.routing_key.empty();
    std::string key = shortcut ? name : std::string(method.routing_key);
    return change_binding({.vhost = link().vhost,
                           .source = clean_name(method.exchange),
                           .destination = std::move(name),
                           .routing_key = std::move(key),
                           .arguments = Bytes(method.arguments.begin(), method.arguments.end())},
                          method.id, false, method.no_wait);
}

Handled Channel::handle(const QueueUnbind& method) {
    FANTAIL_TRY(std::string name, queue_name(method.queue));
    const bool shortcut = method.queue.empty() && method.routing_key.empty();
    std::string key = shortcut ? name : std::string(method.routing_key);
    return change_binding({.vhost = link().vhost,
                           .source = clean_name(method.exchange),
                           .destination = std::move(name),
                           .routing_key = std::move(key),
                           .arguments = Bytes(method.arguments.begin(), method.arguments.end())},
                          method.id, true, false);
}

Handled Channel::handle(const QueuePurge& method) {
    FANTAIL_TRY(const std::string name, queue_name(method.queue));
    FANTAIL_CHECK(check_permission(link(), broker::Operation::read, "queue", name));
    FANTAIL_TRY(const auto* queue, find_queue(link(), name));
    if (queue->kind == broker::QueueKind::stream)
        return refuse(ReplyCode::not_implemented, "purge not supported by stream queues");
    send_to_queue(*queue, broker::Purge{queue->id}, {.no_wait = method.no_wait, .what = PurgeQueue{name}});
    return {};
}

// --- answers

Handled Channel::on_answer(RequestId request, broker::Event& event) {
    const auto found = std::ranges::find(pending_, request, &PendingMethod::request);
    if (found == pending_.end()) return {};
    found->answer = std::move(event);
    // Replies go out in the order of the methods.
    while (!pending_.empty() && pending_.front().answer) {
        PendingMethod pending = std::move(pending_.front());
        pending_.erase(pending_.begin());
        method_ = pending.method;
        FANTAIL_CHECK(std::visit([&](auto& what) { return finish(pending, what); }, pending.what));
    }
    tell_cancelled_by_us();
    return {};
}

template <class What>
Handled Channel::finish(PendingMethod&, What&) {
    return refuse(wrong_answer());
}

Handled Channel::finish(PendingMethod& pending, broker::DeclareQueue& what) {
    const auto* answer = std::get_if<broker::AdminReply>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    if (!answer->outcome) return refuse(explain(link(), what, answer->outcome.error()));
    last_queue_ = answer->name;
    return reply(pending, QueueDeclareOk{.queue = clip_shortstr(answer->name),
                                         .message_count = clamp_count(answer->messages),
                                         .consumer_count = answer->consumers});
}

Handled Channel::finish(PendingMethod& pending, broker::DeclareExchange& what) {
    const auto* answer = std::get_if<broker::AdminReply>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    if (!answer->outcome) return refuse(explain(link(), what, answer->outcome.error()));
    return reply(pending, ExchangeDeclareOk{});
}

Handled Channel::finish(PendingMethod& pending, broker::DeleteQueue& what) {
    const auto* answer = std::get_if<broker::AdminReply>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    // Deleting what is not there succeeds, as in RabbitMQ since 3.2.
    const bool absent = !answer->outcome && answer->outcome.error().code == ErrorCode::not_found;
    if (!answer->outcome && !absent) return refuse(explain(link(), what, answer->outcome.error()));
    return reply(pending, QueueDeleteOk{.message_count = clamp_count(answer->messages)});
}

Handled Channel::finish(PendingMethod& pending, broker::DeleteExchange& what) {
    const auto* answer = std::get_if<broker::AdminReply>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    const bool absent = !answer->outcome && answer->outcome.error().code == ErrorCode::not_found;
    if (!answer->outcome && !absent) return refuse(explain(link(), what, answer->outcome.error()));
    return reply(pending, ExchangeDeleteOk{});
}

Handled Channel::finish(PendingMethod& pending, BindingChange& what) {
    const auto* answer = std::get_if<broker::AdminReply>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    const bool absent = what.unbind && !answer->outcome && answer->outcome.error().code == ErrorCode::not_found;
    if (!answer->outcome && !absent) return refuse(explain(link(), what.binding, answer->outcome.error()));
    if (what.unbind && what.binding.to_exchange) return reply(pending, ExchangeUnbindOk{});
    if (what.unbind) return reply(pending, QueueUnbindOk{});
    if (what.binding.to_exchange) return reply(pending, ExchangeBindOk{});
    return reply(pending, QueueBindOk{});
}

Handled Channel::finish(PendingMethod& pending, PassiveDeclare& what) {
    const auto* answer = std::get_if<broker::QueueCounts>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    if (!answer->found) return refuse(not_found({"queue", what.queue, link().vhost_name}));
    last_queue_ = what.queue;
    return reply(pending, QueueDeclareOk{.queue = what.queue,
                                         .message_count = clamp_count(answer->ready),
                                         .consumer_count = answer->consumers});
}

Handled Channel::finish(PendingMethod& pending, PurgeQueue& what) {
    const auto* answer = std::get_if<broker::QueueCounts>(&*pending.answer);
    if (answer == nullptr) return refuse(wrong_answer());
    if (!answer->found) return refuse(not_found({"queue", what.queue, link().vhost_name}));
    return reply(pending, QueuePurgeOk{.message_count = clamp_count(answer->purged)});
}

}  // namespace fantail::amqp091
