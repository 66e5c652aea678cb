// SPDX-License-Identifier: Apache-2.0
//! The table of paths: what the guide and a reader see is all there is.
#include "server/admin/endpoints.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace {

constexpr Need none = Need::nothing;
constexpr Need monitoring = Need::monitoring;
constexpr Need policymaker = Need::policymaker;
constexpr Need administrator = Need::administrator;
constexpr Need management = Need::management;
constexpr std::string_view lists = list_parameters;
/// A routing key with all of it encoded, and a hash.
constexpr std::size_t binding_key_size_max = 3 * limits::name_size_max + 9;
constexpr std::string_view if_parameters = "if-unused if-empty if_unused if_empty";

/// Calls `each` for every word; stops and returns true when it does.
template <class Each>
bool any_piece(std::string_view text, char separator, Each each) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (each(text.substr(0, end))) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

bool offers(std::string_view parameters, std::string_view name) {
    return any_piece(parameters, ' ', [name](std::string_view each) { return each == name; });
}

}  // namespace

const AdminApi::Endpoint AdminApi::endpoint_table[] = {
    {"GET", "healthz", &AdminApi::get_healthz, none},
    {"GET", "readyz", &AdminApi::get_readyz, none},
    {"GET", "metrics", &AdminApi::get_metrics, none},
    {"GET", "api/overview", &AdminApi::get_overview, management, lists},
    {"GET", "api/whoami", &AdminApi::get_whoami},
    {"GET", "api/cluster-name", &AdminApi::get_cluster_name},
    {"GET", "api/nodes", &AdminApi::list_nodes, monitoring, lists},
    {"GET", "api/nodes/{node}", &AdminApi::get_node, monitoring, lists},
    {"GET", "api/nodes/{node}/memory", &AdminApi::get_node_memory, monitoring},
    {"GET", "api/auth", &AdminApi::get_auth, none},
    {"GET", "api/feature-flags", &AdminApi::list_nothing, management, lists},
    {"GET", "api/extensions", &AdminApi::list_nothing, management, lists},
    {"GET", "api/aliveness-test/{vhost}", &AdminApi::check_aliveness},
    {"GET", "api/health/checks/alarms", &AdminApi::check_alarms},
    {"GET", "api/health/checks/local-alarms", &AdminApi::check_alarms},
    {"GET", "api/health/checks/is-in-service", &AdminApi::check_service},
    {"GET", "api/health/checks/ready-to-serve-clients", &AdminApi::check_service},
    {"GET", "api/health/checks/virtual-hosts", &AdminApi::check_vhosts},
    {"GET", "api/health/checks/node-is-quorum-critical", &AdminApi::check_quorum},
    {"GET", "api/health/checks/below-node-connection-limit", &AdminApi::check_service},
    {"GET", "api/health/checks/quorum-queues-without-elected-leaders/all-vhosts", &AdminApi::check_leaders},
    {"GET", "api/health/checks/quorum-queues-without-elected-leaders/all-vhosts/pattern/{pattern}",
     &AdminApi::check_leaders},
    {"GET", "api/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}", &AdminApi::check_leaders},
    {"GET", "api/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}/pattern/{pattern}",
     &AdminApi::check_leaders},
    {"GET", "api/health/checks/port-listener/{port}", &AdminApi::check_port},
    {"GET", "api/health/checks/protocol-listener/{protocol}", &AdminApi::check_protocol},
    {"GET", "api/health/checks/certificate-expiration/{within}/{unit}", &AdminApi::check_certificates},
    {"GET", "api/queues", &AdminApi::list_queues, management, lists},
    {"GET", "api/queues/detailed", &AdminApi::list_all_queues, management, lists},
    {"GET", "api/queues/{vhost}", &AdminApi::list_queues, management, lists},
    {"GET", "api/queues/{vhost}/{name}", &AdminApi::get_queue, management, lists},
    {"PUT", "api/queues/{vhost}/{name}", &AdminApi::put_queue},
    {"DELETE", "api/queues/{vhost}/{name}", &AdminApi::delete_queue, management, if_parameters},
    {"GET", "api/queues/{vhost}/{name}/bindings", &AdminApi::list_bindings_to_queue, management, lists},
    {"DELETE", "api/queues/{vhost}/{name}/contents", &AdminApi::delete_contents},
    {"POST", "api/queues/{vhost}/{name}/purge", &AdminApi::purge_queue},
    {"POST", "api/queues/{vhost}/{name}/get", &AdminApi::get_messages},
    {"GET", "api/exchanges", &AdminApi::list_exchanges, management, lists},
    {"GET", "api/exchanges/{vhost}", &AdminApi::list_exchanges, management, lists},
    {"GET", "api/exchanges/{vhost}/{name}", &AdminApi::get_exchange, management, lists},
    {"PUT", "api/exchanges/{vhost}/{name}", &AdminApi::put_exchange},
    {"DELETE", "api/exchanges/{vhost}/{name}", &AdminApi::delete_exchange, management, if_parameters},
    {"POST", "api/exchanges/{vhost}/{name}/publish", &AdminApi::publish},
    {"GET", "api/exchanges/{vhost}/{name}/bindings/source", &AdminApi::list_bindings_from, management, lists},
    {"GET", "api/exchanges/{vhost}/{name}/bindings/destination", &AdminApi::list_bindings_to_exchange, management,
     lists},
    {"GET", "api/bindings", &AdminApi::list_bindings, management, lists},
    {"GET", "api/bindings/{vhost}", &AdminApi::list_bindings, management, lists},
    {"GET", "api/bindings/{vhost}/e/{source}/q/{queue}", &AdminApi::list_bindings_between, management, lists},
    {"GET", "api/bindings/{vhost}/e/{source}/e/{exchange}", &AdminApi::list_bindings_between, management, lists},
    {"POST", "api/bindings/{vhost}/e/{source}/q/{queue}", &AdminApi::post_binding},
    {"POST", "api/bindings/{vhost}/e/{source}/e/{exchange}", &AdminApi::post_binding},
    {"GET", "api/bindings/{vhost}/e/{source}/q/{queue}/{key}", &AdminApi::get_binding},
    {"GET", "api/bindings/{vhost}/e/{source}/e/{exchange}/{key}", &AdminApi::get_binding},
    {"DELETE", "api/bindings/{vhost}/e/{source}/q/{queue}/{key}", &AdminApi::delete_binding},
    {"DELETE", "api/bindings/{vhost}/e/{source}/e/{exchange}/{key}", &AdminApi::delete_binding},
    {"GET", "api/topics", &AdminApi::list_topics, management, lists},
    {"GET", "api/topics/{vhost}", &AdminApi::list_topics, management, lists},
    {"GET", "api/topics/{vhost}/{name}", &AdminApi::get_topic},
    {"PUT", "api/topics/{vhost}/{name}", &AdminApi::put_topic},
    {"DELETE", "api/topics/{vhost}/{name}", &AdminApi::delete_topic},
    {"GET", "api/groups", &AdminApi::list_groups, monitoring, lists},
    {"GET", "api/groups/{name}", &AdminApi::get_group, monitoring},
    {"DELETE", "api/groups/{name}", &AdminApi::delete_group, administrator},
    {"PUT", "api/groups/{name}/offsets", &AdminApi::put_group_offsets, administrator},
    {"GET", "api/connections", &AdminApi::list_connections, management, lists},
    {"GET", "api/vhosts/{vhost}/connections", &AdminApi::list_connections, management, lists},
    {"GET", "api/connections/username/{user}", &AdminApi::list_connections_of_user, management, lists},
    {"DELETE", "api/connections/username/{user}", &AdminApi::delete_connections_of_user},
    {"GET", "api/connections/{id}", &AdminApi::get_connection},
    {"DELETE", "api/connections/{id}", &AdminApi::delete_connection},
    {"GET", "api/channels", &AdminApi::list_channels, management, lists},
    {"GET", "api/vhosts/{vhost}/channels", &AdminApi::list_channels, management, lists},
    {"GET", "api/consumers", &AdminApi::list_consumers, management, lists},
    {"GET", "api/consumers/{vhost}", &AdminApi::list_consumers, management, lists},
    {"GET", "api/users", &AdminApi::list_users, administrator, lists},
    {"GET", "api/users/{name}", &AdminApi::get_user, administrator},
    {"PUT", "api/users/{name}", &AdminApi::put_user, administrator},
    {"DELETE", "api/users/{name}", &AdminApi::delete_user, administrator},
    {"GET", "api/users/{name}/permissions", &AdminApi::list_permissions_of_user, administrator, lists},
    {"GET", "api/users/{name}/topic-permissions", &AdminApi::list_topic_permissions_of_user, administrator, lists},
    {"GET", "api/vhosts", &AdminApi::list_vhosts, management, lists},
    {"GET", "api/vhosts/{vhost}", &AdminApi::get_vhost},
    {"PUT", "api/vhosts/{name}", &AdminApi::put_vhost, administrator},
    {"DELETE", "api/vhosts/{name}", &AdminApi::delete_vhost, administrator},
    {"GET", "api/vhosts/{vhost}/permissions", &AdminApi::list_permissions, administrator, lists},
    {"GET", "api/vhosts/{vhost}/topic-permissions", &AdminApi::list_topic_permissions, administrator, lists},
    {"GET", "api/vhost-limits", &AdminApi::list_vhost_limits, management, lists},
    {"GET", "api/vhost-limits/{vhost}", &AdminApi::list_vhost_limits, management, lists},
    {"PUT", "api/vhost-limits/{name}/{limit}", &AdminApi::put_vhost_limit, administrator},
    {"DELETE", "api/vhost-limits/{name}/{limit}", &AdminApi::delete_vhost_limit, administrator},
    {"GET", "api/user-limits", &AdminApi::list_user_limits, administrator, lists},
    {"GET", "api/user-limits/{user}", &AdminApi::list_user_limits, administrator, lists},
    {"PUT", "api/user-limits/{user}/{limit}", &AdminApi::put_user_limit, administrator},
    {"DELETE", "api/user-limits/{user}/{limit}", &AdminApi::delete_user_limit, administrator},
    {"GET", "api/permissions", &AdminApi::list_permissions, administrator, lists},
    {"GET", "api/permissions/{vhost}/{user}", &AdminApi::get_permission, administrator},
    {"PUT", "api/permissions/{vhost}/{user}", &AdminApi::put_permission, administrator},
    {"DELETE", "api/permissions/{vhost}/{user}", &AdminApi::delete_permission, administrator},
    {"GET", "api/topic-permissions", &AdminApi::list_topic_permissions, administrator, lists},
    {"GET", "api/topic-permissions/{vhost}/{user}", &AdminApi::list_topic_permissions_in_vhost, administrator, lists},
    {"PUT", "api/topic-permissions/{vhost}/{user}", &AdminApi::put_topic_permission, administrator},
    {"DELETE", "api/topic-permissions/{vhost}/{user}/{exchange}", &AdminApi::delete_topic_permission, administrator},
    {"GET", "api/policies", &AdminApi::list_policies, management, lists},
    {"GET", "api/policies/{vhost}", &AdminApi::list_policies, management, lists},
    {"GET", "api/policies/{vhost}/{name}", &AdminApi::get_policy},
    {"PUT", "api/policies/{vhost}/{name}", &AdminApi::put_policy, policymaker},
    {"DELETE", "api/policies/{vhost}/{name}", &AdminApi::delete_policy, policymaker},
    {"GET", "api/operator-policies", &AdminApi::list_policies, management, lists},
    {"GET", "api/operator-policies/{vhost}", &AdminApi::list_policies, management, lists},
    {"GET", "api/operator-policies/{vhost}/{name}", &AdminApi::get_policy},
    {"PUT", "api/operator-policies/{vhost}/{name}", &AdminApi::put_policy, administrator},
    {"DELETE", "api/operator-policies/{vhost}/{name}", &AdminApi::delete_policy, administrator},
    {"GET", "api/parameters", &AdminApi::list_parameters, policymaker, lists},
    {"GET", "api/parameters/{component}", &AdminApi::list_parameters, policymaker, lists},
    {"GET", "api/parameters/{component}/{vhost}", &AdminApi::list_parameters, policymaker, lists},
    {"GET", "api/parameters/{component}/{vhost}/{name}", &AdminApi::get_parameter, policymaker},
    {"GET", "api/global-parameters", &AdminApi::list_nothing, policymaker, lists},
    {"GET", "api/definitions", &AdminApi::get_definitions, administrator, "download auth"},
    {"POST", "api/definitions", &AdminApi::post_definitions, administrator},
    {"GET", "api/definitions/{vhost}", &AdminApi::get_vhost_definitions, administrator, "download auth"},
    {"POST", "api/definitions/{vhost}", &AdminApi::post_definitions, administrator},
};

std::span<const AdminApi::Endpoint> AdminApi::endpoints() { return endpoint_table; }

bool fits(std::string_view path, const std::vector<std::string>& segments) {
    std::size_t at = 0;
    const bool differs = any_piece(path, '/', [&](std::string_view wanted) {
        if (at >= segments.size()) return true;
        const std::string& got = segments[at++];
        return !wanted.starts_with('{') && wanted != got;
    });
    return !differs && at == segments.size();
}

std::optional<std::size_t> vhost_segment(std::string_view path) {
    std::size_t at = 0;
    const bool found = any_piece(path, '/', [&at](std::string_view each) { return each == "{vhost}" || ++at == 0; });
    return found ? std::optional(at) : std::nullopt;
}

Result<void> check_target(const http::Request& request, std::string_view path, std::string_view parameters) {
    if (!request.target_fault.empty()) return fail(ErrorCode::malformed, request.target_fault);
    std::size_t at = 0;
    const bool too_long = any_piece(path, '/', [&](std::string_view each) {
        const std::size_t size = request.segments[at++].size();
        return each.starts_with('{') && size > (each == "{key}" ? binding_key_size_max : limits::name_size_max);
    });
    for (const std::string& segment : request.segments)
        if (segment.find_first_of("\r\n") != std::string::npos)
            return fail(ErrorCode::malformed, "a name in the path has a line end in it");
    if (too_long) return fail(ErrorCode::malformed, "a name in the path has more than 255 bytes");
    for (const auto& [name, value] : request.query)
        if (!offers(parameters, name))
            return fail(ErrorCode::malformed, "'" + name + "' in the query is not offered here");
    return {};
}

}  // namespace fantail::server
