// SPDX-License-Identifier: Apache-2.0
//! /api/vhost-limits and /api/user-limits: limits by themselves, one at a time.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

constexpr std::int64_t no_limit = -1;

/// The change of one limit, in the form of a definition's body. Errors: malformed.
Result<json::object> limit_change(const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members_of_body(body, {"value"}));
    FANTAIL_TRY(const auto value, number_member(body, "value"));
    if (!value) return fail(ErrorCode::malformed, "'value' must be there: the limit, or -1 for none");
    return json::object{{"limits", json::object{{request.segments[3], *value}}}};
}

json::object limit_removal(const http::Request& request) {
    return {{"limits", json::object{{request.segments[3], no_limit}}}};
}

/// Those of `all` that have a limit, and the name that is asked for if there is one, as {"<noun>": name, "value": limits}.
template <class Definition>
Result<std::string> list_of_limits(const http::Request& request, std::string_view noun,
                                   std::vector<const Definition*> all) {
    const std::string wanted = request.segments.size() > 2 ? request.segments[2] : "";
    std::erase_if(all, [&wanted](const Definition* each) {
        return limits_of(*each).empty() || (!wanted.empty() && each->name != wanted);
    });
    return small_list(
        request, std::move(all), [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; },
        [noun](const auto* each) { return json::object{{noun, utf8(each->name)}, {"value", limits_of(*each)}}; });
}

}  // namespace

void AdminApi::list_vhost_limits(const http::Request& request) {
    if (request.segments.size() > 2) {
        if (const auto named = vhost(request.segments[2]); !named) return refuse(named.error());
    }
    auto vhosts = catalog().vhosts();
    std::erase_if(vhosts, [this](const auto* each) { return !may_see(each->id); });
    answer_list(list_of_limits(request, "vhost", std::move(vhosts)));
}

void AdminApi::change_vhost_limits(const http::Request& request, const Result<json::object>& body) {
    const auto present = vhost(request.segments[2]);
    if (!present) return refuse(present.error());
    if (!body) return refuse(body.error());
    auto changed = vhost_from(*body, request.segments[2], catalog());
    if (!changed) return refuse(changed.error());
    change(broker::PutVhost{std::move(*changed)});
}

void AdminApi::put_vhost_limit(const http::Request& request) { change_vhost_limits(request, limit_change(request)); }
void AdminApi::delete_vhost_limit(const http::Request& request) {
    change_vhost_limits(request, limit_removal(request));
}

void AdminApi::list_user_limits(const http::Request& request) {
    if (request.segments.size() > 2) {
        if (const auto named = user(request.segments[2]); !named) return refuse(named.error());
    }
    answer_list(list_of_limits(request, "user", catalog().users()));
}

void AdminApi::change_user_limits(const http::Request& request, const Result<json::object>& body) {
    if (const auto present = user(request.segments[2]); !present) return refuse(present.error());
    if (!body) return refuse(body.error());
    auto changed = user_from(*body, request.segments[2], catalog());
    if (!changed) return refuse(changed.error());
    change(std::move(changed->put));
}

void AdminApi::put_user_limit(const http::Request& request) { change_user_limits(request, limit_change(request)); }
void AdminApi::delete_user_limit(const http::Request& request) { change_user_limits(request, limit_removal(request)); }

}  // namespace fantail::server
