// SPDX-License-Identifier: Apache-2.0
//! Checks and translates topology methods.
#include "protocols/amqp091/topology.hpp"

#include <algorithm>
#include <array>

#include "protocols/amqp091/exchange_arguments.hpp"
#include "protocols/amqp091/queue_arguments.hpp"

namespace fantail::amqp091 {
namespace {

using broker::Operation;
using record::FieldTableView;
using record::FieldValueView;

constexpr std::string_view reserved_prefix = "amq.";
constexpr std::string_view generated_prefix = "amq.gen-";

std::string_view to_text(Operation operation) {
    switch (operation) {
        case Operation::configure: return "configure";
        case Operation::write: return "write";
        case Operation::read: return "read";
    }
    return "unknown";
}

/// The name that permissions see for the default exchange, as in RabbitMQ.
std::string_view permission_name(std::string_view kind, std::string_view name) {
    return kind == "exchange" && name.empty() ? "amq.default" : name;
}

Handled check_arguments(ByteView arguments) {
    const auto valid = record::validate(FieldTableView(arguments));
    return valid ? Handled{} : refuse(ReplyCode::syntax_error, valid.error().message);
}

NamedThing queue_thing(const Link& link, std::string_view name) { return {"queue", name, link.vhost_name}; }
NamedThing exchange_thing(const Link& link, std::string_view name) { return {"exchange", name, link.vhost_name}; }

bool exclusive_to_another(const Link& link, const broker::QueueDefinition& queue) {
    return queue.exclusive_owner && *queue.exclusive_owner != link.host.id();
}

// --- inequivalence, in RabbitMQ's words

std::string shown(const std::optional<FieldValueView>& value) {
    if (!value || value->is_nothing()) return "none";
    if (const auto text = value->as_text()) return "the value '" + std::string(*text) + "' of type 'longstr'";
    if (const auto number = value->as_int()) return "the value '" + std::to_string(*number) + "' of type 'signedint'";
    if (const auto flag = value->as_bool())
        return std::string("the value '") + (*flag ? "true" : "false") + "' of type 'bool'";
    return "a value of another type";
}

Handled compare_flag(const NamedThing& thing, std::string_view name, bool received, bool current) {
    if (received == current) return {};
    const auto text = [](bool flag) { return flag ? "true" : "false"; };
    return refuse(inequivalent(thing, {name, text(received), text(current)}));
}

Handled compare_argument(const NamedThing& thing, std::string_view name, FieldTableView received,
                         FieldTableView current) {
    const auto absent = [](const std::optional<FieldValueView>& v) { return !v || v->is_nothing(); };
    const auto ours = received.find(name);
    const auto theirs = current.find(name);
    if (absent(ours) && absent(theirs)) return {};
    if (!absent(ours) && !absent(theirs) && ours->equals(*theirs)) return {};
    return refuse(ReplyCode::precondition_failed, "inequivalent arg '" + std::string(name) + "' for " +
                                                      std::string(thing.kind) + " '" + std::string(thing.name) +
                                                      "' in vhost '" + std::string(thing.vhost) + "': received " +
                                                      shown(ours) + " but current is " + shown(theirs));
}

Handled compare_queue(const Link& link, const broker::DeclareQueue& command, const broker::QueueDefinition& queue) {
    const NamedThing thing = queue_thing(link, command.name);
    if (exclusive_to_another(link, queue)) return refuse(queue_locked(command.name, link.vhost_name));
    if (command.exclusive != queue.exclusive_owner.has_value())
        return refuse(queue_locked(command.name, link.vhost_name));
    FANTAIL_CHECK(compare_flag(thing, "durable", command.durable, queue.durable));
    FANTAIL_CHECK(compare_flag(thing, "auto_delete", command.auto_delete, queue.auto_delete));
    if (command.kind != queue.kind) {
        return refuse(
            inequivalent(thing, {"x-queue-type", amqp091::to_text(command.kind), amqp091::to_text(queue.kind)}));
    }
    for (const std::string_view name : compared_queue_arguments()) {
        FANTAIL_CHECK(
            compare_argument(thing, name, FieldTableView(command.arguments), FieldTableView(queue.arguments)));
    }
    return {};
}

Handled compare_exchange(const Link& link, const broker::ExchangeDefinition& wanted,
                         const broker::ExchangeDefinition& current) {
    const NamedThing thing = exchange_thing(link, wanted.name);
    if (wanted.type_name != current.type_name)
        return refuse(inequivalent(thing, {"type", wanted.type_name, current.type_name}));
    FANTAIL_CHECK(compare_flag(thing, "durable", wanted.durable, current.durable));
    FANTAIL_CHECK(compare_flag(thing, "auto_delete", wanted.auto_delete, current.auto_delete));
    FANTAIL_CHECK(compare_flag(thing, "internal", wanted.internal, current.internal));
    for (const std::string_view name : {"alternate-exchange", "x-delayed-type", "hash-header", "hash-property"}) {
        FANTAIL_CHECK(
            compare_argument(thing, name, FieldTableView(wanted.arguments), FieldTableView(current.arguments)));
    }
    return {};
}

ReplyError or_else(const Handled& found, const Error& error) { return found ? reply_error(error) : found.error(); }

// --- names

bool reserved(std::string_view name) { return name.starts_with(reserved_prefix); }

/// Names of the server's own may be declared again, but not made.
Handled check_new_name(const NamedThing& thing, bool exists) {
    if (!reserved(thing.name) || exists) return {};
    return refuse(reserved_name(thing));
}

Handled check_dead_letter(const Link& link, const broker::DeclareQueue& command) {
    if (!command.options.dead_letter_exchange) return {};
    FANTAIL_CHECK(check_permission(link, Operation::read, "queue", command.name));
    return check_permission(link, Operation::write, "exchange", *command.options.dead_letter_exchange);
}

// --- bindings

Handled check_match_word(const broker::BindingDefinition& binding) {
    static constexpr std::array<std::string_view, 4> words{"all", "any", "all-with-x", "any-with-x"};
    const auto match = FieldTableView(binding.arguments).find("x-match");
    if (!match) return {};
    const auto word = match->as_text();
    if (word && std::ranges::find(words, *word) != words.end()) return {};
    return refuse(ReplyCode::precondition_failed,
                  "Invalid x-match field value " + shown(match) + "; expected all, any, all-with-x, or any-with-x");
}

Handled check_weight(const broker::BindingDefinition& binding) {
    const std::string& key = binding.routing_key;
    const bool digits =
        !key.empty() && key.size() <= 9 && std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && key.find_first_not_of('0') != std::string::npos) return {};
    return refuse(ReplyCode::precondition_failed, "the binding key must be a positive integer: '" + key + "'");
}

/// What the source's type demands, if the source is known already.
Handled check_source(const Link& link, const broker::BindingDefinition& binding) {
    const auto* source = link.catalog().exchange(link.vhost, binding.source);
    if (source == nullptr) return {};
    switch (source->type) {
        case broker::ExchangeType::headers: return check_match_word(binding);
        case broker::ExchangeType::consistent_hash: return check_weight(binding);
        case broker::ExchangeType::topic:
            return check_topic(link, Operation::read, binding.source, binding.routing_key);
        case broker::ExchangeType::direct:
        case broker::ExchangeType::fanout:
        case broker::ExchangeType::modulus_hash:
        case broker::ExchangeType::random:
        case broker::ExchangeType::local_random:
        case broker::ExchangeType::recent_history: return {};
    }
    return {};
}

}  // namespace

std::string clean_name(std::string_view name) {
    std::string out(name);
    std::erase_if(out, [](char c) { return c == '\r' || c == '\n'; });
    return out;
}

Handled check_permission(const Link& link, Operation operation, std::string_view kind, std::string_view name) {
    const std::string_view seen = permission_name(kind, name);
    if (link.catalog().permits(link.user, link.vhost, operation, seen)) return {};
    return refuse(ReplyCode::access_refused, std::string(to_text(operation)) + " access to " +
                                                 described(kind, seen, link) + " refused for user '" + link.user + "'");
}

Handled check_topic(const Link& link, Operation operation, std::string_view exchange, std::string_view key) {
    if (link.catalog().permits_topic(link.user, link.vhost, operation, exchange, key)) return {};
    return refuse(ReplyCode::access_refused, std::string(to_text(operation)) + " access to topic '" + std::string(key) +
                                                 "' in " + described("exchange", exchange, link) +
                                                 " refused for user '" + link.user + "'");
}

Replied<const broker::QueueDefinition*> find_queue(const Link& link, std::string_view name) {
    const auto* queue = link.catalog().queue(link.vhost, name);
    if (queue == nullptr) return refuse(not_found(queue_thing(link, name)));
    if (exclusive_to_another(link, *queue)) return refuse(queue_locked(name, link.vhost_name));
    return queue;
}

Replied<const broker::ExchangeDefinition*> find_exchange(const Link& link, std::string_view name) {
    const auto* exchange = link.catalog().exchange(link.vhost, name);
    if (exchange == nullptr) return refuse(not_found(exchange_thing(link, name)));
    return exchange;
}

Replied<broker::DeclareQueue> declare_queue(const Link& link, const QueueDeclare& method) {
    FANTAIL_CHECK(check_arguments(method.arguments));
    const bool exists = link.catalog().queue(link.vhost, method.queue) != nullptr;
    FANTAIL_CHECK(check_new_name(queue_thing(link, method.queue), exists));
    const auto* vhost = link.catalog().vhost(link.vhost_name);
    QueueRequest request{method.queue, method.durable, method.exclusive, method.auto_delete,
                         FieldTableView(method.arguments)};
    if (vhost != nullptr && vhost->default_queue_kind) request.default_kind = *vhost->default_queue_kind;
    FANTAIL_TRY(auto parsed, parse_queue_arguments(link, request));
    broker::DeclareQueue command;
    command.vhost = link.vhost;
    command.name = method.queue;
    command.name_prefix = generated_prefix;
    command.kind = parsed.kind;
    command.durable = method.durable;
    command.auto_delete = method.auto_delete;
    command.exclusive = method.exclusive;
    command.arguments.assign(method.arguments.begin(), method.arguments.end());
    command.options = std::move(parsed.options);
    command.near = link.broker().core();
    // A generated name is not yet known; RabbitMQ checks its prefix in effect.
    const std::string_view permission = method.queue.empty() ? generated_prefix : method.queue;
    FANTAIL_CHECK(check_permission(link, Operation::configure, "queue", permission));
    FANTAIL_CHECK(check_dead_letter(link, command));
    return command;
}

Replied<broker::DeclareExchange> declare_exchange(const Link& link, const ExchangeDeclare& method) {
    FANTAIL_CHECK(check_arguments(method.arguments));
    if (method.exchange.empty()) return refuse(default_exchange_refused());
    FANTAIL_TRY(auto definition, parse_exchange(link, method));
    const bool exists = link.catalog().exchange(link.vhost, method.exchange) != nullptr;
    FANTAIL_CHECK(check_permission(link, Operation::configure, "exchange", method.exchange));
    FANTAIL_CHECK(check_new_name(exchange_thing(link, method.exchange), exists));
    if (!definition.alternate.empty()) {
        FANTAIL_CHECK(check_permission(link, Operation::read, "exchange", method.exchange));
        FANTAIL_CHECK(check_permission(link, Operation::write, "exchange", definition.alternate));
    }
    return broker::DeclareExchange{std::move(definition)};
}

Replied<broker::DeleteQueue> delete_queue(const Link& link, const QueueDelete& method) {
    FANTAIL_CHECK(check_permission(link, Operation::configure, "queue", method.queue));
    return broker::DeleteQueue{link.vhost, std::string(method.queue), method.if_unused, method.if_empty};
}

Replied<broker::DeleteExchange> delete_exchange(const Link& link, const ExchangeDelete& method) {
    if (method.exchange.empty()) return refuse(default_exchange_refused());
    if (reserved(method.exchange)) {
        return refuse(ReplyCode::access_refused,
                      "deletion of system " + described("exchange", method.exchange, link) + " not allowed");
    }
    FANTAIL_CHECK(check_permission(link, Operation::configure, "exchange", method.exchange));
    return broker::DeleteExchange{link.vhost, std::string(method.exchange), method.if_unused};
}

Replied<broker::BindingDefinition> checked_binding(const Link& link, broker::BindingDefinition binding) {
    FANTAIL_CHECK(check_arguments(binding.arguments));
    const std::string_view kind = binding.to_exchange ? "exchange" : "queue";
    if (binding.source.empty() || (binding.to_exchange && binding.destination.empty()))
        return refuse(default_exchange_refused());
    FANTAIL_CHECK(check_permission(link, Operation::write, kind, binding.destination));
    FANTAIL_CHECK(check_permission(link, Operation::read, "exchange", binding.source));
    FANTAIL_CHECK(check_source(link, binding));
    binding.vhost = link.vhost;
    return binding;
}

ReplyError explain(const Link& link, const broker::DeclareQueue& command, const Error& error) {
    const auto* queue = link.catalog().queue(link.vhost, command.name);
    return queue == nullptr ? reply_error(error) : or_else(compare_queue(link, command, *queue), error);
}

ReplyError explain(const Link& link, const broker::DeclareExchange& command, const Error& error) {
    const auto* exchange = link.catalog().exchange(link.vhost, command.definition.name);
    return exchange == nullptr ? reply_error(error)
                               : or_else(compare_exchange(link, command.definition, *exchange), error);
}

ReplyError explain(const Link& link, const broker::DeleteQueue& command, const Error& error) {
    if (error.code == ErrorCode::locked) return queue_locked(command.name, link.vhost_name);
    if (error.code != ErrorCode::precondition_failed) return reply_error(error);
    // The broker says which of the two it was only in words: ask what was demanded.
    const NamedThing thing = queue_thing(link, command.name);
    if (command.if_unused && command.if_empty) {
        return error.message.find("empty") != std::string::npos ? not_empty(thing) : in_use(thing);
    }
    return command.if_empty ? not_empty(thing) : in_use(thing);
}

ReplyError explain(const Link& link, const broker::DeleteExchange& command, const Error& error) {
    return error.code == ErrorCode::precondition_failed ? in_use(exchange_thing(link, command.name))
                                                        : reply_error(error);
}

ReplyError explain(const Link& link, const broker::BindingDefinition& binding, const Error& error) {
    const auto source = find_exchange(link, binding.source);
    if (!source) return source.error();
    if (binding.to_exchange) {
        const auto destination = find_exchange(link, binding.destination);
        return destination ? reply_error(error) : destination.error();
    }
    const auto destination = find_queue(link, binding.destination);
    return destination ? reply_error(error) : destination.error();
}

}  // namespace fantail::amqp091
