// SPDX-License-Identifier: Apache-2.0
//! /api/parameters: what RabbitMQ keeps as parameters, to be read; each kind is changed by paths of its own.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

json::object parameter(std::string_view component, std::string_view name, const std::string& vhost,
                       json::object value) {
    return {{"component", component}, {"name", name}, {"vhost", vhost}, {"value", std::move(value)}};
}

std::string_view text_at(const json::value& row, std::string_view name) { return row.at(name).as_string(); }

/// Those that the path names: /api/parameters/COMPONENT/VHOST/NAME, or the beginning of it.
std::vector<json::value> named_by(const http::Request& request, const json::array& all) {
    constexpr std::string_view members[] = {"component", "vhost", "name"};
    std::vector<json::value> rows(all.begin(), all.end());
    for (std::size_t i = 2; i < request.segments.size(); ++i)
        std::erase_if(
            rows, [&](const json::value& row) { return text_at(row, members[i - 2]) != utf8(request.segments[i]); });
    return rows;
}

}  // namespace

json::array parameters_json(const broker::Catalog& catalog, const std::unordered_map<VhostId, std::string>& vhosts) {
    json::array out;
    for (const broker::VhostDefinition* vhost : catalog.vhosts()) {
        auto limits = limits_of(*vhost);
        if (!limits.empty() && vhosts.contains(vhost->id))
            out.push_back(parameter("vhost-limits", "limits", vhosts.at(vhost->id), std::move(limits)));
    }
    for (const broker::PolicyDefinition* policy : catalog.policies()) {
        if (!policy->is_operator || !vhosts.contains(policy->vhost)) continue;
        json::object value = policy_json(*policy, "");
        value.erase("vhost");
        value.erase("name");
        out.push_back(parameter("operator_policy", utf8(policy->name), vhosts.at(policy->vhost), std::move(value)));
    }
    return out;
}

void AdminApi::list_parameters(const http::Request& request) {
    if (request.segments.size() > 3)
        if (const auto in = vhost(request.segments[3]); !in) return refuse(in.error());
    const auto key = [](const json::value& row) {
        return std::tuple(text_at(row, "vhost"), text_at(row, "component"), text_at(row, "name"));
    };
    answer_list(small_list(
        request, named_by(request, parameters_json(catalog(), vhost_names())),
        [key](const json::value& a, const json::value& b) { return key(a) < key(b); },
        [](const json::value& row) { return text_at(row, "name"); }, [](const json::value& row) { return row; }));
}

void AdminApi::get_parameter(const http::Request& request) {
    const auto found = named_by(request, parameters_json(catalog(), vhost_names()));
    if (found.empty()) return refuse({ErrorCode::not_found, "no such parameter"});
    answer(json::serialize(found.front()));
}

/// What RabbitMQ has lists of and there is none of here.
void AdminApi::list_nothing(const http::Request&) { answer("[]"); }

}  // namespace fantail::server
