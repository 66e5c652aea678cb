// SPDX-License-Identifier: Apache-2.0
//! /api/exchanges.
#include <boost/json.hpp>

#include "protocols/amqp091/exchange_arguments.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/admin/topology_change.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

json::object json_of_exchange(const broker::ExchangeDefinition& each, std::string vhost, std::size_t bindings) {
    return {{"vhost", std::move(vhost)},
            {"name", utf8(each.name)},
            {"type", utf8(each.type_name)},
            {"durable", each.durable},
            {"auto_delete", each.auto_delete},
            {"internal", each.internal},
            {"arguments", json_of(record::FieldTableView(each.arguments))},
            {"policy", each.policy.empty() ? json::value(nullptr) : json::value(utf8(each.policy))},
            {"bindings", bindings}};
}

struct ExchangeList {
    Page page;
    VhostNames vhosts;
    std::vector<ExchangeRow> rows;
    Result<std::string> body;

    void write() {
        std::erase_if(rows, [this](const ExchangeRow& row) { return !vhosts.contains(row.definition.vhost); });
        const ListCounts counts = cut_page(
            rows, page,
            [](const ExchangeRow& a, const ExchangeRow& b) {
                return std::tie(a.definition.vhost, a.definition.name) <
                       std::tie(b.definition.vhost, b.definition.name);
            },
            [](const ExchangeRow& each) -> std::string_view { return each.definition.name; });
        json::array items;
        for (const ExchangeRow& row : rows)
            items.push_back(json_of_exchange(row.definition, vhosts.at(row.definition.vhost), row.bindings));
        body = list_body(counts, page, std::move(items));
    }
};

Result<broker::DeclareExchange> exchange_from(const amqp091::Link& link, const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(
        only_members_of_body(body, {"type", "durable", "auto_delete", "internal", "arguments", "node", "alternate"}));
    FANTAIL_TRY(const auto type, text_member(body, "type"));
    FANTAIL_TRY(const auto durable, flag_member(body, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(body, "auto_delete"));
    FANTAIL_TRY(const auto internal, flag_member(body, "internal"));
    FANTAIL_TRY(const Bytes arguments, table_member(body, "arguments"));
    if (!type) return fail(ErrorCode::malformed, "'type' is needed: direct, fanout, topic, headers …");
    const std::string name = exchange_name(request.segments[3]);
    amqp091::ExchangeDeclare method;
    method.exchange = name;
    method.type = *type;
    method.durable = durable.value_or(true);
    method.auto_delete = auto_delete.value_or(false);
    method.internal = internal.value_or(false);
    method.arguments = arguments;
    return as_result(amqp091::declare_exchange(link, method));
}

}  // namespace

void AdminApi::list_exchanges(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<ExchangeList>(*page, vhost_names());
    backend_.list_exchanges(asker(), id_of(*wanted),
                            [this, list](std::vector<ExchangeRow> rows) { write_beside(list, std::move(rows)); });
}

Result<const broker::ExchangeDefinition*> AdminApi::exchange(const http::Request& request) const {
    FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
    const std::string name = exchange_name(request.segments[3]);
    const broker::ExchangeDefinition* found = catalog().exchange(in->id, name);
    if (found == nullptr) return fail(ErrorCode::not_found, "no exchange '" + name + "' in vhost '" + in->name + "'");
    return found;
}

void AdminApi::get_exchange(const http::Request& request) {
    const auto found = exchange(request);
    if (!found) return refuse(found.error());
    answer(json::serialize(json_of_exchange(**found, vhost_name((*found)->vhost), catalog().binding_count(**found))));
}

void AdminApi::put_exchange(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    auto link = link_to(**in);
    auto declare = exchange_from(*link, request);
    if (!declare) return refuse(declare.error());
    const bool is_new = !exchange(request).has_value();
    change_topology(std::move(link), std::move(*declare), is_new);
}

void AdminApi::delete_exchange(const http::Request& request) {
    const auto found = exchange(request);
    if (!found) return refuse(found.error());
    auto link = link_to(*catalog().vhost((*found)->vhost));
    const bool if_unused = request.parameter("if-unused") == "true" || request.parameter("if_unused") == "true";
    amqp091::ExchangeDelete method;
    method.exchange = (*found)->name;
    method.if_unused = if_unused;
    auto command = amqp091::delete_exchange(*link, method);
    if (!command) return refuse(refusal_of(command.error()));
    change_topology(std::move(link), std::move(*command), false);
}

}  // namespace fantail::server
