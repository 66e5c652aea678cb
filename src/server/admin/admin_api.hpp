// SPDX-License-Identifier: Apache-2.0
//! What the administration port can do (docs/guide/admin.md).
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "protocols/amqp091/link.hpp"
#include "protocols/http/http_request.hpp"
#include "protocols/session.hpp"
#include "server/admin/backend.hpp"
#include "server/admin/caller.hpp"
#include "server/admin/refusal.hpp"

namespace fantail::server {

/// Their names, as JSON may hold them; of those that the caller may see.
using VhostNames = std::unordered_map<VhostId, std::string>;
struct BindingEnds;
struct Definitions;
struct Fetch;
struct GroupPage;
class Import;
struct ImportSection;
template <class Answer>
struct LogQuestions;
class Publishing;
struct QueueList;

/// Handles one request at a time for one admin session, on its core. Lists are gathered from all cores; changes go to the
/// controller and are answered when they are durable and every core has seen them.
class AdminApi {
public:
    using Respond = std::function<void(http::Response)>;
    /// `host` and `backend` outlive it. \param respond called once a request, from inside handle() or later
    AdminApi(protocols::SessionHost& host, AdminBackend& backend, Respond respond);
    ~AdminApi();

    /// \param caller who logged in; nobody for what is open to all
    void handle(const http::Request& request, const Caller& caller);
    /// Answers of the controller and of shards.
    void on_event(broker::Event& event);
    /// The connection is gone: gives back what it held.
    void on_closed();
    /// What needs no login: whether the process lives and is ready, and its figures.
    [[nodiscard]] static bool open_to_all(const http::Request& request);

private:
    using Handler = void (AdminApi::*)(const http::Request&);
    struct Endpoint;
    static const Endpoint endpoint_table[];
    static std::span<const Endpoint> endpoints();

    // status_endpoints.cpp
    void get_healthz(const http::Request& request);
    void get_readyz(const http::Request& request);
    void get_metrics(const http::Request& request);
    void get_overview(const http::Request& request);
    void list_nodes(const http::Request& request);
    void get_node(const http::Request& request);
    void get_node_memory(const http::Request& request);
    void get_auth(const http::Request& request);
    void get_cluster_name(const http::Request& request);
    void get_whoami(const http::Request& request);
    // health_endpoints.cpp
    void check_aliveness(const http::Request& request);
    void check_alarms(const http::Request& request);
    void check_service(const http::Request& request);
    void check_vhosts(const http::Request& request);
    void check_quorum(const http::Request& request);
    void check_port(const http::Request& request);
    void check_protocol(const http::Request& request);
    void check_certificates(const http::Request& request);
    void check_leaders(const http::Request& request);
    // queue_endpoints.cpp
    void list_queues(const http::Request& request);
    void list_all_queues(const http::Request& request);
    void get_queue(const http::Request& request);
    void put_queue(const http::Request& request);
    void delete_queue(const http::Request& request);
    void purge_queue(const http::Request& request);
    void delete_contents(const http::Request& request);
    // exchange_endpoints.cpp
    void list_exchanges(const http::Request& request);
    void get_exchange(const http::Request& request);
    void put_exchange(const http::Request& request);
    void delete_exchange(const http::Request& request);
    // binding_endpoints.cpp
    void list_bindings(const http::Request& request);
    void list_bindings_between(const http::Request& request);
    void list_bindings_from(const http::Request& request);
    void list_bindings_to_exchange(const http::Request& request);
    void list_bindings_to_queue(const http::Request& request);
    void post_binding(const http::Request& request);
    void get_binding(const http::Request& request);
    void delete_binding(const http::Request& request);
    // message_endpoints.cpp
    void publish(const http::Request& request);
    void get_messages(const http::Request& request);
    // topic_endpoints.cpp
    void list_topics(const http::Request& request);
    void get_topic(const http::Request& request);
    void put_topic(const http::Request& request);
    void delete_topic(const http::Request& request);
    // group_endpoints.cpp
    void list_groups(const http::Request& request);
    void get_group(const http::Request& request);
    void delete_group(const http::Request& request);
    void put_group_offsets(const http::Request& request);
    // connection_endpoints.cpp
    void list_connections(const http::Request& request);
    void list_connections_of_user(const http::Request& request);
    void delete_connections_of_user(const http::Request& request);
    void get_connection(const http::Request& request);
    void delete_connection(const http::Request& request);
    void list_channels(const http::Request& request);
    void list_consumers(const http::Request& request);
    // user_endpoints.cpp
    void list_users(const http::Request& request);
    void get_user(const http::Request& request);
    void put_user(const http::Request& request);
    void delete_user(const http::Request& request);
    // vhost_endpoints.cpp
    void list_vhosts(const http::Request& request);
    void get_vhost(const http::Request& request);
    void put_vhost(const http::Request& request);
    void delete_vhost(const http::Request& request);
    void let_creator_in(const std::string& vhost_name);
    // limit_endpoints.cpp
    void list_vhost_limits(const http::Request& request);
    void put_vhost_limit(const http::Request& request);
    void delete_vhost_limit(const http::Request& request);
    void list_user_limits(const http::Request& request);
    void put_user_limit(const http::Request& request);
    void delete_user_limit(const http::Request& request);
    // permission_endpoints.cpp
    void list_permissions(const http::Request& request);
    void list_permissions_of_user(const http::Request& request);
    void get_permission(const http::Request& request);
    void put_permission(const http::Request& request);
    void delete_permission(const http::Request& request);
    void list_topic_permissions(const http::Request& request);
    void list_topic_permissions_of_user(const http::Request& request);
    void list_topic_permissions_in_vhost(const http::Request& request);
    void put_topic_permission(const http::Request& request);
    void delete_topic_permission(const http::Request& request);
    // policy_endpoints.cpp
    void list_policies(const http::Request& request);
    void get_policy(const http::Request& request);
    void put_policy(const http::Request& request);
    void delete_policy(const http::Request& request);
    // parameter_endpoints.cpp
    void list_parameters(const http::Request& request);
    void get_parameter(const http::Request& request);
    void list_nothing(const http::Request& request);
    // definitions_export.cpp, definitions_import.cpp
    void get_definitions(const http::Request& request);
    void get_vhost_definitions(const http::Request& request);
    void gather_definitions(const std::shared_ptr<Definitions>& all);
    void post_definitions(const http::Request& request);

    [[nodiscard]] std::optional<Refusal> may_not(const Endpoint& endpoint, const http::Request& request) const;
    void answer(std::string json_body, int status = 200);
    void answer_list(Result<std::string> json_body);
    void refuse(const Error& error);
    void refuse(const Refusal& refusal);
    /// Sends a change; its answer is 201 if it made something new, else 204.
    void change(broker::AdminCommand command, bool makes_new = false);
    /// The same for a command of AMQP's, with its texts of refusals.
    template <class Command>
    void change_topology(std::shared_ptr<amqp091::Link> link, Command command, bool makes_new);
    /// Sends a command to the controller, or to a shard, and gives its answer to `then`.
    void send(broker::AdminCommand command, std::function<void(const broker::AdminReply&)> then);
    void send(ShardId shard, broker::ShardCommand command, std::function<void(broker::Event&)> then);
    /// Asks a shard for counts; answers 404 by itself if the queue has gone.
    void ask(ShardId shard, broker::ShardCommand command, std::function<void(const broker::QueueCounts&)> then);

    [[nodiscard]] const broker::Catalog& catalog() const { return backend_.catalog(host_.broker().core()); }
    [[nodiscard]] Asker asker() const { return {host_.broker().core(), host_.id()}; }
    /// What AMQP's checks need to know of whoever sends its methods: here, the caller.
    [[nodiscard]] std::shared_ptr<amqp091::Link> link_to(const broker::VhostDefinition& vhost) const;
    /// Errors: not_found.
    [[nodiscard]] Result<const broker::VhostDefinition*> vhost(const std::string& name) const;
    [[nodiscard]] Result<const broker::UserDefinition*> user(const std::string& name) const;
    [[nodiscard]] Result<const broker::QueueDefinition*> queue(const http::Request& request) const;
    [[nodiscard]] Result<const broker::QueueDefinition*> purgeable(const http::Request& request) const;
    [[nodiscard]] Result<const broker::ExchangeDefinition*> exchange(const http::Request& request) const;
    [[nodiscard]] Result<BindingEnds> ends_of(const http::Request& request) const;
    [[nodiscard]] Result<broker::BindingDefinition> binding(const http::Request& request) const;
    [[nodiscard]] bool may_see(VhostId vhost) const;
    /// The vhost that path or query narrow a list to; null: none named. Errors: not_found, access_refused.
    [[nodiscard]] Result<const broker::VhostDefinition*> wanted_vhost(const http::Request& request) const;
    [[nodiscard]] static std::optional<VhostId> id_of(const broker::VhostDefinition* vhost) {
        return vhost == nullptr ? std::nullopt : std::optional(vhost->id);
    }
    [[nodiscard]] std::string vhost_name(VhostId id) const;
    [[nodiscard]] VhostNames vhost_names() const;
    void ask_figures(const std::shared_ptr<QueueList>& list);
    /// Writes a list, whose rows were gathered, beside the core, and answers with it.
    template <class List, class Rows>
    void write_beside(const std::shared_ptr<List>& list, Rows rows) {
        list->rows = std::move(rows);
        backend_.calculate(asker(), [list] { list->write(); }, [this, list] { answer_list(std::move(list->body)); });
    }
    template <class Keep>
    void list_some_bindings(const http::Request& request, Keep keep);
    template <class List>
    void list_from_connections(const http::Request& request);
    void close_all(const std::shared_ptr<std::vector<ConnectionId>>& connections);
    template <class Keep>
    void list_some_topic_permissions(const http::Request& request, Keep keep);
    void find_connection(const std::string& name, std::function<void(const ConnectionRow&)> then);
    [[nodiscard]] Result<const broker::TopicDefinition*> topic(const std::string& vhost_name,
                                                               const std::string& name) const;
    void alter_topic(const broker::TopicDefinition& topic, std::optional<std::uint32_t> partitions,
                     const std::optional<std::vector<std::pair<std::string, std::string>>>& settings,
                     const broker::QueueOptions& options);
    /// Asks each log, one after another (ask_logs.hpp), and gives all answers to `then`.
    template <class Answer>
    void ask_logs(std::vector<QueueId> logs, std::function<broker::ShardCommand(QueueId)> make,
                  std::function<void(std::vector<Answer>)> then);
    template <class Answer>
    void ask_next_log(std::shared_ptr<LogQuestions<Answer>> questions);
    void ask_group(const std::string& group, broker::GroupAction action,
                   std::function<void(broker::GroupAnswer&)> then);
    void list_groups_of(const http::Request& request, ShardId shard,
                        const std::shared_ptr<std::vector<broker::GroupListing>>& found);
    void get_assigned_group(const std::shared_ptr<GroupPage>& page);
    void add_offsets(const std::shared_ptr<GroupPage>& page);
    void answer_group(const std::shared_ptr<GroupPage>& page);
    void commit_offsets(const std::string& group, broker::CommitOffsets commit);
    void fetch_next(const std::shared_ptr<Fetch>& fetch);
    void on_fetched(const std::shared_ptr<Fetch>& fetch, broker::Event& event);
    void finish_fetch(Fetch& fetch);
    [[nodiscard]] std::vector<ImportSection> import_sections();
    void go_on_importing();
    template <class Seen>
    void answer_overview(const Seen& overview);
    void respond_health(const std::string& reason);
    void change_vhost_limits(const http::Request& request, const Result<boost::json::object>& body);
    void change_user_limits(const http::Request& request, const Result<boost::json::object>& body);

    protocols::SessionHost& host_;
    AdminBackend& backend_;
    Respond respond_;
    Caller caller_;
    RequestId last_request_;
    std::function<void(broker::Event&)> on_answer_;  ///< to last_request_
    std::unique_ptr<Publishing> publishing_;
    std::unique_ptr<Import> import_;
    std::shared_ptr<Fetch> fetching_;  ///< holds messages
};

}  // namespace fantail::server
