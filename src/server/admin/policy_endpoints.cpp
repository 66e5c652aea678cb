// SPDX-License-Identifier: Apache-2.0
//! /api/policies and /api/operator-policies.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {
bool is_operator(const http::Request& request) { return request.segments[1] == "operator-policies"; }
}  // namespace

void AdminApi::list_policies(const http::Request& request) {
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto policies = catalog().policies();
    std::erase_if(policies, [&](const auto* each) {
        const bool elsewhere = *wanted != nullptr && each->vhost != (*wanted)->id;
        return elsewhere || each->is_operator != is_operator(request) || !may_see(each->vhost);
    });
    answer_list(small_list(
        request, std::move(policies),
        [](const auto* a, const auto* b) { return std::tie(a->vhost, a->name) < std::tie(b->vhost, b->name); },
        [](const auto* each) -> std::string_view { return each->name; },
        [this](const auto* each) { return policy_json(*each, vhost_name(each->vhost)); }));
}

void AdminApi::get_policy(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    for (const broker::PolicyDefinition& each : catalog().policies((*in)->id))
        if (each.name == request.segments[3] && each.is_operator == is_operator(request))
            return answer(json::serialize(policy_json(each, utf8((*in)->name))));
    refuse({ErrorCode::not_found, "no policy '" + request.segments[3] + "' in vhost '" + (*in)->name + "'"});
}

void AdminApi::put_policy(const http::Request& request) {
    auto policy = [&]() -> Result<broker::PolicyDefinition> {
        FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        return policy_from(body, {.vhost = in->id, .name = request.segments[3], .is_operator = is_operator(request)});
    }();
    if (!policy) return refuse(policy.error());
    const auto present = catalog().policies(policy->vhost);
    const bool is_new = std::ranges::none_of(present, [&](const broker::PolicyDefinition& each) {
        return each.name == policy->name && each.is_operator == policy->is_operator;
    });
    change(broker::PutPolicy{std::move(*policy)}, is_new);
}

void AdminApi::delete_policy(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    change(broker::RemovePolicy{(*in)->id, request.segments[3], is_operator(request)});
}

}  // namespace fantail::server
