// SPDX-License-Identifier: Apache-2.0
//! What the catalog knows: look-ups, lists, permissions and the snapshot.
#include "broker/catalog.hpp"

namespace fantail::broker {

const VhostDefinition* Catalog::vhost(std::string_view name) const {
    const auto* node = find_in(vhosts_by_name_, name);
    return node == nullptr ? nullptr : &(*node)->definition;
}

const VhostDefinition* Catalog::vhost(VhostId id) const {
    const VhostNode* node = vhost_node(id);
    return node == nullptr ? nullptr : &node->definition;
}

const UserDefinition* Catalog::user(std::string_view name) const {
    const UserNode* node = find_in(users_, name);
    return node == nullptr ? nullptr : &node->definition;
}

const ExchangeDefinition* Catalog::exchange(VhostId vhost, std::string_view name) const {
    const VhostNode* at = vhost_node(vhost);
    const ExchangeNode* node = at == nullptr ? nullptr : find_node(at->exchanges, name);
    return node == nullptr ? nullptr : &node->definition;
}

const ExchangeDefinition* Catalog::exchange(ExchangeId id) const {
    const ExchangeNode* node = exchange_node(id);
    return node == nullptr ? nullptr : &node->definition;
}

const QueueDefinition* Catalog::queue(VhostId vhost, std::string_view name) const {
    const VhostNode* at = vhost_node(vhost);
    const QueueNode* node = at == nullptr ? nullptr : find_node(at->queues, name);
    return node == nullptr ? nullptr : node->definition.get();
}

const QueueDefinition* Catalog::queue(QueueId id) const {
    const QueueNode* node = queue_node(id);
    return node == nullptr ? nullptr : node->definition.get();
}

// ------------------------------------------------------------------------------------------------------- permissions

bool Catalog::permits(std::string_view user, VhostId vhost, Operation operation, std::string_view resource) const {
    const UserNode* node = find_in(users_, user);
    if (node == nullptr) return false;
    const auto at = node->permissions.find(vhost);
    if (at == node->permissions.end()) return false;
    switch (operation) {
        case Operation::configure: return at->second.configure.matches(resource);
        case Operation::write: return at->second.write.matches(resource);
        case Operation::read: return at->second.read.matches(resource);
    }
    return false;
}

const TopicPermissionNode* Catalog::topic_node(std::string_view user, VhostId vhost, std::string_view exchange) const {
    const UserNode* node = find_in(users_, user);
    if (node == nullptr) return nullptr;
    const auto at = node->topic_permissions.find(vhost);
    return at == node->topic_permissions.end() ? nullptr : find_in(at->second, exchange);
}

const TopicPermissionDefinition* Catalog::topic_permission(std::string_view user, VhostId vhost,
                                                           std::string_view exchange) const {
    const TopicPermissionNode* node = topic_node(user, vhost, exchange);
    return node == nullptr ? nullptr : &node->definition;
}

bool Catalog::permits_topic(std::string_view user, VhostId vhost, Operation operation, std::string_view exchange,
                            std::string_view key) const {
    const TopicPermissionNode* node = topic_node(user, vhost, exchange);
    if (node == nullptr) return true;
    return operation == Operation::write ? node->write.matches(key) : node->read.matches(key);
}

bool Catalog::may_enter(std::string_view user, VhostId vhost) const {
    const UserNode* node = find_in(users_, user);
    return node != nullptr && node->permissions.contains(vhost);
}

// ------------------------------------------------------------------------------------------------------------- lists

void Catalog::for_each_queue(const std::function<void(const QueueDefinition&)>& fn) const {
    for (const auto& [id, node] : queues_) fn(*node.definition);
}

BucketWalk::Progress Catalog::some_queues(BucketWalk& walk, std::size_t count,
                                          const std::function<void(const QueueDefinitionRef&)>& fn) const {
    return walk.next(queues_, count, [&](const auto& each) { fn(each.second.definition); });
}

BucketWalk::Progress Catalog::some_exchanges(BucketWalk& walk, std::size_t count,
                                             const std::function<void(const ExchangeDefinition&)>& fn) const {
    return walk.next(exchanges_, count, [&](const auto& each) { fn(each.second->definition); });
}

BucketWalk::Progress Catalog::some_queue_bindings(BucketWalk& walk, std::size_t count,
                                                  const std::function<void(const BindingDefinition&)>& fn) const {
    return walk.next(queues_, count, [&](const auto& each) {
        for (const BindingNode* binding : each.second.bindings.all()) fn(definition_of(*binding));
    });
}

BucketWalk::Progress Catalog::some_exchange_bindings(BucketWalk& walk, std::size_t count,
                                                     const std::function<void(const BindingDefinition&)>& fn) const {
    return walk.next(exchanges_, count, [&](const auto& each) {
        for (const BindingNode* binding : each.second->incoming) fn(definition_of(*binding));
    });
}

void Catalog::for_each_queue(VhostId vhost, const std::function<void(const QueueDefinition&)>& fn) const {
    if (const VhostNode* at = vhost_node(vhost))
        for (const QueueNode* node : at->queues) fn(*node->definition);
}

void Catalog::for_each_exchange(const std::function<void(const ExchangeDefinition&)>& fn) const {
    for (const auto& [id, node] : exchanges_) fn(node->definition);
}

void Catalog::for_each_exchange(VhostId vhost, const std::function<void(const ExchangeDefinition&)>& fn) const {
    if (const VhostNode* at = vhost_node(vhost))
        for (const ExchangeNode* node : at->exchanges) fn(node->definition);
}

void Catalog::for_each_binding(const std::function<void(const BindingDefinition&)>& fn) const {
    for (const auto& [id, node] : exchanges_)
        for (const auto& binding : node->bindings) fn(definition_of(*binding));
}

void Catalog::for_each_binding_from(const ExchangeDefinition& exchange,
                                    const std::function<void(const BindingDefinition&)>& fn) const {
    if (const ExchangeNode* node = exchange_node(exchange.id))
        for (const auto& binding : node->bindings) fn(definition_of(*binding));
}

void Catalog::for_each_binding_to(const QueueDefinition& queue,
                                  const std::function<void(const BindingDefinition&)>& fn) const {
    if (const QueueNode* node = queue_node(queue.id))
        for (const BindingNode* binding : node->bindings.all()) fn(definition_of(*binding));
}

void Catalog::for_each_binding_to(const ExchangeDefinition& exchange,
                                  const std::function<void(const BindingDefinition&)>& fn) const {
    if (const ExchangeNode* node = exchange_node(exchange.id))
        for (const BindingNode* binding : node->incoming) fn(definition_of(*binding));
}

std::vector<const VhostDefinition*> Catalog::vhosts() const {
    std::vector<const VhostDefinition*> all;
    for (const auto& [id, node] : vhosts_) all.push_back(&node->definition);
    return all;
}

std::vector<const UserDefinition*> Catalog::users() const {
    std::vector<const UserDefinition*> all;
    for (const auto& [name, node] : users_) all.push_back(&node.definition);
    return all;
}

std::vector<const PermissionDefinition*> Catalog::permissions() const {
    std::vector<const PermissionDefinition*> all;
    for (const auto& [name, user] : users_)
        for (const auto& [vhost, permission] : user.permissions) all.push_back(&permission.definition);
    return all;
}

std::vector<const TopicPermissionDefinition*> Catalog::topic_permissions() const {
    std::vector<const TopicPermissionDefinition*> all;
    for (const auto& [name, user] : users_)
        for (const auto& [vhost, exchanges] : user.topic_permissions)
            for (const auto& [exchange, node] : exchanges) all.push_back(&node.definition);
    return all;
}

std::vector<const PolicyDefinition*> Catalog::policies() const {
    std::vector<const PolicyDefinition*> all;
    for (const auto& [id, node] : vhosts_)
        for (const PolicyDefinition& policy : node->policies) all.push_back(&policy);
    return all;
}

std::span<const PolicyDefinition> Catalog::policies(VhostId vhost) const {
    const VhostNode* node = vhost_node(vhost);
    return node == nullptr ? std::span<const PolicyDefinition>() : node->policies;
}

std::size_t Catalog::binding_count(const ExchangeDefinition& exchange) const {
    const ExchangeNode* node = exchange_node(exchange.id);
    return node == nullptr ? 0 : node->bindings.size();
}

std::size_t Catalog::queue_count(VhostId vhost) const {
    const VhostNode* node = vhost_node(vhost);
    return node == nullptr ? 0 : node->queues.size();
}

// ---------------------------------------------------------------------------------------------------------- snapshot

namespace {

/// Appends changes, each behind its length.
class SnapshotWriter {
public:
    void add(const CatalogChange& change) {
        encoded_.clear();
        encode_change(change, encoded_);
        Writer writer(out_);
        writer.uvarint(encoded_.size());
        writer.raw(encoded_);
    }
    [[nodiscard]] Bytes take() { return std::move(out_); }

private:
    Bytes encoded_;
    Bytes out_;
};

bool outlives_the_process(const BindingNode& binding) {
    if (!binding.source->definition.durable) return false;
    return binding.to.queue != nullptr ? is_persistent(*binding.to.queue->definition)
                                       : binding.to.exchange->definition.durable;
}

}  // namespace

void Catalog::for_each_change(bool only_lasting, const std::function<void(const CatalogChange&)>& fn) const {
    fn(Booted{boot_});
    for (const auto& [id, node] : vhosts_) fn(VhostPut{node->definition});
    for (const auto& [name, node] : users_) fn(UserPut{node.definition});
    for (const PermissionDefinition* each : permissions()) fn(PermissionPut{*each});
    for (const TopicPermissionDefinition* each : topic_permissions()) fn(TopicPermissionPut{*each});
    for (const PolicyDefinition* each : policies()) fn(PolicyPut{*each});
    for (const auto& [id, node] : exchanges_)
        if (!only_lasting || node->definition.durable) fn(ExchangePut{node->definition});
    for (const auto& [id, node] : queues_)
        if (node.definition->topic == TopicId() && (!only_lasting || is_persistent(*node.definition)))
            fn(QueuePut{node.definition});
    for (const auto& [id, topic] : topics_) {
        TopicPut put;
        put.topic = topic;
        for (const QueueId partition : topic->partitions) put.partitions.push_back(queue_node(partition)->definition);
        fn(put);
    }
    for (const auto& [id, node] : exchanges_)
        for (const auto& binding : node->bindings)
            if (!only_lasting || outlives_the_process(*binding)) fn(BindingAdded{definition_of(*binding)});
}

Bytes Catalog::snapshot() const {
    SnapshotWriter out;
    for_each_change(true, [&](const CatalogChange& change) { out.add(change); });
    return out.take();
}

void Catalog::copy(const Catalog& other) {
    other.for_each_change(false, [this](const CatalogChange& change) {
        const auto applied = apply(change);
        FANTAIL_ASSERT(applied.has_value());
    });
    version_ = other.version_;
}

Result<void> Catalog::restore(ByteView snapshot) {
    Reader in(snapshot);
    while (!in.done()) {
        const ByteView change = in.take(in.uvarint());
        if (in.failed()) return fail(ErrorCode::corrupt, "catalog snapshot is cut off");
        FANTAIL_TRY([[maybe_unused]] auto effect, apply(change));
    }
    return {};
}

}  // namespace fantail::broker
