// SPDX-License-Identifier: Apache-2.0
//! The controller: the one place that decides what the topology is. It lives on core 0.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/catalog.hpp"
#include "broker/host.hpp"
#include "broker/policy.hpp"

namespace fantail::broker {

struct ControllerOptions {
    /// Made in every vhost, besides the default exchange: name, type, type_name, internal count.
    std::vector<ExchangeDefinition> predeclared;
    std::uint16_t shard_count = 1;
    std::string default_vhost = "/";
    /// Made at the first start, with every permission in the default vhost.
    std::vector<UserDefinition> default_users;
    /// Of the whole broker; absent: no limit.
    std::optional<std::uint32_t> queues_max;
};

/// Carries out AdminCommands. Each is decided at once or after one question to a shard, logged if it concerns something
/// durable, and shown to every core; its answer follows when every core has seen it and it is durable. What turns out to be
/// so already waits for the same, since the change that made it so may still be on its way.
///
/// Commands of one connection are decided and answered in their order. Single-threaded. Effects may be carried out at
/// once, but must not call back before the call that caused them has returned.
class Controller {
public:
    /// \param catalog core 0's replica; ControllerHost::broadcast changes it
    Controller(Catalog& catalog, ControllerHost& host, ControllerOptions options);

    /// At every start, after recovery and before anything else: counts the start, and at the first one makes the default
    /// vhost, the predeclared exchanges and the default users.
    void bootstrap();
    void handle(Origin origin, AdminCommand&& command, const Now& now);
    void on_durable(Lsn lsn);
    void on_barrier(RequestId barrier);
    /// An answer of a shard to a question of the controller.
    void on_event(Event&& event);
    /// Deletes the queue if it still is.
    void queue_unused(QueueId queue);
    /// The same as the command ConnectionClosed, for a connection that cannot send it any more.
    void connection_closed(ConnectionId connection);

    /// Connections announced and not closed.
    [[nodiscard]] std::size_t connection_count() const { return connection_count_; }
    [[nodiscard]] std::size_t connection_count(VhostId vhost) const;

private:
    /// A command under way. Lives in its client's list until answered.
    struct Operation {
        Origin origin;
        AdminCommand command;
        AdminReply reply;
        QueueId inspected;     ///< the queue that a shard was asked about
        bool durable = false;  ///< what it concerns outlives the process
        bool decided = false;
        std::optional<Recall> recall;  ///< to be carried out when every core has seen the change
        bool recalling = false;        ///< its answer is awaited
        RequestId barrier;             ///< every core must have seen it
        Lsn lsn;                       ///< this must be durable
    };
    using Operations = std::list<Operation>;
    struct Announced {
        std::string user;
        VhostId vhost;
    };
    struct Client {
        Operations operations;                         ///< unanswered, in order
        Operations::iterator next = operations.end();  ///< the first that was not begun
        bool inspecting = false;                       ///< a shard's answer must come before the next
        std::optional<Announced> announced;
        std::vector<QueueId> exclusive;
    };
    enum class Step : std::uint8_t { decided, inspects };

    // The life of an operation.
    void begin_next(ConnectionId connection);
    Step begin(Operation& operation);
    void decided(Operation& operation);
    void answer(ConnectionId connection);
    [[nodiscard]] bool is_ready(const Operation& operation) const;
    void answer_all(const std::vector<ConnectionId>& connections);
    void drop_if_idle(ConnectionId connection);
    void ask(Operation& operation, const QueueDefinition& queue, ShardCommand question);
    void on_counts(const QueueCounts& counts);
    void recall(Operation& operation);
    void on_recalled(RequestId question);
    Step finish_inspected(Operation& operation, const QueueCounts& counts);
    void publish(CatalogChange change, bool durable);

    // Topology (controller_topology.cpp).
    Step on(Operation& operation, DeclareQueue& command);
    Step on(Operation& operation, DeleteQueue& command);
    Result<void> on(Operation& operation, DeclareExchange& command);
    Result<void> on(Operation& operation, DeleteExchange& command);
    Result<void> on(Operation& operation, Bind& command);
    Result<void> on(Operation& operation, Unbind& command);
    Result<void> make_queue(Operation& operation, DeclareQueue& command);
    Result<void> check_queue_limits(const DeclareQueue& command) const;
    Result<void> delete_closed(Operation& operation, const DeleteQueue& command, const QueueCounts& counts);
    [[nodiscard]] bool is_persistent(const BindingDefinition& binding) const;
    [[nodiscard]] Recall recall_for(const BindingDefinition& binding) const;
    void remove_queue(QueueId queue);
    void remove_exchange(ExchangeId exchange);
    void remove_if_unbound(const std::vector<ExchangeId>& sources);
    [[nodiscard]] std::string make_name(const DeclareQueue& command);
    [[nodiscard]] QueueId make_queue_id(const DeclareQueue& command);
    [[nodiscard]] QueueId make_queue_id(std::uint16_t shard);
    [[nodiscard]] ExchangeId make_exchange_id() const;
    [[nodiscard]] const PolicyBook& policies(VhostId vhost);
    [[nodiscard]] std::string vhost_name(VhostId vhost) const;

    // Topics (controller_topics.cpp).
    Result<void> on(Operation& operation, CreateTopic& command);
    Result<void> on(Operation& operation, DeleteTopic& command);
    Result<void> on(Operation& operation, AddPartitions& command);
    Result<void> on(Operation& operation, AlterTopic& command);
    Result<void> check_partitions(const TopicDefinition& topic, std::uint32_t from, std::uint32_t to) const;
    void make_partitions(TopicDefinition& topic, std::uint32_t count);
    [[nodiscard]] TopicId make_topic_id();

    // Administration (controller_admin.cpp).
    Result<void> on(Operation& operation, ConnectionOpened& command);
    Result<void> on(Operation& operation, ConnectionClosed& command);
    Result<void> on(Operation& operation, PutVhost& command);
    Result<void> on(Operation& operation, RemoveVhost& command);
    Result<void> on(Operation& operation, PutUser& command);
    Result<void> on(Operation& operation, RemoveUser& command);
    Result<void> on(Operation& operation, PutPermission& command);
    Result<void> on(Operation& operation, RemovePermission& command);
    Result<void> on(Operation& operation, PutTopicPermission& command);
    Result<void> on(Operation& operation, RemoveTopicPermission& command);
    Result<void> on(Operation& operation, PutPolicy& command);
    Result<void> on(Operation& operation, RemovePolicy& command);
    void make_vhost(VhostDefinition definition);
    void make_predeclared(VhostId vhost);
    void make_default_users();
    void apply_policies(VhostId vhost);
    void withdraw(Client& client);
    void request_close(const std::string& reason, const std::optional<std::string>& user,
                       const std::optional<VhostId>& vhost);

    Catalog& catalog_;
    ControllerHost& host_;
    ControllerOptions options_;
    std::unordered_map<ConnectionId, Client> clients_;
    std::unordered_map<RequestId, Operation*> inspections_;  ///< by the question's number
    std::unordered_map<RequestId, Operation*> recalls_;      ///< likewise
    std::unordered_map<RequestId, QueueId> unused_;          ///< questions whether to delete
    std::unordered_set<QueueId> unused_asked_;
    std::deque<Operation*> barrier_waits_;           ///< in the order of `barrier`
    std::deque<Operation*> durable_waits_;           ///< in the order of `lsn`
    std::unordered_map<VhostId, PolicyBook> books_;  ///< made when needed
    std::unordered_map<VhostId, std::uint32_t> vhost_connections_;
    std::unordered_map<std::string, std::uint32_t> user_connections_;
    std::size_t connection_count_ = 0;
    RequestId last_question_;
    RequestId last_barrier_;
    RequestId barrier_reached_;
    Lsn last_lsn_;
    Lsn durable_;
    std::uint32_t queue_sequence_ = 0;  ///< of this boot
};

}  // namespace fantail::broker
