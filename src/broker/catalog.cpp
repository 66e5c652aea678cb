// SPDX-License-Identifier: Apache-2.0
//! Applies changes and keeps the links between queues, exchanges and bindings.
#include "broker/catalog.hpp"

#include <algorithm>

namespace fantail::broker {

namespace {

std::unexpected<Error> refuse(std::string what) {
    return fail(ErrorCode::corrupt, "catalog change: " + std::move(what));
}

template <class Map, class Key>
auto* find_owned(const Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : at->second.get();
}

/// As const as the map.
template <class Map, class Key>
auto* find_value(Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : &at->second;
}

std::vector<BindingNode*>& list_at(const Destination& to) {
    return to.queue != nullptr ? to.queue->bindings.nodes() : to.exchange->incoming;
}

NamePattern compile_or_none(const std::string& pattern) {
    // Checked before it came here. What cannot be compiled permits nothing, on every replica alike.
    return NamePattern::compile(pattern).value_or(NamePattern());
}

}  // namespace

BindingDefinition definition_of(const BindingNode& binding) {
    const bool to_exchange = binding.to.exchange != nullptr;
    return {binding.source->definition.vhost,
            binding.source->definition.name,
            to_exchange ? name_of(*binding.to.exchange) : name_of(*binding.to.queue),
            to_exchange,
            binding.routing_key,
            binding.arguments};
}

VhostNode* Catalog::vhost_node(VhostId id) const { return find_owned(vhosts_, id); }
QueueNode* Catalog::queue_node(QueueId id) { return find_value(queues_, id); }
const QueueNode* Catalog::queue_node(QueueId id) const { return find_value(queues_, id); }
ExchangeNode* Catalog::exchange_node(ExchangeId id) const { return find_owned(exchanges_, id); }

Result<CatalogEffect> Catalog::apply(const CatalogChange& change) {
    auto applied = std::visit([this](const auto& each) { return on(each); }, change);
    if (applied) ++version_;
    return applied;
}

Result<CatalogEffect> Catalog::apply(ByteView bytes) {
    FANTAIL_TRY(auto change, decode_change(bytes));
    if (auto* put = std::get_if<QueuePut>(&change)) put->queue = share(*put->queue);
    return apply(change);
}

Catalog::Applied Catalog::on(const Booted& change) {
    boot_ = change.boot;
    return CatalogEffect{};
}

// ------------------------------------------------------------------------------------------------------------ vhosts

Catalog::Applied Catalog::on(const VhostPut& change) {
    const VhostDefinition& put = change.vhost;
    VhostNode* node = vhost_node(put.id);
    const auto* named = find_in(vhosts_by_name_, put.name);
    if (named != nullptr && *named != node) return refuse("vhost '" + put.name + "' has another id");
    if (node != nullptr && node->definition.name != put.name)
        return refuse("vhost '" + put.name + "' had another name");
    if (node == nullptr) {
        auto& made = vhosts_[put.id] = std::make_unique<VhostNode>();
        node = vhosts_by_name_[put.name] = made.get();
    }
    vhost_id_max_ = std::max(vhost_id_max_, put.id);
    node->definition = put;
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const VhostRemoved& change) {
    VhostNode* node = vhost_node(change.vhost);
    if (node == nullptr) return CatalogEffect{};
    const std::vector<ExchangeNode*> exchanges(node->exchanges.begin(), node->exchanges.end());
    for (ExchangeNode* each : exchanges) remove_exchange(*each);
    while (!node->topics.empty()) remove_topic(*TopicDefinitionRef(node->topics.begin()->second));
    const std::vector<QueueNode*> queues(node->queues.begin(), node->queues.end());
    for (QueueNode* each : queues) remove_queue(*each);
    for (auto& [name, user] : users_) {
        user.permissions.erase(change.vhost);
        user.topic_permissions.erase(change.vhost);
    }
    vhosts_by_name_.erase(node->definition.name);
    vhosts_.erase(change.vhost);
    return CatalogEffect{};
}

// --------------------------------------------------------------------------------------------------------- exchanges

Catalog::Applied Catalog::on(const ExchangePut& change) {
    const ExchangeDefinition& put = change.exchange;
    VhostNode* vhost = vhost_node(put.vhost);
    if (vhost == nullptr) return refuse("exchange '" + put.name + "' in no vhost");
    ExchangeNode* node = exchange_node(put.id);
    if (find_node(vhost->exchanges, put.name) != node)
        return refuse("exchange '" + put.name + "' has another id or name");
    if (node != nullptr) {
        const ExchangeDefinition& old = node->definition;
        if (old.type != put.type || old.hash_header != put.hash_header || old.hash_property != put.hash_property)
            return refuse("exchange '" + put.name + "' cannot change its type");
        node->definition = put;
        return CatalogEffect{CatalogEffect::Kind::exchange_put, {}, put.id};
    }
    auto made = std::make_unique<ExchangeNode>();
    made->vhost = vhost;
    made->table = make_binding_table(put);
    made->definition = put;
    vhost->exchanges.insert(made.get());
    const ExchangeId id = made->definition.id;
    exchange_counter_max_ = std::max(exchange_counter_max_, counter_of(id));
    exchanges_[id] = std::move(made);
    return CatalogEffect{CatalogEffect::Kind::exchange_put, {}, id};
}

Catalog::Applied Catalog::on(const ExchangeRemoved& change) {
    ExchangeNode* node = exchange_node(change.exchange);
    if (node == nullptr) return CatalogEffect{};
    remove_exchange(*node);
    return CatalogEffect{CatalogEffect::Kind::exchange_removed, {}, change.exchange};
}

void Catalog::remove_exchange(ExchangeNode& exchange) {
    while (!exchange.incoming.empty()) remove_binding(*exchange.incoming.back());
    while (!exchange.bindings.empty()) remove_binding(**exchange.bindings.begin());
    exchange.vhost->exchanges.erase(&exchange);
    exchanges_.erase(exchange.definition.id);
}

// ------------------------------------------------------------------------------------------------------------ queues

Catalog::Applied Catalog::on(const QueuePut& change) {
    const QueueDefinition& put = *change.queue;
    VhostNode* vhost = vhost_node(put.vhost);
    if (vhost == nullptr) return refuse("queue '" + put.name + "' in no vhost");
    QueueNode* node = queue_node(put.id);
    if (find_node(vhost->queues, put.name) != node) return refuse("queue '" + put.name + "' has another id or name");
    if (node == nullptr) {
        QueueNode& made = queues_[put.id];
        made.definition = change.queue;
        vhost->queues.insert(&made);
    } else {
        node->definition = change.queue;  // of the same name, so its place among the names stays right
    }
    return CatalogEffect{CatalogEffect::Kind::queue_put, put.id};
}

Catalog::Applied Catalog::on(const QueueRemoved& change) {
    QueueNode* node = queue_node(change.queue);
    if (node == nullptr) return CatalogEffect{};
    remove_queue(*node);
    return CatalogEffect{CatalogEffect::Kind::queue_removed, change.queue};
}

void Catalog::remove_queue(QueueNode& queue) {
    while (!queue.bindings.all().empty()) remove_binding(*queue.bindings.all().back());
    const QueueDefinitionRef gone = queue.definition;
    vhost_node(gone->vhost)->queues.erase(&queue);
    queues_.erase(gone->id);
}

QueueDefinitionRef Catalog::share(QueueDefinition definition) const {
    share_options(definition.declared);
    share_options(definition.options);
    return std::make_shared<const QueueDefinition>(std::move(definition));
}

/// Queues with equal options share them. Options that nobody has any more are swept when the table has doubled.
void Catalog::share_options(OptionsRef& options) const {
    if (options.is_default()) return;
    Bytes encoded;
    encode_options(*options, encoded);
    const auto [at, added] = options_.try_emplace(std::string(as_text(encoded)), options);
    options = at->second;
    constexpr std::size_t few = 64;
    if (!added || options_.size() < 2 * options_swept_ + few) return;
    std::erase_if(options_, [](const auto& each) { return each.second.holders() == 1; });
    options_swept_ = options_.size();
}

// ---------------------------------------------------------------------------------------------------------- bindings

Catalog::Ends Catalog::ends_of(const BindingDefinition& binding) const {
    const VhostNode* vhost = vhost_node(binding.vhost);
    if (vhost == nullptr) return {};
    Ends ends{find_node(vhost->exchanges, binding.source), {}};
    if (binding.to_exchange) ends.to.exchange = find_node(vhost->exchanges, binding.destination);
    else ends.to.queue = find_node(vhost->queues, binding.destination);
    return ends;
}

Catalog::Applied Catalog::on(const BindingAdded& change) {
    const BindingDefinition& added = change.binding;
    const Ends ends = ends_of(added);
    if (!ends.complete())
        return refuse("binding from '" + added.source + "' to '" + added.destination + "' lacks an end");
    if (ends.source->bindings.contains(BindingKey{ends.to, added.routing_key, added.arguments})) return CatalogEffect{};
    ends.source->table->add(added, ends.to);
    auto& list = list_at(ends.to);
    auto node = std::make_unique<BindingNode>(
        BindingNode{ends.source, ends.to, added.routing_key, added.arguments, static_cast<std::uint32_t>(list.size())});
    list.push_back(node.get());
    ends.source->bindings.insert(std::move(node));
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const BindingRemoved& change) {
    const Ends ends = ends_of(change.binding);
    if (!ends.complete()) return CatalogEffect{};
    const auto at =
        ends.source->bindings.find(BindingKey{ends.to, change.binding.routing_key, change.binding.arguments});
    if (at != ends.source->bindings.end()) remove_binding(**at);
    return CatalogEffect{};
}

void Catalog::remove_binding(BindingNode& binding) {
    ExchangeNode& source = *binding.source;
    source.table->remove(definition_of(binding), binding.to);
    auto& list = list_at(binding.to);
    list.back()->place = binding.place;
    list[binding.place] = list.back();
    list.pop_back();
    source.bindings.erase(source.bindings.find(BindingHash::key_of(binding)));
}

bool Catalog::has_binding(const BindingDefinition& binding) const {
    const Ends ends = ends_of(binding);
    return ends.complete() &&
           ends.source->bindings.contains(BindingKey{ends.to, binding.routing_key, binding.arguments});
}

// ----------------------------------------------------------------------------------------------- users and permissions

Catalog::Applied Catalog::on(const UserPut& change) {
    users_[change.user.name].definition = change.user;
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const UserRemoved& change) {
    users_.erase(change.name);
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const PermissionPut& change) {
    const PermissionDefinition& put = change.permission;
    const auto user = users_.find(put.user);
    if (user == users_.end() || vhost_node(put.vhost) == nullptr)
        return refuse("permission of '" + put.user + "' lacks user or vhost");
    PermissionNode node{put, {}, {}, {}};
    node.configure = compile_or_none(node.definition.configure);
    node.write = compile_or_none(node.definition.write);
    node.read = compile_or_none(node.definition.read);
    const VhostId vhost = node.definition.vhost;
    user->second.permissions.insert_or_assign(vhost, std::move(node));
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const PermissionRemoved& change) {
    const auto user = users_.find(change.user);
    if (user != users_.end()) user->second.permissions.erase(change.vhost);
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const TopicPermissionPut& change) {
    const TopicPermissionDefinition& put = change.permission;
    const auto user = users_.find(put.user);
    const VhostNode* vhost = vhost_node(put.vhost);
    if (user == users_.end() || vhost == nullptr)
        return refuse("topic permission of '" + put.user + "' lacks user or vhost");
    TopicPermissionNode node{put, {}, {}};
    node.write = compile_or_none(fill_in_names(put.write, put.user, vhost->definition.name));
    node.read = compile_or_none(fill_in_names(put.read, put.user, vhost->definition.name));
    user->second.topic_permissions[put.vhost].insert_or_assign(put.exchange, std::move(node));
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const TopicPermissionRemoved& change) {
    const auto user = users_.find(change.user);
    if (user == users_.end()) return CatalogEffect{};
    auto& of_user = user->second.topic_permissions;
    const auto at = of_user.find(change.vhost);
    if (at == of_user.end()) return CatalogEffect{};
    at->second.erase(change.exchange);
    if (at->second.empty()) of_user.erase(at);
    return CatalogEffect{};
}

// ---------------------------------------------------------------------------------------------------------- policies

Catalog::Applied Catalog::on(const PolicyPut& change) {
    const PolicyDefinition& put = change.policy;
    VhostNode* vhost = vhost_node(put.vhost);
    if (vhost == nullptr) return refuse("policy '" + put.name + "' in no vhost");
    const auto at = std::ranges::find_if(vhost->policies, [&](const PolicyDefinition& each) {
        return each.name == put.name && each.is_operator == put.is_operator;
    });
    if (at == vhost->policies.end()) vhost->policies.push_back(put);
    else *at = put;
    return CatalogEffect{};
}

Catalog::Applied Catalog::on(const PolicyRemoved& change) {
    VhostNode* vhost = vhost_node(change.vhost);
    if (vhost == nullptr) return CatalogEffect{};
    std::erase_if(vhost->policies, [&](const PolicyDefinition& each) {
        return each.name == change.name && each.is_operator == change.is_operator;
    });
    return CatalogEffect{};
}

}  // namespace fantail::broker
