// SPDX-License-Identifier: Apache-2.0
//! The broker as a session sees it: a view of the topology and two places to send commands.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/api/commands.hpp"
#include "broker/api/definitions.hpp"
#include "broker/api/events.hpp"
#include "record/field_table.hpp"

namespace fantail::broker {

/// Where a message goes. Reused by the caller; cleared by route().
struct Route {
    std::vector<const QueueDefinition*> queues;  ///< each once, in no particular order
    std::vector<ExchangeId> histories;           ///< exchanges on the way that remember what passes through them
    bool repeatable =
        false;  ///< depends on exchange and key alone (no headers, chance or history on the way): may be kept
};

/// What routing may look at.
struct RoutingFacts {
    std::string_view routing_key;
    std::span<const std::string_view> more_keys;      ///< further keys routed alike (CC, BCC)
    const record::FieldTableView* headers = nullptr;  ///< null: none
    std::string_view message_id;
    std::string_view correlation_id;
    std::int64_t timestamp = 0;
};

enum class Operation : std::uint8_t { configure, write, read };

/// The topology as this core knows it. Pointers and views live until the session's current call returns, or until a command
/// that it sends: on core 0 the controller may change the catalog at once.
class CatalogView {
public:
    virtual ~CatalogView() = default;
    /// Counts changes: equal versions mean equal routes, so that a session may keep the last one.
    [[nodiscard]] virtual std::uint64_t version() const = 0;
    [[nodiscard]] virtual const VhostDefinition* vhost(std::string_view name) const = 0;
    [[nodiscard]] virtual const UserDefinition* user(std::string_view name) const = 0;
    [[nodiscard]] virtual const ExchangeDefinition* exchange(VhostId vhost, std::string_view name) const = 0;
    [[nodiscard]] virtual const QueueDefinition* queue(VhostId vhost, std::string_view name) const = 0;
    [[nodiscard]] virtual const QueueDefinition* queue(QueueId id) const = 0;
    [[nodiscard]] virtual const TopicDefinition* topic(VhostId vhost, std::string_view name) const = 0;
    [[nodiscard]] virtual const TopicDefinition* topic(TopicId id) const = 0;
    /// In the order of their names. `fn` must send no command.
    virtual void for_each_topic(VhostId vhost, const std::function<void(const TopicDefinition&)>& fn) const = 0;
    /// Queues that a message published to `exchange` reaches: bindings, exchange-to-exchange hops, alternates. `exchange`
    /// with an empty name routes to the queue named by the key.
    virtual void route(const ExchangeDefinition& exchange, const RoutingFacts& facts, Route& out) const = 0;
    /// True if the user may do that to the resource of that name in the vhost.
    [[nodiscard]] virtual bool permits(std::string_view user, VhostId vhost, Operation operation,
                                       std::string_view resource) const = 0;
    /// The same for a key of a topic exchange: routing key (write) or binding key (read). True where no rule is set.
    [[nodiscard]] virtual bool permits_topic(std::string_view user, VhostId vhost, Operation operation,
                                             std::string_view exchange, std::string_view key) const = 0;
    /// True if the user has any permission entry in the vhost.
    [[nodiscard]] virtual bool may_enter(std::string_view user, VhostId vhost) const = 0;
};

/// Commands of one connection. Sent commands take effect in the order sent, as far as they concern one shard. Answers come
/// as events, never from inside a call.
class Port {
public:
    virtual ~Port() = default;
    [[nodiscard]] virtual const CatalogView& catalog() const = 0;
    /// The core this connection runs on: for DeclareQueue::near.
    [[nodiscard]] virtual CoreId core() const = 0;
    /// How many shards there are, numbered from 0.
    [[nodiscard]] virtual std::uint16_t shard_count() const = 0;
    virtual void send(ShardId shard, RequestId request, ShardCommand command) = 0;
    virtual void send(RequestId request, AdminCommand command) = 0;
    /// Asks whether `user` may log in by that password from where this connection comes from. Answered by LoginChecked,
    /// after a while: passwords are hashed slowly on purpose. One at a time for each connection.
    virtual void check_login(RequestId request, std::string_view user, std::string_view password) = 0;
    /// A random 64-bit number that cannot be foretold from others: for names, and for addresses only their owner may tell.
    [[nodiscard]] virtual std::uint64_t random() = 0;
    /// Makes a consumer of this connection, which no queue knows, one that messages may be sent straight to, until it is
    /// closed or the connection ends. Its messages come as Deliver.
    virtual void open_direct(ConsumerId consumer) = 0;
    virtual void close_direct(ConsumerId consumer) = 0;
    /// Whether such a consumer is open now, on whatever core.
    [[nodiscard]] virtual bool has_direct(ConnectionId connection, ConsumerId consumer) const = 0;
    /// Delivers a message straight to an open direct consumer, of any connection; false if there is none.
    virtual bool send_direct(ConnectionId to, ConsumerId consumer, SharedBytes batch) = 0;
};

/// The shard in which a cursor group lives, and in which the transactions of a named producer are coordinated.
[[nodiscard]] ShardId shard_of_group(std::string_view group, std::uint16_t shard_count);

}  // namespace fantail::broker
