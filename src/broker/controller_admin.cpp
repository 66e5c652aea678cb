// SPDX-License-Identifier: Apache-2.0
//! The first start, connections and their limits, vhosts, users, permissions, policies.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/controller.hpp"

namespace fantail::broker {

namespace {

/// Takes one from a count and forgets it at zero.
template <class Map, class Key>
void count_down(Map& counts, const Key& key) {
    const auto at = counts.find(key);
    if (at != counts.end() && --at->second == 0) counts.erase(at);
}

template <class Map, class Key>
std::uint32_t count_of(const Map& counts, const Key& key) {
    const auto at = counts.find(key);
    return at == counts.end() ? 0 : at->second;
}

VhostDefinition named(const std::string& name) {
    VhostDefinition vhost;
    vhost.name = name;
    return vhost;
}

std::unexpected<Error> missing(const std::string& what, const std::string& name) {
    return fail(ErrorCode::not_found, "no " + what + " '" + name + "'");
}

}  // namespace

// ------------------------------------------------------------------------------------------------------- first start

/// Booted comes last: a first start that was cut off while it was logged is a first start again.
void Controller::bootstrap() {
    if (catalog_.boot() == 0) {
        if (catalog_.vhost(options_.default_vhost) == nullptr) make_vhost(named(options_.default_vhost));
        make_default_users();
    }
    for (const VhostDefinition* vhost : catalog_.vhosts()) {
        make_predeclared(vhost->id);
        apply_policies(vhost->id);  // finds nothing to do, unless the change of a policy was cut off
    }
    publish(Booted{catalog_.boot() + 1}, true);
}

void Controller::make_default_users() {
    const VhostId vhost = catalog_.vhost(options_.default_vhost)->id;
    for (const UserDefinition& user : options_.default_users) {
        publish(UserPut{user}, true);
        publish(PermissionPut{{user.name, vhost, ".*", ".*", ".*"}}, true);
    }
}

void Controller::make_vhost(VhostDefinition definition) {
    definition.id = catalog_.vhost_id_max().plus(1);
    const VhostId id = definition.id;
    publish(VhostPut{std::move(definition)}, true);
    make_predeclared(id);
}

void Controller::make_predeclared(VhostId vhost) {
    auto make = [&](ExchangeDefinition exchange) {
        if (catalog_.exchange(vhost, exchange.name) != nullptr) return;
        exchange.id = make_exchange_id();
        exchange.vhost = vhost;
        exchange.durable = true;
        exchange.declared_alternate = exchange.alternate;
        policies(vhost).lay_over(exchange);
        publish(ExchangePut{std::move(exchange)}, true);
    };
    ExchangeDefinition default_exchange;
    default_exchange.type_name = "direct";
    make(std::move(default_exchange));
    for (const ExchangeDefinition& each : options_.predeclared) make(each);
}

// ------------------------------------------------------------------------------------------------------- connections

std::size_t Controller::connection_count(VhostId vhost) const { return count_of(vhost_connections_, vhost); }

Result<void> Controller::on(Operation& operation, ConnectionOpened& command) {
    Client& client = clients_.at(operation.origin.connection);
    withdraw(client);
    const VhostDefinition* vhost = catalog_.vhost(command.vhost);
    if (vhost == nullptr) return fail(ErrorCode::not_found, "the vhost does not exist any more");
    if (vhost->connections_max && connection_count(vhost->id) >= *vhost->connections_max)
        return fail(ErrorCode::not_allowed, "access to vhost '" + vhost->name + "' refused for user '" + command.user +
                                                "': connection limit (" + std::to_string(*vhost->connections_max) +
                                                ") is reached");
    const UserDefinition* user = catalog_.user(command.user);
    if (user != nullptr && user->connections_max && count_of(user_connections_, command.user) >= *user->connections_max)
        return fail(ErrorCode::not_allowed, "connection refused for user '" + command.user +
                                                "': user connection limit (" + std::to_string(*user->connections_max) +
                                                ") is reached");
    ++vhost_connections_[command.vhost];
    ++user_connections_[command.user];
    ++connection_count_;
    client.announced = Announced{std::move(command.user), command.vhost};
    return {};
}

void Controller::withdraw(Client& client) {
    if (!client.announced) return;
    count_down(vhost_connections_, client.announced->vhost);
    count_down(user_connections_, client.announced->user);
    --connection_count_;
    client.announced.reset();
}

Result<void> Controller::on(Operation& operation, ConnectionClosed&) {
    Client& client = clients_.at(operation.origin.connection);
    withdraw(client);
    const std::vector<QueueId> exclusive = std::move(client.exclusive);
    client.exclusive.clear();
    for (const QueueId queue : exclusive) remove_queue(queue);
    return {};
}

void Controller::request_close(const std::string& reason, const std::optional<std::string>& user,
                               const std::optional<VhostId>& vhost) {
    for (const auto& [connection, client] : clients_) {
        if (!client.announced || (user && client.announced->user != *user) ||
            (vhost && client.announced->vhost != *vhost))
            continue;
        host_.emit(connection, CloseRequested{reason});
    }
}

// ------------------------------------------------------------------------------------------------------------ vhosts

Result<void> Controller::on(Operation& operation, PutVhost& command) {
    VhostDefinition& put = command.definition;
    if (put.name.empty() || put.name.size() > limits::name_size_max)
        return fail(ErrorCode::malformed,
                    "the name of a vhost has 1 to " + std::to_string(limits::name_size_max) + " bytes");
    operation.durable = true;
    if (const VhostDefinition* current = catalog_.vhost(put.name)) {
        put.id = current->id;
        publish(VhostPut{std::move(put)}, true);
    } else {
        make_vhost(std::move(put));
    }
    return {};
}

/// One change in the log, so that a crash leaves all of it or nothing; shards hear of each queue.
Result<void> Controller::on(Operation& operation, RemoveVhost& command) {
    const VhostDefinition* vhost = catalog_.vhost(command.name);
    if (vhost == nullptr) return missing("vhost", command.name);
    operation.durable = true;
    const VhostId id = vhost->id;
    request_close("vhost '" + command.name + "' is deleted", std::nullopt, id);
    std::vector<TopicId> topics;
    catalog_.for_each_topic(id, [&](const TopicDefinition& topic) { topics.push_back(topic.id); });
    for (const TopicId topic : topics) publish(TopicRemoved{topic}, false);
    std::vector<QueueId> queues;
    catalog_.for_each_queue(id, [&](const QueueDefinition& queue) { queues.push_back(queue.id); });
    for (const QueueId queue : queues) publish(QueueRemoved{queue}, false);
    std::vector<ExchangeId> remembering;
    catalog_.for_each_exchange(id, [&](const ExchangeDefinition& exchange) {
        if (exchange.deduplication_window_ms > 0) remembering.push_back(exchange.id);
    });
    for (const ExchangeId exchange : remembering) publish(ExchangeRemoved{exchange}, false);
    for (auto& [connection, client] : clients_)
        std::erase_if(client.exclusive, [&](QueueId queue) { return catalog_.queue(queue) == nullptr; });
    publish(VhostRemoved{id}, true);
    books_.erase(id);
    return {};
}

// ------------------------------------------------------------------------------------------------ users, permissions

Result<void> Controller::on(Operation& operation, PutUser& command) {
    UserDefinition& put = command.definition;
    if (put.name.empty()) return fail(ErrorCode::malformed, "a user needs a name");
    operation.durable = true;
    const UserDefinition* current = catalog_.user(put.name);
    if (command.keep_password && current != nullptr) put.password_hash = current->password_hash;
    publish(UserPut{std::move(put)}, true);
    return {};
}

Result<void> Controller::on(Operation& operation, RemoveUser& command) {
    if (catalog_.user(command.name) == nullptr) return missing("user", command.name);
    operation.durable = true;
    request_close("user '" + command.name + "' is deleted", command.name, std::nullopt);
    publish(UserRemoved{std::move(command.name)}, true);
    return {};
}

Result<void> Controller::on(Operation& operation, PutPermission& command) {
    const PermissionDefinition& put = command.definition;
    if (catalog_.user(put.user) == nullptr) return missing("user", put.user);
    if (catalog_.vhost(put.vhost) == nullptr) return fail(ErrorCode::not_found, "no such vhost");
    for (const std::string* pattern : {&put.configure, &put.write, &put.read}) {
        FANTAIL_TRY([[maybe_unused]] auto compiled, NamePattern::compile(*pattern));
    }
    operation.durable = true;
    publish(PermissionPut{put}, true);
    return {};
}

Result<void> Controller::on(Operation& operation, RemovePermission& command) {
    if (!catalog_.may_enter(command.user, command.vhost))
        return fail(ErrorCode::not_found, "user '" + command.user + "' has no permission there");
    operation.durable = true;
    publish(PermissionRemoved{std::move(command.user), command.vhost}, true);
    return {};
}

Result<void> Controller::on(Operation& operation, PutTopicPermission& command) {
    const TopicPermissionDefinition& put = command.definition;
    if (catalog_.user(put.user) == nullptr) return missing("user", put.user);
    const VhostDefinition* vhost = catalog_.vhost(put.vhost);
    if (vhost == nullptr) return fail(ErrorCode::not_found, "no such vhost");
    for (const std::string* pattern : {&put.write, &put.read}) {
        FANTAIL_TRY([[maybe_unused]] auto compiled,
                    NamePattern::compile(fill_in_names(*pattern, put.user, vhost->name)));
    }
    operation.durable = true;
    publish(TopicPermissionPut{put}, true);
    return {};
}

Result<void> Controller::on(Operation& operation, RemoveTopicPermission& command) {
    if (catalog_.topic_permission(command.user, command.vhost, command.exchange) == nullptr)
        return fail(ErrorCode::not_found, "user '" + command.user + "' has no topic permission for that exchange");
    operation.durable = true;
    publish(TopicPermissionRemoved{std::move(command.user), command.vhost, std::move(command.exchange)}, true);
    return {};
}

// ---------------------------------------------------------------------------------------------------------- policies

Result<void> Controller::on(Operation& operation, PutPolicy& command) {
    PolicyDefinition& put = command.definition;
    if (catalog_.vhost(put.vhost) == nullptr) return fail(ErrorCode::not_found, "no such vhost");
    FANTAIL_CHECK(check_policy(put));
    operation.durable = true;
    const VhostId vhost = put.vhost;
    publish(PolicyPut{std::move(put)}, true);
    apply_policies(vhost);
    return {};
}

Result<void> Controller::on(Operation& operation, RemovePolicy& command) {
    const auto policies = catalog_.policies(command.vhost);
    const bool exists = std::ranges::any_of(policies, [&](const PolicyDefinition& each) {
        return each.name == command.name && each.is_operator == command.is_operator;
    });
    if (!exists) return missing(command.is_operator ? "operator policy" : "policy", command.name);
    operation.durable = true;
    publish(PolicyRemoved{command.vhost, std::move(command.name), command.is_operator}, true);
    apply_policies(command.vhost);
    return {};
}

/// Puts every queue and exchange of the vhost again for which something else is in force now.
void Controller::apply_policies(VhostId vhost) {
    books_.erase(vhost);
    const PolicyBook& book = policies(vhost);
    std::vector<QueueDefinition> queues;
    catalog_.for_each_queue(vhost, [&](const QueueDefinition& each) {
        if (each.topic != TopicId()) return;  // topics have settings of their own
        QueueDefinition now = each;
        book.lay_over(now);
        if (now.options == each.options && now.policy == each.policy && now.operator_policy == each.operator_policy)
            return;
        queues.push_back(std::move(now));
    });
    std::vector<ExchangeDefinition> exchanges;
    catalog_.for_each_exchange(vhost, [&](const ExchangeDefinition& each) {
        ExchangeDefinition now = each;
        book.lay_over(now);
        if (now.alternate != each.alternate || now.policy != each.policy) exchanges.push_back(std::move(now));
    });
    for (QueueDefinition& each : queues) {
        const bool durable = broker::is_persistent(each);
        publish(QueuePut{catalog_.share(std::move(each))}, durable);
    }
    for (ExchangeDefinition& each : exchanges) {
        const bool durable = each.durable;
        publish(ExchangePut{std::move(each)}, durable);
    }
}

}  // namespace fantail::broker
