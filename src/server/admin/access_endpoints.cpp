// SPDX-License-Identifier: Apache-2.0
//! /api/users, /api/vhosts, /api/permissions, /api/topic-permissions.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

constexpr std::size_t password_size_max = 1024;
constexpr std::size_t tags_max = 64;

Result<std::vector<std::string>> tags_of(const json::value& value) {
    std::vector<std::string> tags;
    if (!value.is_array() || value.as_array().size() > tags_max)
        return fail(ErrorCode::malformed, "'tags' must be a list of at most 64 texts");
    for (const json::value& each : value.as_array()) {
        if (!each.is_string()) return fail(ErrorCode::malformed, "'tags' must be a list of texts");
        tags.emplace_back(each.as_string());
    }
    return tags;
}

/// A limit: absent for none. Errors: malformed (negative or too large).
Result<std::optional<std::uint32_t>> limit_member(const json::object& body, std::string_view name) {
    FANTAIL_TRY(const auto value, number_member(body, name));
    if (!value) return std::nullopt;
    if (*value < 0 || *value > 0xFFFF'FFFF)
        return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be from 0 to 4294967295");
    return static_cast<std::uint32_t>(*value);
}

Result<broker::VhostDefinition> vhost_from(const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members(body, {"description", "default_queue_type", "connections_max", "queues_max"}));
    broker::VhostDefinition vhost;
    vhost.name = request.segments[2];
    FANTAIL_TRY(const auto description, text_member(body, "description"));
    FANTAIL_TRY(const auto type, text_member(body, "default_queue_type"));
    FANTAIL_TRY(vhost.connections_max, limit_member(body, "connections_max"));
    FANTAIL_TRY(vhost.queues_max, limit_member(body, "queues_max"));
    vhost.description = description.value_or("");
    if (type) {
        vhost.default_queue_kind = kind_of(*type);
        if (!vhost.default_queue_kind)
            return fail(ErrorCode::malformed, "'default_queue_type' must be classic, quorum or stream");
    }
    return vhost;
}

json::value limit_json(const std::optional<std::uint32_t>& limit) {
    return limit ? json::value(*limit) : json::value(nullptr);
}

}  // namespace

void AdminApi::list_users(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    auto users = catalog().users();
    const ListCounts counts = cut_page(
        users, *page, [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; });
    json::array items;
    for (const broker::UserDefinition* user : users) {
        json::array tags;
        for (const std::string& tag : user->tags) tags.emplace_back(utf8(tag));
        items.push_back(json::object{{"name", utf8(user->name)},
                                     {"tags", std::move(tags)},
                                     {"has_password", !user->password_hash.empty()},
                                     {"connections_max", limit_json(user->connections_max)},
                                     {"channels_max", limit_json(user->channels_max)}});
    }
    answer_list(list_body(counts, *page, std::move(items)));
}

Result<broker::UserDefinition> AdminApi::user_from(const http::Request& request,
                                                   std::optional<std::string>& password) const {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members(body, {"password", "tags", "connections_max", "channels_max"}));
    // What the body does not name stays as it is.
    const broker::UserDefinition* present = catalog().user(request.segments[2]);
    broker::UserDefinition user = present == nullptr ? broker::UserDefinition() : *present;
    user.name = request.segments[2];
    FANTAIL_TRY(password, text_member(body, "password"));
    if (password && password->size() > password_size_max)
        return fail(ErrorCode::malformed, "a password has at most 1024 bytes");
    if (const json::value* tags = body.if_contains("tags")) {
        FANTAIL_TRY(user.tags, tags_of(*tags));
    }
    if (body.contains("connections_max")) {
        FANTAIL_TRY(user.connections_max, limit_member(body, "connections_max"));
    }
    if (body.contains("channels_max")) {
        FANTAIL_TRY(user.channels_max, limit_member(body, "channels_max"));
    }
    return user;
}

void AdminApi::put_user(const http::Request& request) {
    std::optional<std::string> password;
    auto user = user_from(request, password);
    if (!user) return refuse(user.error());
    const bool is_new = catalog().user(user->name) == nullptr;
    if (!password) return change(broker::PutUser{std::move(*user), !is_new}, is_new);
    auto put = std::make_shared<broker::PutUser>(std::move(*user), false);
    backend_.calculate(
        asker(), [put, text = *password] { put->definition.password_hash = hash_password(text); },
        [this, put, is_new] { change(std::move(*put), is_new); });
}

void AdminApi::delete_user(const http::Request& request) { change(broker::RemoveUser{request.segments[2]}); }

void AdminApi::list_vhosts(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    auto vhosts = catalog().vhosts();
    const ListCounts counts = cut_page(
        vhosts, *page, [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; });
    json::array items;
    for (const broker::VhostDefinition* vhost : vhosts) {
        items.push_back(json::object{
            {"name", utf8(vhost->name)},
            {"description", utf8(vhost->description)},
            {"default_queue_type", kind_name(vhost->default_queue_kind.value_or(broker::QueueKind::classic))},
            {"connections_max", limit_json(vhost->connections_max)},
            {"queues_max", limit_json(vhost->queues_max)},
            {"queues", catalog().queue_count(vhost->id)}});
    }
    answer_list(list_body(counts, *page, std::move(items)));
}

void AdminApi::put_vhost(const http::Request& request) {
    auto vhost = vhost_from(request);
    if (!vhost) return refuse(vhost.error());
    const bool is_new = catalog().vhost(vhost->name) == nullptr;
    change(broker::PutVhost{std::move(*vhost)}, is_new);
}

void AdminApi::delete_vhost(const http::Request& request) { change(broker::RemoveVhost{request.segments[2]}); }

void AdminApi::list_permissions(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto permissions = catalog().permissions();
    if (*wanted != nullptr) std::erase_if(permissions, [&](const auto* each) { return each->vhost != (*wanted)->id; });
    const ListCounts counts = cut_page(permissions, *page, [](const auto* a, const auto* b) {
        return std::tie(a->vhost, a->user) < std::tie(b->vhost, b->user);
    });
    json::array items;
    for (const broker::PermissionDefinition* each : permissions) {
        items.push_back(json::object{{"vhost", vhost_name(each->vhost)},
                                     {"user", utf8(each->user)},
                                     {"configure", utf8(each->configure)},
                                     {"write", utf8(each->write)},
                                     {"read", utf8(each->read)}});
    }
    answer_list(list_body(counts, *page, std::move(items)));
}

void AdminApi::put_permission(const http::Request& request) {
    const auto permission = [&]() -> Result<broker::PermissionDefinition> {
        FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
        if (catalog().user(request.segments[3]) == nullptr)
            return fail(ErrorCode::not_found, "no user '" + request.segments[3] + "'");
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        FANTAIL_CHECK(only_members(body, {"configure", "write", "read"}));
        FANTAIL_TRY(const auto configure, text_member(body, "configure"));
        FANTAIL_TRY(const auto write, text_member(body, "write"));
        FANTAIL_TRY(const auto read, text_member(body, "read"));
        if (!configure || !write || !read)
            return fail(ErrorCode::malformed,
                        "'configure', 'write' and 'read' are needed: regular expressions over names");
        return broker::PermissionDefinition{request.segments[3], in->id, *configure, *write, *read};
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

void AdminApi::list_topic_permissions(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto permissions = catalog().topic_permissions();
    if (*wanted != nullptr) std::erase_if(permissions, [&](const auto* each) { return each->vhost != (*wanted)->id; });
    const ListCounts counts = cut_page(permissions, *page, [](const auto* a, const auto* b) {
        return std::tie(a->vhost, a->user, a->exchange) < std::tie(b->vhost, b->user, b->exchange);
    });
    json::array items;
    for (const broker::TopicPermissionDefinition* each : permissions) {
        items.push_back(json::object{{"vhost", vhost_name(each->vhost)},
                                     {"user", utf8(each->user)},
                                     {"exchange", utf8(each->exchange)},
                                     {"write", utf8(each->write)},
                                     {"read", utf8(each->read)}});
    }
    answer_list(list_body(counts, *page, std::move(items)));
}

void AdminApi::put_topic_permission(const http::Request& request) {
    const auto permission = [&]() -> Result<broker::TopicPermissionDefinition> {
        FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        FANTAIL_CHECK(only_members(body, {"write", "read"}));
        FANTAIL_TRY(const auto write, text_member(body, "write"));
        FANTAIL_TRY(const auto read, text_member(body, "read"));
        if (!write || !read)
            return fail(ErrorCode::malformed, "'write' and 'read' are needed: regular expressions over keys");
        return broker::TopicPermissionDefinition{request.segments[3], in->id, request.segments[4], *write, *read};
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
