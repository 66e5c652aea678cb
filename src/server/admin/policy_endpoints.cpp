// SPDX-License-Identifier: Apache-2.0
//! /api/policies and /api/operator-policies.
#include <boost/json.hpp>
#include <limits>

#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/admin/policy_definition.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

bool is_operator(const http::Request& request) { return request.segments[1] == "operator-policies"; }

json::object definition_of(const broker::PolicyDefinition& policy) {
    json::object out;
    for (const auto& [key, text] : policy.keys) {
        boost::system::error_code error;
        json::value value = json::parse(text, error);
        out[utf8(key)] = error ? json::value(utf8(text)) : std::move(value);
    }
    return out;
}

}  // namespace

void AdminApi::list_policies(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto policies = catalog().policies();
    if (*wanted != nullptr) std::erase_if(policies, [&](const auto* each) { return each->vhost != (*wanted)->id; });
    const auto less = [](const auto* a, const auto* b) {
        return std::tie(a->vhost, a->is_operator, a->name) < std::tie(b->vhost, b->is_operator, b->name);
    };
    const ListCounts counts =
        cut_page(policies, *page, less, [](const auto* each) -> std::string_view { return each->name; });
    json::array items;
    for (const broker::PolicyDefinition* each : policies) {
        items.push_back(json::object{{"vhost", vhost_name(each->vhost)},
                                     {"name", utf8(each->name)},
                                     {"pattern", utf8(each->pattern)},
                                     {"apply_to", target_name(each->apply_to)},
                                     {"priority", each->priority},
                                     {"operator", each->is_operator},
                                     {"definition", definition_of(*each)}});
    }
    answer_list(list_body(counts, *page, std::move(items)));
}

Result<broker::PolicyDefinition> AdminApi::policy_from(const http::Request& request) const {
    FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members(body, {"pattern", "apply_to", "priority", "definition"}));
    FANTAIL_TRY(const auto pattern, text_member(body, "pattern"));
    FANTAIL_TRY(const auto apply_to, text_member(body, "apply_to"));
    FANTAIL_TRY(const auto priority, number_member(body, "priority"));
    const json::value* definition = body.if_contains("definition");
    if (!pattern) return fail(ErrorCode::malformed, "'pattern' is needed: a regular expression over names");
    if (definition == nullptr || !definition->is_object())
        return fail(ErrorCode::malformed, "'definition' is needed: an object");
    const auto target = target_of(apply_to.value_or("all"));
    if (!target)
        return fail(ErrorCode::malformed,
                    "'apply_to' must be all, queues, classic_queues, quorum_queues, streams or exchanges");
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (priority.value_or(0) < -most || priority.value_or(0) > most)
        return fail(ErrorCode::malformed, "'priority' is a 32-bit number");
    broker::PolicyDefinition policy;
    policy.vhost = in->id;
    policy.name = request.segments[3];
    policy.pattern = *pattern;
    policy.apply_to = *target;
    policy.priority = static_cast<std::int32_t>(priority.value_or(0));
    policy.is_operator = is_operator(request);
    FANTAIL_CHECK(read_policy_definition(definition->as_object(), policy));
    return policy;
}

void AdminApi::put_policy(const http::Request& request) {
    auto policy = policy_from(request);
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
