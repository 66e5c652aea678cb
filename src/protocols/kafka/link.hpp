// SPDX-License-Identifier: Apache-2.0
//! Link: what all requests of one connection share, and how they reach the broker.
#pragma once

#include <memory>
#include <string>

#include "protocols/kafka/login.hpp"
#include "protocols/kafka/options.hpp"
#include "protocols/session.hpp"

namespace fantail::kafka {

class Exchange;

/// Where a client finds the broker.
struct Endpoint {
    std::string host;
    std::int32_t port = 0;
};

/// One connection. Implemented by the Session.
class Link {
public:
    virtual ~Link() = default;
    /// Sends a command; the event that answers it goes to `from`. Requests sent in a row have consecutive ids.
    virtual RequestId send(Exchange& from, ShardId shard, broker::ShardCommand command) = 0;
    virtual RequestId send(Exchange& from, broker::AdminCommand command) = 0;
    /// Checks a password; LoginChecked goes to `from`.
    virtual void check_login(Exchange& from, std::string_view user, std::string_view password) = 0;
    /// Sends what is not answered.
    virtual void tell(ShardId shard, broker::ShardCommand command) = 0;
    /// Whether the next response to be sent is that of `exchange`.
    [[nodiscard]] virtual bool is_next(const Exchange& exchange) const = 0;
    /// How far the client is with logging in.
    [[nodiscard]] virtual Login& login() = 0;
    /// The client has logged in as `user`.
    virtual void logged_in(const std::string& user) = 0;
    /// Closes the connection behind the responses so far.
    virtual void close() = 0;

    [[nodiscard]] virtual protocols::SessionHost& host() const = 0;
    [[nodiscard]] virtual const KafkaOptions& options() const = 0;
    [[nodiscard]] virtual const std::string& user() const = 0;
    /// As the client calls itself.
    [[nodiscard]] virtual const std::string& client_id() const = 0;
    /// The vhost whose topics the connection sees.
    [[nodiscard]] virtual VhostId vhost() const = 0;

    [[nodiscard]] const Now& now() const { return host().now(); }
    [[nodiscard]] const broker::CatalogView& catalog() const { return host().broker().catalog(); }
    [[nodiscard]] Endpoint endpoint() const;
    [[nodiscard]] bool may(broker::Operation operation, std::string_view resource) const {
        return catalog().permits(user(), vhost(), operation, resource);
    }
    /// Whether the user may do what concerns the whole broker.
    [[nodiscard]] bool is_administrator() const;
    /// Where the client is, as members of groups are shown: "/127.0.0.1".
    [[nodiscard]] std::string client_host() const;
    /// The shard of a consumer group.
    [[nodiscard]] ShardId shard_of_group(std::string_view group) const {
        return broker::shard_of_group(group, host().broker().shard_count());
    }
    /// The shard that coordinates the transactions of a transactional id.
    [[nodiscard]] ShardId shard_of_transactions(std::string_view id) const { return shard_of_group(id); }
};

/// Topics' ids are ours with a fixed first half, so that none is one of the reserved ones.
[[nodiscard]] Uuid to_uuid(TopicId id);
/// 0 if it is none of ours.
[[nodiscard]] TopicId to_topic_id(const Uuid& uuid);

}  // namespace fantail::kafka
