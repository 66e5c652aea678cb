// SPDX-License-Identifier: Apache-2.0
//! What the administration port can do (docs/guide/admin.md).
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "protocols/http/http_request.hpp"
#include "protocols/session.hpp"
#include "server/admin/backend.hpp"

namespace fantail::server {

/// Their names, as JSON may hold them.
using VhostNames = std::unordered_map<VhostId, std::string>;
struct QueueList;

/// Handles one request at a time for one admin session, on its core. Lists are gathered from all cores; changes go to the
/// controller and are answered when they are durable and every core has seen them.
class AdminApi {
public:
    using Respond = std::function<void(http::Response)>;
    /// `host` and `backend` outlive it. \param respond called once a request, from inside handle() or later
    AdminApi(protocols::SessionHost& host, AdminBackend& backend, Respond respond)
        : host_(host), backend_(backend), respond_(std::move(respond)) {}

    void handle(const http::Request& request);
    /// Answers of the controller and of shards.
    void on_event(broker::Event& event);
    /// {"error": reason}
    [[nodiscard]] static std::string error_body(const std::string& reason);
    /// What needs no login: whether the process lives and is ready, and its figures.
    [[nodiscard]] static bool open_to_all(const http::Request& request);

private:
    using Handler = void (AdminApi::*)(const http::Request&);
    struct Endpoint;
    static const Endpoint endpoints[];

    // status_endpoints.cpp
    void get_healthz(const http::Request& request);
    void get_readyz(const http::Request& request);
    void get_metrics(const http::Request& request);
    void get_overview(const http::Request& request);
    // queue_endpoints.cpp
    void list_queues(const http::Request& request);
    void get_queue(const http::Request& request);
    void put_queue(const http::Request& request);
    void delete_queue(const http::Request& request);
    void purge_queue(const http::Request& request);
    // topology_endpoints.cpp
    void list_exchanges(const http::Request& request);
    void list_bindings(const http::Request& request);
    void list_connections(const http::Request& request);
    void delete_connection(const http::Request& request);
    // access_endpoints.cpp
    void list_users(const http::Request& request);
    void put_user(const http::Request& request);
    void delete_user(const http::Request& request);
    void list_vhosts(const http::Request& request);
    void put_vhost(const http::Request& request);
    void delete_vhost(const http::Request& request);
    void list_permissions(const http::Request& request);
    void put_permission(const http::Request& request);
    void delete_permission(const http::Request& request);
    void list_topic_permissions(const http::Request& request);
    void put_topic_permission(const http::Request& request);
    void delete_topic_permission(const http::Request& request);
    // policy_endpoints.cpp
    void list_policies(const http::Request& request);
    void put_policy(const http::Request& request);
    void delete_policy(const http::Request& request);

    void answer(std::string json_body, int status = 200);
    void answer_list(Result<std::string> json_body);
    void refuse(const Error& error);
    /// Sends a change; its answer is 201 if it made something new, else 200.
    void change(broker::AdminCommand command, bool makes_new = false);
    /// Asks a shard.
    void ask(ShardId shard, broker::ShardCommand command, std::function<void(const broker::QueueCounts&)> then);

    [[nodiscard]] const broker::Catalog& catalog() const { return backend_.catalog(host_.broker().core()); }
    [[nodiscard]] Asker asker() const { return {host_.broker().core(), host_.id()}; }
    /// Errors: not_found.
    [[nodiscard]] Result<const broker::VhostDefinition*> vhost(const std::string& name) const;
    [[nodiscard]] Result<const broker::QueueDefinition*> queue(const http::Request& request) const;
    /// The vhost that the query narrows a list to; null: none named. Errors: not_found.
    [[nodiscard]] Result<const broker::VhostDefinition*> wanted_vhost(const http::Request& request) const;
    [[nodiscard]] static std::optional<VhostId> id_of(const broker::VhostDefinition* vhost) {
        return vhost == nullptr ? std::nullopt : std::optional(vhost->id);
    }
    [[nodiscard]] std::string vhost_name(VhostId id) const;
    [[nodiscard]] Result<broker::UserDefinition> user_from(const http::Request& request,
                                                           std::optional<std::string>& password) const;
    [[nodiscard]] Result<broker::PolicyDefinition> policy_from(const http::Request& request) const;
    [[nodiscard]] Result<broker::DeclareQueue> queue_from(const http::Request& request) const;
    [[nodiscard]] VhostNames vhost_names() const;
    void ask_figures(const std::shared_ptr<QueueList>& list);
    /// Writes a list, whose rows were gathered, beside the core, and answers with it.
    template <class List, class Rows>
    void write_beside(const std::shared_ptr<List>& list, Rows rows);

    protocols::SessionHost& host_;
    AdminBackend& backend_;
    Respond respond_;
    RequestId last_request_;
    bool makes_new_ = false;
    std::function<void(const broker::QueueCounts&)> on_counts_;
};

}  // namespace fantail::server
