// SPDX-License-Identifier: Apache-2.0
//! The facts that make up the catalog: what the controller decides, logs and shows to every core (docs/formats/catalog.md).
#pragma once

#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "broker/api/definitions.hpp"

namespace fantail::broker {

/// A start of the process: ids made after it contain `boot`, so that none is ever used twice.
struct Booted {
    std::uint32_t boot = 0;
};
struct VhostPut {
    VhostDefinition vhost;
};
/// With everything in it.
struct VhostRemoved {
    VhostId vhost;
};
struct ExchangePut {
    ExchangeDefinition exchange;
};
/// With its bindings.
struct ExchangeRemoved {
    ExchangeId exchange;
};
struct QueuePut {
    QueuePut() = default;
    QueuePut(QueueDefinition put) : queue(std::make_shared<const QueueDefinition>(std::move(put))) {}
    QueuePut(QueueDefinitionRef put) : queue(std::move(put)) {}
    QueueDefinitionRef queue;  ///< never null
};
/// With its bindings.
struct QueueRemoved {
    QueueId queue;
};
struct BindingAdded {
    BindingDefinition binding;
};
struct BindingRemoved {
    BindingDefinition binding;
};
struct UserPut {
    UserDefinition user;
};
/// With its permissions.
struct UserRemoved {
    std::string name;
};
struct PermissionPut {
    PermissionDefinition permission;
};
struct PermissionRemoved {
    std::string user;
    VhostId vhost;
};
struct PolicyPut {
    PolicyDefinition policy;
};
struct PolicyRemoved {
    VhostId vhost;
    std::string name;
    bool is_operator = false;
};

struct TopicPermissionPut {
    TopicPermissionDefinition permission;
};
struct TopicPermissionRemoved {
    std::string user;
    VhostId vhost;
    std::string exchange;
};

/// With its partitions: the queues that it names are made, or changed to match.
struct TopicPut {
    TopicPut() = default;
    explicit TopicPut(TopicDefinition put);
    TopicDefinitionRef topic;                    ///< never null
    std::vector<QueueDefinitionRef> partitions;  ///< follow from the topic
};
/// With its partitions.
struct TopicRemoved {
    TopicId topic;
};

/// The kind's number on disk is its place here: append only.
using CatalogChange =
    std::variant<Booted, VhostPut, VhostRemoved, ExchangePut, ExchangeRemoved, QueuePut, QueueRemoved, BindingAdded,
                 BindingRemoved, UserPut, UserRemoved, PermissionPut, PermissionRemoved, PolicyPut, PolicyRemoved,
                 TopicPermissionPut, TopicPermissionRemoved, TopicPut, TopicRemoved>;

/// The name of a topic's partition as a queue.
[[nodiscard]] std::string partition_name(std::string_view topic, std::size_t number);

/// Equal options have equal bytes.
void encode_options(const QueueOptions& options, Bytes& out);
void encode_change(const CatalogChange& change, Bytes& out);
/// Errors: corrupt (cut off, unknown kind or value, bytes left over).
[[nodiscard]] Result<CatalogChange> decode_change(ByteView bytes);

/// True if the queue is to outlive the process: an exclusive one goes with its connection.
[[nodiscard]] inline bool is_persistent(const QueueDefinition& queue) {
    return queue.durable && !queue.exclusive_owner;
}

}  // namespace fantail::broker
