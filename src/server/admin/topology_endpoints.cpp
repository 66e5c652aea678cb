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

std::string name_in(const VhostNames& vhosts, VhostId id) {
    const auto at = vhosts.find(id);
    return at == vhosts.end() ? std::string() : at->second;
}

struct ExchangeList {
    Page page;
    VhostNames vhosts;
    std::vector<ExchangeRow> rows;
    Result<std::string> body;

    void write() {
        const ListCounts counts = cut_page(
            rows, page,
            [](const ExchangeRow& a, const ExchangeRow& b) {
                return std::tie(a.definition.vhost, a.definition.name) <
                       std::tie(b.definition.vhost, b.definition.name);
            },
            [](const ExchangeRow& each) -> std::string_view { return each.definition.name; });
        json::array items;
        for (const ExchangeRow& row : rows) items.push_back(json_of_row(row));
        body = list_body(counts, page, std::move(items));
    }
    [[nodiscard]] json::object json_of_row(const ExchangeRow& row) const {
        const broker::ExchangeDefinition& each = row.definition;
        return {{"vhost", name_in(vhosts, each.vhost)},
                {"name", utf8(each.name)},
                {"type", utf8(each.type_name)},
                {"durable", each.durable},
                {"auto_delete", each.auto_delete},
                {"internal", each.internal},
                {"arguments", json_of(record::FieldTableView(each.arguments))},
                {"policy", utf8(each.policy)},
                {"bindings", row.bindings}};
    }
};

struct BindingList {
    Page page;
    VhostNames vhosts;
    std::vector<broker::BindingDefinition> rows;
    Result<std::string> body;

    void write() {
        const ListCounts counts =
            cut_page(rows, page, [](const broker::BindingDefinition& a, const broker::BindingDefinition& b) {
                return std::tie(a.vhost, a.source, a.destination, a.routing_key) <
                       std::tie(b.vhost, b.source, b.destination, b.routing_key);
            });
        json::array items;
        for (const broker::BindingDefinition& each : rows) {
            items.push_back(json::object{{"vhost", name_in(vhosts, each.vhost)},
                                         {"source", utf8(each.source)},
                                         {"destination", utf8(each.destination)},
                                         {"destination_type", each.to_exchange ? "exchange" : "queue"},
                                         {"routing_key", utf8(each.routing_key)},
                                         {"arguments", json_of(record::FieldTableView(each.arguments))}});
        }
        body = list_body(counts, page, std::move(items));
    }
};

struct ConnectionList {
    Page page;
    std::string vhost;  ///< only of this one; empty: all
    std::vector<ConnectionRow> rows;
    Result<std::string> body;

    void write() {
        if (!vhost.empty()) std::erase_if(rows, [&](const ConnectionRow& row) { return row.session.vhost != vhost; });
        const ListCounts counts =
            cut_page(rows, page, [](const ConnectionRow& a, const ConnectionRow& b) { return a.id < b.id; });
        json::array items;
        for (const ConnectionRow& row : rows) items.push_back(json_of_connection(row));
        body = list_body(counts, page, std::move(items));
    }
};

}  // namespace

template <class List, class Rows>
void AdminApi::write_beside(const std::shared_ptr<List>& list, Rows rows) {
    list->rows = std::move(rows);
    backend_.calculate(asker(), [list] { list->write(); }, [this, list] { answer_list(std::move(list->body)); });
}

void AdminApi::list_exchanges(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<ExchangeList>(*page, vhost_names());
    backend_.list_exchanges(asker(), id_of(*wanted),
                            [this, list](std::vector<ExchangeRow> rows) { write_beside(list, std::move(rows)); });
}

void AdminApi::list_bindings(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<BindingList>(*page, vhost_names());
    backend_.list_bindings(asker(), id_of(*wanted), [this, list](std::vector<broker::BindingDefinition> rows) {
        write_beside(list, std::move(rows));
    });
}

void AdminApi::list_connections(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    auto list = std::make_shared<ConnectionList>(*page, std::string(request.parameter("vhost")));
    backend_.gather_connections(asker(),
                                [this, list](std::vector<ConnectionRow> rows) { write_beside(list, std::move(rows)); });
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
