// SPDX-License-Identifier: Apache-2.0
//! Transaction: what a channel in transaction mode keeps until tx.commit.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/api.hpp"

namespace fantail::amqp091 {

/// A publish to be done at commit.
struct StoredPublish {
    std::string exchange;
    std::string routing_key;
    bool mandatory = false;
    Bytes properties;
    Bytes body;
};
/// RabbitMQ's semantics: publishes first, then acks; not atomic across queues.
struct Transaction {
    std::vector<StoredPublish> publishes;
    /// Acks, nacks and rejects by delivery tag. The messages are settled for the client, and unsettled for the broker.
    std::map<std::uint64_t, broker::Outcome> settles;
    std::size_t bytes = 0;

    [[nodiscard]] std::size_t operations() const { return publishes.size() + settles.size(); }
};

}  // namespace fantail::amqp091
