// SPDX-License-Identifier: Apache-2.0
//! Which request goes where, and how answers and refusals look.
#include "server/admin/admin_api.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "server/admin/json_text.hpp"

namespace fantail::server {

namespace json = boost::json;

/// `path` with {} for each variable segment.
struct AdminApi::Endpoint {
    std::string_view method;
    std::vector<std::string_view> path;
    Handler handler;
};

// One table, so that the guide and a reader see all there is.
const AdminApi::Endpoint AdminApi::endpoints[] = {
    {"GET", {"healthz"}, &AdminApi::get_healthz},
    {"GET", {"readyz"}, &AdminApi::get_readyz},
    {"GET", {"metrics"}, &AdminApi::get_metrics},
    {"GET", {"api", "overview"}, &AdminApi::get_overview},
    {"GET", {"api", "queues"}, &AdminApi::list_queues},
    {"GET", {"api", "queues", "{}"}, &AdminApi::list_queues},
    {"GET", {"api", "queues", "{}", "{}"}, &AdminApi::get_queue},
    {"PUT", {"api", "queues", "{}", "{}"}, &AdminApi::put_queue},
    {"DELETE", {"api", "queues", "{}", "{}"}, &AdminApi::delete_queue},
    {"POST", {"api", "queues", "{}", "{}", "purge"}, &AdminApi::purge_queue},
    {"GET", {"api", "exchanges"}, &AdminApi::list_exchanges},
    {"GET", {"api", "bindings"}, &AdminApi::list_bindings},
    {"GET", {"api", "connections"}, &AdminApi::list_connections},
    {"DELETE", {"api", "connections", "{}"}, &AdminApi::delete_connection},
    {"GET", {"api", "users"}, &AdminApi::list_users},
    {"PUT", {"api", "users", "{}"}, &AdminApi::put_user},
    {"DELETE", {"api", "users", "{}"}, &AdminApi::delete_user},
    {"GET", {"api", "vhosts"}, &AdminApi::list_vhosts},
    {"PUT", {"api", "vhosts", "{}"}, &AdminApi::put_vhost},
    {"DELETE", {"api", "vhosts", "{}"}, &AdminApi::delete_vhost},
    {"GET", {"api", "permissions"}, &AdminApi::list_permissions},
    {"PUT", {"api", "permissions", "{}", "{}"}, &AdminApi::put_permission},
    {"DELETE", {"api", "permissions", "{}", "{}"}, &AdminApi::delete_permission},
    {"GET", {"api", "topic-permissions"}, &AdminApi::list_topic_permissions},
    {"PUT", {"api", "topic-permissions", "{}", "{}", "{}"}, &AdminApi::put_topic_permission},
    {"DELETE", {"api", "topic-permissions", "{}", "{}", "{}"}, &AdminApi::delete_topic_permission},
    {"GET", {"api", "policies"}, &AdminApi::list_policies},
    {"PUT", {"api", "policies", "{}", "{}"}, &AdminApi::put_policy},
    {"DELETE", {"api", "policies", "{}", "{}"}, &AdminApi::delete_policy},
    {"PUT", {"api", "operator-policies", "{}", "{}"}, &AdminApi::put_policy},
    {"DELETE", {"api", "operator-policies", "{}", "{}"}, &AdminApi::delete_policy},
};

namespace {

bool fits(const std::vector<std::string_view>& path, const std::vector<std::string>& segments) {
    return std::ranges::equal(path, segments, [](std::string_view wanted, const std::string& got) {
        return wanted == "{}" || wanted == got;
    });
}

int status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed:
        case ErrorCode::unsupported: return 400;
        case ErrorCode::not_authenticated: return 401;
        case ErrorCode::access_refused:
        case ErrorCode::not_allowed: return 403;
        case ErrorCode::not_found: return 404;
        case ErrorCode::already_exists:
        case ErrorCode::precondition_failed:
        case ErrorCode::locked: return 409;
        case ErrorCode::too_large: return 413;
        case ErrorCode::no_space:
        case ErrorCode::unavailable: return 503;
        case ErrorCode::io:
        case ErrorCode::corrupt:
        case ErrorCode::fenced:
        case ErrorCode::internal: return 500;
    }
    return 500;
}

}  // namespace

void AdminApi::handle(const http::Request& request) {
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    std::string allowed;
    for (const Endpoint& endpoint : endpoints) {
        if (!fits(endpoint.path, request.segments)) continue;
        if (endpoint.method == method) return (this->*endpoint.handler)(request);
        allowed += (allowed.empty() ? "" : ", ") + std::string(endpoint.method);
    }
    if (allowed.empty()) return refuse({ErrorCode::not_found, "no such resource: " + utf8(request.path)});
    respond_({.status = 405, .body = error_body("only " + allowed + " here"), .headers = {{"Allow", allowed}}});
}

bool AdminApi::open_to_all(const http::Request& request) {
    return request.segments.size() == 1 && (request.method == "GET" || request.method == "HEAD");
}

std::string AdminApi::error_body(const std::string& reason) {
    return json::serialize(json::object{{"error", utf8(reason)}});
}

void AdminApi::answer(std::string json_body, int status) { respond_({.status = status, .body = std::move(json_body)}); }

void AdminApi::answer_list(Result<std::string> json_body) {
    if (json_body) answer(std::move(*json_body));
    else refuse(json_body.error());
}

void AdminApi::refuse(const Error& error) {
    respond_({.status = status_of(error.code), .body = error_body(error.message)});
}

void AdminApi::change(broker::AdminCommand command, bool makes_new) {
    last_request_ = last_request_.plus(1);
    makes_new_ = makes_new;
    host_.broker().send(last_request_, std::move(command));
}

void AdminApi::ask(ShardId shard, broker::ShardCommand command, std::function<void(const broker::QueueCounts&)> then) {
    last_request_ = last_request_.plus(1);
    on_counts_ = std::move(then);
    host_.broker().send(shard, last_request_, std::move(command));
}

void AdminApi::on_event(broker::Event& event) {
    if (const auto* reply = std::get_if<broker::AdminReply>(&event)) {
        if (reply->request != last_request_) return;
        if (!reply->outcome) return refuse(reply->outcome.error());
        answer("{}", makes_new_ ? 201 : 200);
    } else if (const auto* counts = std::get_if<broker::QueueCounts>(&event)) {
        if (counts->request != last_request_ || !on_counts_) return;
        const auto then = std::exchange(on_counts_, nullptr);
        if (!counts->found) return refuse({ErrorCode::not_found, "the queue does not exist any more"});
        then(*counts);
    }
}

Result<const broker::VhostDefinition*> AdminApi::vhost(const std::string& name) const {
    const broker::VhostDefinition* found = catalog().vhost(name);
    if (found == nullptr) return fail(ErrorCode::not_found, "no vhost '" + name + "'");
    return found;
}

Result<const broker::VhostDefinition*> AdminApi::wanted_vhost(const http::Request& request) const {
    const std::string name =
        request.segments.size() > 2 ? request.segments[2] : std::string(request.parameter("vhost"));
    if (name.empty()) return nullptr;
    return vhost(name);
}

VhostNames AdminApi::vhost_names() const {
    VhostNames names;
    for (const broker::VhostDefinition* each : catalog().vhosts()) names[each->id] = utf8(each->name);
    return names;
}

std::string AdminApi::vhost_name(VhostId id) const {
    const broker::VhostDefinition* found = catalog().vhost(id);
    return found == nullptr ? std::string() : utf8(found->name);
}

}  // namespace fantail::server
