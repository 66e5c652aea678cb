// SPDX-License-Identifier: Apache-2.0
//! /api/users.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

json::object json_of_user(const broker::UserDefinition& user) {
    return {{"name", utf8(user.name)},
            {"tags", tags_json(user)},
            {"has_password", !user.password_hash.empty()},
            {"limits", limits_of(user)}};
}

}  // namespace

void AdminApi::list_users(const http::Request& request) {
    answer_list(small_list(
        request, catalog().users(), [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; },
        [](const auto* each) { return json_of_user(*each); }));
}

void AdminApi::get_user(const http::Request& request) {
    const auto found = user(request.segments[2]);
    if (!found) return refuse(found.error());
    answer(json::serialize(json_of_user(**found)));
}

void AdminApi::put_user(const http::Request& request) {
    const auto body = parse_object(request.body);
    if (!body) return refuse(body.error());
    auto user = user_from(*body, request.segments[2], catalog());
    if (!user) return refuse(user.error());
    const bool is_new = catalog().user(request.segments[2]) == nullptr;
    if (!user->password) return change(std::move(user->put), is_new);
    auto put = std::make_shared<broker::PutUser>(std::move(user->put));
    backend_.calculate(
        asker(), [put, text = *user->password] { put->definition.password_hash = hash_password(text); },
        [this, put, is_new] { change(std::move(*put), is_new); });
}

void AdminApi::delete_user(const http::Request& request) { change(broker::RemoveUser{request.segments[2]}); }

}  // namespace fantail::server
