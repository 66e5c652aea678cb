// SPDX-License-Identifier: Apache-2.0
//! The topology: every core has a replica, changed by the same changes in the same order.
#pragma once

#include <functional>

#include "base/bucket_walk.hpp"
#include "broker/api/port.hpp"
#include "broker/catalog_change.hpp"
#include "broker/catalog_nodes.hpp"

namespace fantail::broker {

/// What a change means to the shards that hold its queues, or remember for the exchange.
struct CatalogEffect {
    enum class Kind : std::uint8_t {
        none,
        queue_put,
        queue_removed,
        exchange_put,
        exchange_removed,
        topic_put,
        topic_removed
    };
    Kind kind = Kind::none;
    QueueId queue;
    ExchangeId exchange{};
    std::vector<QueueId> partitions{};  ///< of the topic
};

/// Single-threaded. Invariants: every queue, exchange and topic is in the tables of its vhost under its name and in the
/// table by id; a topic's partitions are queues; every binding is in its source's set, in its source's table and in its
/// destination's list; equal queue options are one object. Replicas that applied the same changes answer alike.
class Catalog final : public CatalogView {
public:
    /// The only way to change it: live and in recovery, on every core. A change that states what is already so is fine, and
    /// so is the removal of what is not there. On an error nothing was changed.
    /// Errors: corrupt (undecodable, or refers to what does not exist, or takes a name that another id has).
    Result<CatalogEffect> apply(const CatalogChange& change);
    /// Decodes and applies.
    Result<CatalogEffect> apply(ByteView change);
    /// Brings what is in `other` into this empty catalog, and its version: replicas count alike.
    void copy(const Catalog& other);
    /// The definition with options that are shared with all queues that have equal ones.
    [[nodiscard]] QueueDefinitionRef share(QueueDefinition definition) const;

    /// What outlives the process, as changes that bring it back (docs/formats/catalog.md).
    [[nodiscard]] Bytes snapshot() const;
    /// Applies a snapshot to an empty catalog. Errors: corrupt.
    Result<void> restore(ByteView snapshot);

    [[nodiscard]] std::uint64_t version() const override { return version_; }
    [[nodiscard]] const VhostDefinition* vhost(std::string_view name) const override;
    [[nodiscard]] const VhostDefinition* vhost(VhostId id) const;
    [[nodiscard]] const UserDefinition* user(std::string_view name) const override;
    [[nodiscard]] const ExchangeDefinition* exchange(VhostId vhost, std::string_view name) const override;
    [[nodiscard]] const ExchangeDefinition* exchange(ExchangeId id) const;
    [[nodiscard]] const QueueDefinition* queue(VhostId vhost, std::string_view name) const override;
    [[nodiscard]] const QueueDefinition* queue(QueueId id) const override;
    [[nodiscard]] const TopicDefinition* topic(VhostId vhost, std::string_view name) const override;
    [[nodiscard]] const TopicDefinition* topic(TopicId id) const override;
    void for_each_topic(VhostId vhost, const std::function<void(const TopicDefinition&)>& fn) const override;
    void route(const ExchangeDefinition& exchange, const RoutingFacts& facts, Route& out) const override;
    [[nodiscard]] bool permits(std::string_view user, VhostId vhost, Operation operation,
                               std::string_view resource) const override;
    [[nodiscard]] bool permits_topic(std::string_view user, VhostId vhost, Operation operation,
                                     std::string_view exchange, std::string_view key) const override;
    [[nodiscard]] bool may_enter(std::string_view user, VhostId vhost) const override;

    // Lists, in no particular order. What `fn` gets is valid during the call; `fn` must not change the catalog.
    void for_each_queue(const std::function<void(const QueueDefinition&)>& fn) const;
    /// Some further queues, exchanges, or bindings to some further queues and exchanges: for lists that must not hold up
    /// what else a core does.
    [[nodiscard]] BucketWalk::Progress some_queues(BucketWalk& walk, std::size_t count,
                                                   const std::function<void(const QueueDefinitionRef&)>& fn) const;
    [[nodiscard]] BucketWalk::Progress some_exchanges(BucketWalk& walk, std::size_t count,
                                                      const std::function<void(const ExchangeDefinition&)>& fn) const;
    [[nodiscard]] BucketWalk::Progress some_queue_bindings(
        BucketWalk& walk, std::size_t count, const std::function<void(const BindingDefinition&)>& fn) const;
    [[nodiscard]] BucketWalk::Progress some_exchange_bindings(
        BucketWalk& walk, std::size_t count, const std::function<void(const BindingDefinition&)>& fn) const;
    void for_each_queue(VhostId vhost, const std::function<void(const QueueDefinition&)>& fn) const;
    void for_each_exchange(const std::function<void(const ExchangeDefinition&)>& fn) const;
    void for_each_exchange(VhostId vhost, const std::function<void(const ExchangeDefinition&)>& fn) const;
    void for_each_binding(const std::function<void(const BindingDefinition&)>& fn) const;
    /// Those that start at the exchange.
    void for_each_binding_from(const ExchangeDefinition& exchange,
                               const std::function<void(const BindingDefinition&)>& fn) const;
    void for_each_binding_to(const QueueDefinition& queue,
                             const std::function<void(const BindingDefinition&)>& fn) const;
    void for_each_binding_to(const ExchangeDefinition& exchange,
                             const std::function<void(const BindingDefinition&)>& fn) const;
    [[nodiscard]] std::vector<const VhostDefinition*> vhosts() const;
    [[nodiscard]] std::vector<const UserDefinition*> users() const;
    [[nodiscard]] std::vector<const PermissionDefinition*> permissions() const;
    [[nodiscard]] std::vector<const TopicPermissionDefinition*> topic_permissions() const;
    /// Null if there is none.
    [[nodiscard]] const TopicPermissionDefinition* topic_permission(std::string_view user, VhostId vhost,
                                                                    std::string_view exchange) const;
    [[nodiscard]] std::vector<const PolicyDefinition*> policies() const;
    /// Of one vhost; empty if there is no such.
    [[nodiscard]] std::span<const PolicyDefinition> policies(VhostId vhost) const;

    [[nodiscard]] bool has_binding(const BindingDefinition& binding) const;
    /// Bindings that start at the exchange.
    [[nodiscard]] std::size_t binding_count(const ExchangeDefinition& exchange) const;
    [[nodiscard]] std::size_t queue_count() const { return queues_.size(); }
    [[nodiscard]] std::size_t exchange_count() const { return exchanges_.size(); }
    [[nodiscard]] std::size_t queue_count(VhostId vhost) const;
    /// The number of the last start of the process; 0 before the first.
    [[nodiscard]] std::uint32_t boot() const { return boot_; }
    /// The highest of an exchange's counter and of a vhost's id; new ones go above.
    [[nodiscard]] std::uint64_t exchange_counter_max() const { return exchange_counter_max_; }
    [[nodiscard]] VhostId vhost_id_max() const { return vhost_id_max_; }

private:
    using Applied = Result<CatalogEffect>;
    Applied on(const Booted& change);
    Applied on(const VhostPut& change);
    Applied on(const VhostRemoved& change);
    Applied on(const ExchangePut& change);
    Applied on(const ExchangeRemoved& change);
    Applied on(const QueuePut& change);
    Applied on(const QueueRemoved& change);
    Applied on(const BindingAdded& change);
    Applied on(const BindingRemoved& change);
    Applied on(const UserPut& change);
    Applied on(const UserRemoved& change);
    Applied on(const PermissionPut& change);
    Applied on(const PermissionRemoved& change);
    Applied on(const PolicyPut& change);
    Applied on(const PolicyRemoved& change);
    Applied on(const TopicPermissionPut& change);
    Applied on(const TopicPermissionRemoved& change);
    Applied on(const TopicPut& change);
    Applied on(const TopicRemoved& change);

    struct Ends {
        ExchangeNode* source = nullptr;
        Destination to;
        [[nodiscard]] bool complete() const { return source != nullptr && to != Destination{}; }
    };
    [[nodiscard]] VhostNode* vhost_node(VhostId id) const;
    [[nodiscard]] QueueNode* queue_node(QueueId id);
    [[nodiscard]] const QueueNode* queue_node(QueueId id) const;
    [[nodiscard]] ExchangeNode* exchange_node(ExchangeId id) const;
    [[nodiscard]] const TopicPermissionNode* topic_node(std::string_view user, VhostId vhost,
                                                        std::string_view exchange) const;
    [[nodiscard]] Ends ends_of(const BindingDefinition& binding) const;
    void remove_binding(BindingNode& binding);
    void remove_queue(QueueNode& queue);
    [[nodiscard]] Result<void> may_put(const TopicPut& change) const;
    void remove_topic(const TopicDefinition& topic);
    void remove_exchange(ExchangeNode& exchange);
    void share_options(OptionsRef& options) const;
    /// Calls `fn` with changes that make what is here; `only_lasting`: what outlives the process.
    void for_each_change(bool only_lasting, const std::function<void(const CatalogChange&)>& fn) const;

    void route_by_name(const VhostNode& vhost, const RoutingFacts& facts, Route& out) const;
    void route_from(const ExchangeNode& exchange, const RoutingFacts& facts, Route& out) const;
    void visit(const ExchangeNode& exchange) const;
    void reach(const QueueNode& queue, Route& out) const;

    std::unordered_map<VhostId, std::unique_ptr<VhostNode>> vhosts_;
    TextMap<VhostNode*> vhosts_by_name_;
    std::unordered_map<QueueId, QueueNode> queues_;
    std::unordered_map<ExchangeId, std::unique_ptr<ExchangeNode>> exchanges_;
    std::unordered_map<TopicId, TopicDefinitionRef> topics_;
    TextMap<UserNode> users_;
    mutable TextMap<OptionsRef> options_;    ///< by their encoding; changes nothing that can be seen
    mutable std::size_t options_swept_ = 0;  ///< how many were left by the last sweep
    std::uint64_t version_ = 1;
    std::uint32_t boot_ = 0;
    std::uint64_t exchange_counter_max_ = 0;
    VhostId vhost_id_max_;
    // Scratch of route().
    mutable std::uint64_t sequence_ = 0;  ///< counts messages
    mutable Matches matches_;
    mutable std::vector<const ExchangeNode*> hops_;
};

/// The definition of a binding node.
[[nodiscard]] BindingDefinition definition_of(const BindingNode& binding);

}  // namespace fantail::broker
