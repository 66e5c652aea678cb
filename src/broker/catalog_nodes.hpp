// SPDX-License-Identifier: Apache-2.0
//! What the catalog is made of: vhosts, exchanges, queues and bindings, linked by pointers.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/api/definitions.hpp"
#include "broker/name_pattern.hpp"
#include "broker/routing/binding_table.hpp"
#include "broker/text_map.hpp"

namespace fantail::broker {

struct VhostNode;

/// A binding by pointers; its definition is put together on demand. Owned by its source.
struct BindingNode {
    ExchangeNode* source = nullptr;
    Destination to;
    std::string routing_key;
    Bytes arguments;
    std::uint32_t place = 0;  ///< in the destination's list
};

/// What makes a binding the one it is, among those of one source.
struct BindingKey {
    Destination to;
    std::string_view routing_key;
    ByteView arguments;
};

struct BindingHash {
    using is_transparent = void;
    std::size_t operator()(const BindingKey& key) const {
        const void* to = key.to.queue != nullptr ? static_cast<const void*>(key.to.queue)
                                                 : static_cast<const void*>(key.to.exchange);
        const std::size_t h = TextHash{}(key.routing_key) ^ (TextHash{}(as_text(key.arguments)) * 31);
        return h ^ (reinterpret_cast<std::uintptr_t>(to) * 0x9E3779B97F4A7C15ull);
    }
    std::size_t operator()(const std::unique_ptr<BindingNode>& node) const { return (*this)(key_of(*node)); }
    static BindingKey key_of(const BindingNode& node) { return {node.to, node.routing_key, node.arguments}; }
};

struct BindingEqual {
    using is_transparent = void;
    static BindingKey key_of(const BindingKey& key) { return key; }
    static BindingKey key_of(const std::unique_ptr<BindingNode>& node) { return BindingHash::key_of(*node); }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
        const BindingKey x = key_of(a), y = key_of(b);
        return x.to == y.to && x.routing_key == y.routing_key && as_text(x.arguments) == as_text(y.arguments);
    }
};

/// Most queues have no bindings: then it takes a pointer.
class BindingList {
public:
    using Nodes = std::vector<BindingNode*>;
    [[nodiscard]] std::span<BindingNode* const> all() const {
        return nodes_ ? std::span<BindingNode* const>(*nodes_) : std::span<BindingNode* const>();
    }
    [[nodiscard]] Nodes& nodes() {
        if (!nodes_) nodes_ = std::make_unique<Nodes>();
        return *nodes_;
    }

private:
    std::unique_ptr<Nodes> nodes_;
};

struct QueueNode {
    QueueDefinitionRef definition;   ///< the same object on every core
    BindingList bindings;            ///< that lead here
    mutable std::uint64_t mark = 0;  ///< the last message that was routed here
};

struct ExchangeNode {
    ExchangeDefinition definition;
    VhostNode* vhost = nullptr;
    std::unique_ptr<BindingTable> table;
    std::unordered_set<std::unique_ptr<BindingNode>, BindingHash, BindingEqual> bindings;  ///< from here
    std::vector<BindingNode*> incoming;  ///< bindings from other exchanges that lead here
    mutable std::uint64_t mark = 0;      ///< the last message that came by
};

[[nodiscard]] inline const std::string& name_of(const QueueNode& queue) { return queue.definition->name; }
[[nodiscard]] inline const std::string& name_of(const ExchangeNode& exchange) { return exchange.definition.name; }

/// Nodes found by the name that they hold: no second copy of it.
struct NodeNameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return TextHash{}(name); }
    template <class Node>
    std::size_t operator()(const Node* node) const {
        return TextHash{}(name_of(*node));
    }
};
struct NodeNameEqual {
    using is_transparent = void;
    static std::string_view text_of(std::string_view name) { return name; }
    template <class Node>
    static std::string_view text_of(const Node* node) {
        return name_of(*node);
    }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
        return text_of(a) == text_of(b);
    }
};
template <class Node>
using NodesByName = boost::unordered_flat_set<Node*, NodeNameHash, NodeNameEqual>;

template <class Node>
[[nodiscard]] Node* find_node(const NodesByName<Node>& nodes, std::string_view name) {
    const auto at = nodes.find(name);
    return at == nodes.end() ? nullptr : *at;
}

struct VhostNode {
    VhostDefinition definition;
    NodesByName<QueueNode> queues;
    NodesByName<ExchangeNode> exchanges;
    std::vector<PolicyDefinition> policies;
    std::map<std::string, TopicDefinitionRef, std::less<>> topics;
};

struct PermissionNode {
    PermissionDefinition definition;
    NamePattern configure, write, read;
};

struct TopicPermissionNode {
    TopicPermissionDefinition definition;
    NamePattern write, read;
};

struct UserNode {
    UserDefinition definition;
    std::unordered_map<VhostId, PermissionNode> permissions;
    std::unordered_map<VhostId, TextMap<TopicPermissionNode>> topic_permissions;  ///< by exchange
};

}  // namespace fantail::broker
