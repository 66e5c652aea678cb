// SPDX-License-Identifier: Apache-2.0
//! Declares, binds and deletes queues and exchanges.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/controller.hpp"
#include "broker/controller_checks.hpp"

namespace fantail::broker {

namespace {

constexpr unsigned sequence_bits = 24;
constexpr std::uint32_t boot_mask = 0xFFFF;  // 16 bits of the 40 in a queue's counter

std::unexpected<Error> missing(std::string_view kind, std::string_view name, std::string_view vhost) {
    return fail(ErrorCode::not_found, "no " + in_words(kind, name, vhost));
}

std::unexpected<Error> default_exchange_refused() {
    return fail(ErrorCode::access_refused, "operation not permitted on the default exchange");
}

Result<void> check_name(std::string_view kind, const std::string& name) {
    if (name.size() <= limits::name_size_max) return {};
    return fail(ErrorCode::too_large, "the name of " + std::string(kind) + " is longer than " +
                                          std::to_string(limits::name_size_max) + " bytes");
}

}  // namespace

std::string Controller::vhost_name(VhostId vhost) const {
    const VhostDefinition* found = catalog_.vhost(vhost);
    return found == nullptr ? "?" : found->name;
}

const PolicyBook& Controller::policies(VhostId vhost) {
    const auto at = books_.find(vhost);
    if (at != books_.end()) return at->second;
    return books_.emplace(vhost, PolicyBook(catalog_.policies(vhost))).first->second;
}

// ------------------------------------------------------------------------------------------------------------ queues

Controller::Step Controller::on(Operation& operation, DeclareQueue& command) {
    const QueueDefinition* current = command.name.empty() ? nullptr : catalog_.queue(command.vhost, command.name);
    if (current == nullptr) {
        operation.reply.outcome = make_queue(operation, command);
        return Step::decided;
    }
    operation.durable = broker::is_persistent(*current);
    operation.reply.outcome =
        check_equivalent(command, operation.origin.connection, *current, vhost_name(command.vhost));
    if (!operation.reply.outcome) return Step::decided;
    operation.reply.name = current->name;
    operation.reply.queue = current->id;
    ask(operation, *current, Inspect{current->id, true});
    return Step::inspects;
}

Result<void> Controller::check_queue_limits(const DeclareQueue& command) const {
    const VhostDefinition* vhost = catalog_.vhost(command.vhost);
    if (vhost == nullptr) return fail(ErrorCode::not_found, "the vhost does not exist any more");
    const std::string sorry = "cannot declare queue '" + command.name + "': queue limit in ";
    if (vhost->queues_max && catalog_.queue_count(command.vhost) >= *vhost->queues_max)
        return fail(ErrorCode::precondition_failed,
                    sorry + "vhost '" + vhost->name + "' (" + std::to_string(*vhost->queues_max) + ") is reached");
    if (options_.queues_max && catalog_.queue_count() >= *options_.queues_max)
        return fail(ErrorCode::precondition_failed,
                    sorry + "broker (" + std::to_string(*options_.queues_max) + ") is reached");
    return {};
}

Result<void> Controller::make_queue(Operation& operation, DeclareQueue& command) {
    FANTAIL_CHECK(check_queue_limits(command));
    FANTAIL_CHECK(check_name("a queue", command.name));
    QueueDefinition queue;
    queue.id = make_queue_id(command);
    queue.vhost = command.vhost;
    queue.name = command.name.empty() ? make_name(command) : command.name;
    queue.kind = command.kind;
    queue.durable = command.durable;
    queue.auto_delete = command.auto_delete;
    if (command.exclusive) queue.exclusive_owner = operation.origin.connection;
    queue.arguments = std::move(command.arguments);
    queue.declared = std::move(command.options);
    policies(queue.vhost).lay_over(queue);
    operation.durable = broker::is_persistent(queue);
    operation.reply.name = queue.name;
    operation.reply.queue = queue.id;
    if (command.exclusive) clients_.at(operation.origin.connection).exclusive.push_back(queue.id);
    publish(QueuePut{catalog_.share(std::move(queue))}, operation.durable);
    return {};
}

/// 22 random characters behind the prefix.
std::string Controller::make_name(const DeclareQueue& command) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    constexpr std::size_t characters = 22;
    constexpr std::size_t characters_a_draw = 10;  // of 6 bits
    std::string name;
    do {
        name = command.name_prefix;
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < characters; ++i, bits >>= 6) {
            if (i % characters_a_draw == 0) bits = host_.random();
            name.push_back(alphabet[bits % alphabet.size()]);
        }
    } while (catalog_.queue(command.vhost, name) != nullptr);
    return name;
}

/// Near the traffic that is expected; the counter holds the boot, so that no id is ever used twice.
QueueId Controller::make_queue_id(const DeclareQueue& command) {
    const std::uint16_t shard = command.near.value < options_.shard_count
                                    ? command.near.value
                                    : static_cast<std::uint16_t>(TextHash{}(command.name) % options_.shard_count);
    return make_queue_id(shard);
}

QueueId Controller::make_queue_id(std::uint16_t shard) {
    QueueId id;
    do {
        if (++queue_sequence_ >> sequence_bits != 0) {  // as if started anew
            publish(Booted{catalog_.boot() + 1}, true);
            queue_sequence_ = 1;
        }
        const std::uint64_t boot = catalog_.boot() & boot_mask;
        id = make_id<QueueId>(shard, (boot << sequence_bits) | queue_sequence_);
    } while (catalog_.queue(id) != nullptr);
    return id;
}

/// Spread over the shards: one that remembers something costs its own one work.
ExchangeId Controller::make_exchange_id() const {
    const std::uint64_t counter = catalog_.exchange_counter_max() + 1;
    return make_id<ExchangeId>(static_cast<std::uint16_t>(counter % options_.shard_count), counter);
}

/// Deleting what is not there is fine, and removes nothing.
Controller::Step Controller::on(Operation& operation, DeleteQueue& command) {
    const QueueDefinition* queue = catalog_.queue(command.vhost, command.name);
    operation.durable = queue == nullptr || broker::is_persistent(*queue);
    if (queue == nullptr) return Step::decided;
    operation.reply.outcome = check_owner(*queue, operation.origin.connection, vhost_name(command.vhost));
    if (!operation.reply.outcome) return Step::decided;
    if (queue->topic != TopicId()) {
        operation.reply.outcome =
            fail(ErrorCode::precondition_failed, in_words("queue", command.name, vhost_name(command.vhost)) +
                                                     " is a partition of a topic: delete that");
        return Step::decided;
    }
    ask(operation, *queue, CloseQueue{queue->id, command.if_unused, command.if_empty});
    return Step::inspects;
}

Result<void> Controller::delete_closed(Operation& operation, const DeleteQueue& command, const QueueCounts& counts) {
    if (catalog_.queue(operation.inspected) == nullptr) return {};  // somebody was faster
    const auto words = [&] { return in_words("queue", command.name, vhost_name(command.vhost)); };
    if (command.if_unused && counts.consumers > 0) return fail(ErrorCode::precondition_failed, words() + " in use");
    if (command.if_empty && counts.ready > 0) return fail(ErrorCode::precondition_failed, words() + " is not empty");
    operation.reply.messages = counts.ready;
    remove_queue(operation.inspected);
    return {};
}

void Controller::remove_queue(QueueId id) {
    const QueueDefinition* queue = catalog_.queue(id);
    if (queue == nullptr) return;
    const bool durable = broker::is_persistent(*queue);
    if (queue->exclusive_owner) {
        const auto owner = clients_.find(*queue->exclusive_owner);
        if (owner != clients_.end()) std::erase(owner->second.exclusive, id);
    }
    std::vector<ExchangeId> sources;
    catalog_.for_each_binding_to(*queue, [&](const BindingDefinition& binding) {
        sources.push_back(catalog_.exchange(binding.vhost, binding.source)->id);
    });
    publish(QueueRemoved{id}, durable);
    remove_if_unbound(sources);
}

// --------------------------------------------------------------------------------------------------------- exchanges

Result<void> Controller::on(Operation& operation, DeclareExchange& command) {
    ExchangeDefinition& wanted = command.definition;
    if (wanted.name.empty()) return default_exchange_refused();
    FANTAIL_CHECK(check_name("an exchange", wanted.name));
    if (const ExchangeDefinition* current = catalog_.exchange(wanted.vhost, wanted.name)) {
        operation.durable = current->durable;
        return check_equivalent(wanted, *current, vhost_name(wanted.vhost));
    }
    if (catalog_.vhost(wanted.vhost) == nullptr) return fail(ErrorCode::not_found, "the vhost does not exist any more");
    wanted.id = make_exchange_id();
    wanted.declared_alternate = wanted.alternate;
    policies(wanted.vhost).lay_over(wanted);
    operation.durable = wanted.durable;
    publish(ExchangePut{std::move(wanted)}, operation.durable);
    return {};
}

Result<void> Controller::on(Operation& operation, DeleteExchange& command) {
    if (command.name.empty()) return default_exchange_refused();
    const ExchangeDefinition* exchange = catalog_.exchange(command.vhost, command.name);
    operation.durable = exchange == nullptr || exchange->durable;
    if (exchange == nullptr) return {};
    if (command.if_unused && catalog_.binding_count(*exchange) > 0)
        return fail(ErrorCode::precondition_failed,
                    in_words("exchange", command.name, vhost_name(command.vhost)) + " in use");
    remove_exchange(exchange->id);
    return {};
}

void Controller::remove_exchange(ExchangeId id) {
    const ExchangeDefinition* found = catalog_.exchange(id);
    if (found == nullptr) return;
    std::vector<ExchangeId> sources;
    catalog_.for_each_binding_to(*found, [&](const BindingDefinition& binding) {
        sources.push_back(catalog_.exchange(binding.vhost, binding.source)->id);
    });
    publish(ExchangeRemoved{id}, found->durable);
    remove_if_unbound(sources);
}

/// Auto-delete exchanges go with the last binding that starts at them. Recursion ends: each step removes an exchange.
void Controller::remove_if_unbound(const std::vector<ExchangeId>& sources) {
    for (const ExchangeId id : sources) {
        const ExchangeDefinition* source = catalog_.exchange(id);
        if (source != nullptr && source->auto_delete && catalog_.binding_count(*source) == 0) remove_exchange(id);
    }
}

// ---------------------------------------------------------------------------------------------------------- bindings

bool Controller::is_persistent(const BindingDefinition& binding) const {
    if (!catalog_.exchange(binding.vhost, binding.source)->durable) return false;
    if (binding.to_exchange) return catalog_.exchange(binding.vhost, binding.destination)->durable;
    return broker::is_persistent(*catalog_.queue(binding.vhost, binding.destination));
}

Result<void> Controller::on(Operation& operation, Bind& command) {
    const BindingDefinition& binding = command.binding;
    if (binding.source.empty() || (binding.to_exchange && binding.destination.empty()))
        return default_exchange_refused();
    const std::string vhost = vhost_name(binding.vhost);
    const ExchangeDefinition* source = catalog_.exchange(binding.vhost, binding.source);
    if (source == nullptr) return missing("exchange", binding.source, vhost);
    if (binding.to_exchange) {
        if (catalog_.exchange(binding.vhost, binding.destination) == nullptr)
            return missing("exchange", binding.destination, vhost);
    } else {
        const QueueDefinition* queue = catalog_.queue(binding.vhost, binding.destination);
        if (queue == nullptr) return missing("queue", binding.destination, vhost);
        FANTAIL_CHECK(check_owner(*queue, operation.origin.connection, vhost));
    }
    FANTAIL_CHECK(check_binding(source->type, binding));
    operation.durable = is_persistent(binding);
    if (catalog_.has_binding(binding)) return {};
    const bool has_history = source->type == ExchangeType::recent_history && !binding.to_exchange;
    publish(BindingAdded{binding}, operation.durable);
    if (has_history) operation.recall = recall_for(binding);
    return {};
}

/// What came before the binding, as core 0's catalog counts, and the others with it.
Recall Controller::recall_for(const BindingDefinition& binding) const {
    const QueueDefinition& queue = *catalog_.queue(binding.vhost, binding.destination);
    return {.exchange = catalog_.exchange(binding.vhost, binding.source)->id,
            .queue = queue.id,
            .highest_level = queue.highest_level(),
            .until = catalog_.version()};
}

/// Unbinding what is not bound is fine.
Result<void> Controller::on(Operation& operation, Unbind& command) {
    const BindingDefinition& binding = command.binding;
    if (binding.source.empty() || (binding.to_exchange && binding.destination.empty()))
        return default_exchange_refused();
    if (!catalog_.has_binding(binding)) {
        operation.durable = true;
        return {};
    }
    if (!binding.to_exchange) {
        const QueueDefinition* queue = catalog_.queue(binding.vhost, binding.destination);
        FANTAIL_CHECK(check_owner(*queue, operation.origin.connection, vhost_name(binding.vhost)));
    }
    operation.durable = is_persistent(binding);
    const ExchangeId source = catalog_.exchange(binding.vhost, binding.source)->id;
    publish(BindingRemoved{binding}, operation.durable);
    remove_if_unbound({source});
    return {};
}

}  // namespace fantail::broker
