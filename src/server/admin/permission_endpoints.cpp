// SPDX-License-Identifier: Apache-2.0
//! /api/permissions and /api/topic-permissions.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {
constexpr auto no_name = [](const auto*) { return std::string_view(); };
constexpr auto by_vhost_and_user = [](const auto* a, const auto* b) {
    return std::tie(a->vhost, a->user) < std::tie(b->vhost, b->user);
};
}  // namespace

void AdminApi::list_permissions(const http::Request& request) {
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto permissions = catalog().permissions();
    if (*wanted != nullptr) std::erase_if(permissions, [&](const auto* each) { return each->vhost != (*wanted)->id; });
    answer_list(small_list(request, std::move(permissions), by_vhost_and_user, no_name,
                           [this](const auto* each) { return permission_json(*each, vhost_name(each->vhost)); }));
}

void AdminApi::list_permissions_of_user(const http::Request& request) {
    if (const auto named = user(request.segments[2]); !named) return refuse(named.error());
    auto permissions = catalog().permissions();
    std::erase_if(permissions, [&](const auto* each) { return each->user != request.segments[2]; });
    answer_list(small_list(request, std::move(permissions), by_vhost_and_user, no_name,
                           [this](const auto* each) { return permission_json(*each, vhost_name(each->vhost)); }));
}

void AdminApi::get_permission(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    for (const broker::PermissionDefinition* each : catalog().permissions())
        if (each->vhost == (*in)->id && each->user == request.segments[3])
            return answer(json::serialize(permission_json(*each, utf8((*in)->name))));
    refuse(
        {ErrorCode::not_found, "user '" + request.segments[3] + "' has no permissions in vhost '" + (*in)->name + "'"});
}

void AdminApi::put_permission(const http::Request& request) {
    const auto permission = [&]() -> Result<broker::PermissionDefinition> {
        FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
        if (catalog().user(request.segments[3]) == nullptr)
            return fail(ErrorCode::not_found, "no user '" + request.segments[3] + "'");
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        return permission_from(body, request.segments[3], in->id);
    }();
    if (!permission) return refuse(permission.error());
    const bool is_new = !catalog().may_enter(permission->user, permission->vhost);
    change(broker::PutPermission{*permission}, is_new);
}

void AdminApi::delete_permission(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    change(broker::RemovePermission{request.segments[3], (*in)->id});
}

template <class Keep>
void AdminApi::list_some_topic_permissions(const http::Request& request, Keep keep) {
    auto permissions = catalog().topic_permissions();
    std::erase_if(permissions, [&](const auto* each) { return !keep(*each); });
    const auto less = [](const auto* a, const auto* b) {
        return std::tie(a->vhost, a->user, a->exchange) < std::tie(b->vhost, b->user, b->exchange);
    };
    answer_list(small_list(request, std::move(permissions), less, no_name,
                           [this](const auto* each) { return topic_permission_json(*each, vhost_name(each->vhost)); }));
}

void AdminApi::list_topic_permissions(const http::Request& request) {
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    list_some_topic_permissions(request, [in = id_of(*wanted)](const auto& each) { return !in || each.vhost == *in; });
}

void AdminApi::list_topic_permissions_of_user(const http::Request& request) {
    if (const auto named = user(request.segments[2]); !named) return refuse(named.error());
    list_some_topic_permissions(request, [&name = request.segments[2]](const auto& each) { return each.user == name; });
}

void AdminApi::list_topic_permissions_in_vhost(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    if (const auto named = user(request.segments[3]); !named) return refuse(named.error());
    list_some_topic_permissions(request, [id = (*in)->id, &name = request.segments[3]](const auto& each) {
        return each.vhost == id && each.user == name;
    });
}

void AdminApi::put_topic_permission(const http::Request& request) {
    const auto permission = [&]() -> Result<broker::TopicPermissionDefinition> {
        FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
        if (catalog().user(request.segments[3]) == nullptr)
            return fail(ErrorCode::not_found, "no user '" + request.segments[3] + "'");
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        return topic_permission_from(body, request.segments[3], in->id);
    }();
    if (!permission) return refuse(permission.error());
    const auto& p = *permission;
    const bool is_new = catalog().topic_permission(p.user, p.vhost, p.exchange) == nullptr;
    change(broker::PutTopicPermission{p}, is_new);
}

void AdminApi::delete_topic_permission(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    change(broker::RemoveTopicPermission{request.segments[3], (*in)->id, request.segments[4]});
}

}  // namespace fantail::server
