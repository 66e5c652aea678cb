// SPDX-License-Identifier: Apache-2.0
//! /api/exchanges, /api/bindings, /api/connections.
#include <boost/json.hpp>
#include <charconv>

#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

json::object json_of_connection(const ConnectionRow& row) {
    // As text: JavaScript's numbers do not hold 64 bits.
    return {{"id", std::to_string(row.id.value)},
            {"core", core_of(row.id).value},
            {"peer", row.peer},
            {"tls", row.tls},
            {"protocol", row.session.protocol},
            {"client_name", utf8(row.session.client_name)},
            {"user", utf8(row.session.user)},
            {"vhost", utf8(row.session.vhost)},
            {"state", row.session.state},
            {"channels", row.session.channels},
            {"consumers", row.session.consumers},
            {"bytes_in", row.bytes_in},
            {"bytes_out", row.bytes_out}};
}

}  // namespace

void AdminApi::list_exchanges(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    std::vector<const broker::ExchangeDefinition*> found;
    const auto take = [&](const broker::ExchangeDefinition& exchange) { found.push_back(&exchange); };
    if (*wanted != nullptr) catalog().for_each_exchange((*wanted)->id, take);
    else catalog().for_each_exchange(take);
    const std::size_t total = found.size();
    cut_page(found, *page,
             [](const auto* a, const auto* b) { return std::tie(a->vhost, a->name) < std::tie(b->vhost, b->name); });
    json::array items;
    for (const broker::ExchangeDefinition* each : found) {
        items.push_back(json::object{{"vhost", vhost_name(each->vhost)},
                                     {"name", utf8(each->name)},
                                     {"type", utf8(each->type_name)},
                                     {"durable", each->durable},
                                     {"auto_delete", each->auto_delete},
                                     {"internal", each->internal},
                                     {"arguments", json_of(record::FieldTableView(each->arguments))},
                                     {"policy", utf8(each->policy)},
                                     {"bindings", catalog().binding_count(*each)}});
    }
    answer(list_body(total, *page, std::move(items)));
}

void AdminApi::list_bindings(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    std::vector<broker::BindingDefinition> found;
    catalog().for_each_binding([&](const broker::BindingDefinition& binding) {
        if (*wanted == nullptr || binding.vhost == (*wanted)->id) found.push_back(binding);
    });
    const std::size_t total = found.size();
    cut_page(found, *page, [](const broker::BindingDefinition& a, const broker::BindingDefinition& b) {
        return std::tie(a.vhost, a.source, a.destination, a.routing_key) <
               std::tie(b.vhost, b.source, b.destination, b.routing_key);
    });
    json::array items;
    for (const broker::BindingDefinition& each : found) {
        items.push_back(json::object{{"vhost", vhost_name(each.vhost)},
                                     {"source", utf8(each.source)},
                                     {"destination", utf8(each.destination)},
                                     {"destination_type", each.to_exchange ? "exchange" : "queue"},
                                     {"routing_key", utf8(each.routing_key)},
                                     {"arguments", json_of(record::FieldTableView(each.arguments))}});
    }
    answer(list_body(total, *page, std::move(items)));
}

void AdminApi::list_connections(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const std::string vhost_wanted(request.parameter("vhost"));
    backend_.gather_connections(asker(), [this, page = *page, vhost_wanted](std::vector<ConnectionRow> rows) {
        if (!vhost_wanted.empty())
            std::erase_if(rows, [&](const ConnectionRow& row) { return row.session.vhost != vhost_wanted; });
        const std::size_t total = rows.size();
        cut_page(rows, page, [](const ConnectionRow& a, const ConnectionRow& b) { return a.id < b.id; });
        json::array items;
        for (const ConnectionRow& row : rows) items.push_back(json_of_connection(row));
        answer(list_body(total, page, std::move(items)));
    });
}

void AdminApi::delete_connection(const http::Request& request) {
    const std::string& text = request.segments[2];
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size())
        return refuse({ErrorCode::malformed, "an id is a number"});
    backend_.close_connection(asker(), ConnectionId(id), "closed by an administrator", [this, text](bool found) {
        if (found) answer("{}");
        else refuse({ErrorCode::not_found, "no connection " + text});
    });
}

}  // namespace fantail::server
