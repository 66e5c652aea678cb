// SPDX-License-Identifier: Apache-2.0
//! /api/vhosts.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

json::object json_of_vhost(const broker::VhostDefinition& vhost, const broker::Catalog& catalog,
                           const std::string& node) {
    json::object row = vhost_json(vhost);
    row["queues"] = catalog.queue_count(vhost.id);
    row["cluster_state"] = json::object{{node, "running"}};
    return row;
}

}  // namespace

void AdminApi::list_vhosts(const http::Request& request) {
    auto vhosts = catalog().vhosts();
    std::erase_if(vhosts, [this](const auto* each) { return !may_see(each->id); });
    answer_list(small_list(
        request, std::move(vhosts), [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; },
        [this](const auto* each) { return json_of_vhost(*each, catalog(), backend_.facts().name); }));
}

void AdminApi::get_vhost(const http::Request& request) {
    const auto found = vhost(request.segments[2]);
    if (!found) return refuse(found.error());
    answer(json::serialize(json_of_vhost(**found, catalog(), backend_.facts().name)));
}

void AdminApi::put_vhost(const http::Request& request) {
    const auto body = parse_object(request.body);
    if (!body) return refuse(body.error());
    auto vhost = vhost_from(*body, request.segments[2], catalog());
    if (!vhost) return refuse(vhost.error());
    if (catalog().vhost(vhost->name) != nullptr) return change(broker::PutVhost{std::move(*vhost)});
    const std::string name = vhost->name;
    send(broker::PutVhost{std::move(*vhost)}, [this, name](const broker::AdminReply& reply) {
        if (!reply.outcome) return refuse(reply.outcome.error());
        let_creator_in(name);
    });
}

/// As RabbitMQ does: who makes a vhost may use it.
void AdminApi::let_creator_in(const std::string& vhost_name) {
    const auto made = vhost(vhost_name);
    if (!made) return refuse(made.error());
    constexpr std::string_view everything = ".*";
    change(broker::PutPermission{{.user = caller_.name,
                                  .vhost = (*made)->id,
                                  .configure = std::string(everything),
                                  .write = std::string(everything),
                                  .read = std::string(everything)}},
           true);
}

void AdminApi::delete_vhost(const http::Request& request) { change(broker::RemoveVhost{request.segments[2]}); }

}  // namespace fantail::server
