// SPDX-License-Identifier: Apache-2.0
//! /api/bindings and the bindings of one exchange or queue. Those of the default exchange are implied, and not listed.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/crc32c.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/admin/topology_change.hpp"

namespace fantail::server {

namespace json = boost::json;

/// What a binding's path names.
struct BindingEnds {
    const broker::VhostDefinition* vhost = nullptr;
    std::string source;
    std::string destination;
    bool to_exchange = false;
    [[nodiscard]] bool are_of(const broker::BindingDefinition& each) const {
        return each.vhost == vhost->id && each.source == source && each.destination == destination &&
               each.to_exchange == to_exchange;
    }
};

namespace {

/// RabbitMQ's properties_key in form: the routing key, encoded, and a hash of the arguments if there are any; ~ if neither.
std::string key_of(const broker::BindingDefinition& binding) {
    std::string key;
    for (const char c : http::encode_percent(binding.routing_key)) {
        if (c == '~') key += "%7E";
        else key.push_back(c);
    }
    const record::FieldTableView arguments(binding.arguments);
    if (arguments.empty()) return key.empty() ? "~" : key;
    return fmt::format("{}~{:08x}", key, crc32c(arguments.bytes()));
}

json::object json_of_binding(const broker::BindingDefinition& each, const std::string& vhost) {
    return {{"source", utf8(each.source)},           {"vhost", vhost},
            {"destination", utf8(each.destination)}, {"destination_type", each.to_exchange ? "exchange" : "queue"},
            {"routing_key", utf8(each.routing_key)}, {"arguments", json_of(record::FieldTableView(each.arguments))},
            {"properties_key", key_of(each)}};
}

struct BindingList {
    Page page;
    VhostNames vhosts;
    std::function<bool(const broker::BindingDefinition&)> keep;
    std::vector<broker::BindingDefinition> rows;
    Result<std::string> body;

    void write() {
        std::erase_if(rows, [this](const auto& row) { return !vhosts.contains(row.vhost) || !keep(row); });
        const ListCounts counts =
            cut_page(rows, page, [](const broker::BindingDefinition& a, const broker::BindingDefinition& b) {
                return std::tie(a.vhost, a.source, a.destination, a.routing_key) <
                       std::tie(b.vhost, b.source, b.destination, b.routing_key);
            });
        json::array items;
        for (const broker::BindingDefinition& each : rows)
            items.push_back(json_of_binding(each, vhosts.at(each.vhost)));
        body = list_body(counts, page, std::move(items));
    }
};

}  // namespace

template <class Keep>
void AdminApi::list_some_bindings(const http::Request& request, Keep keep) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<BindingList>(BindingList{*page, vhost_names(), std::move(keep), {}, {}});
    backend_.list_bindings(asker(), id_of(*wanted), [this, list](std::vector<broker::BindingDefinition> rows) {
        write_beside(list, std::move(rows));
    });
}

void AdminApi::list_bindings(const http::Request& request) {
    list_some_bindings(request, [](const auto&) { return true; });
}

void AdminApi::list_bindings_between(const http::Request& request) {
    const auto ends = ends_of(request);
    if (!ends) return refuse(ends.error());
    // Beside the core the vhost may be gone: only its id is looked at, which list_bindings() has narrowed the rows to.
    list_some_bindings(request, [source = ends->source, destination = ends->destination,
                                 to_exchange = ends->to_exchange](const broker::BindingDefinition& each) {
        return each.source == source && each.destination == destination && each.to_exchange == to_exchange;
    });
}

void AdminApi::list_bindings_from(const http::Request& request) {
    const auto found = exchange(request);
    if (!found) return refuse(found.error());
    list_some_bindings(request, [name = (*found)->name](const auto& each) { return each.source == name; });
}

void AdminApi::list_bindings_to_exchange(const http::Request& request) {
    const auto found = exchange(request);
    if (!found) return refuse(found.error());
    list_some_bindings(
        request, [name = (*found)->name](const auto& each) { return each.to_exchange && each.destination == name; });
}

void AdminApi::list_bindings_to_queue(const http::Request& request) {
    const auto found = queue(request);
    if (!found) return refuse(found.error());
    list_some_bindings(
        request, [name = (*found)->name](const auto& each) { return !each.to_exchange && each.destination == name; });
}

/// /api/bindings/VHOST/e/SOURCE/q|e/DESTINATION…
Result<BindingEnds> AdminApi::ends_of(const http::Request& request) const {
    BindingEnds ends;
    FANTAIL_TRY(ends.vhost, vhost(request.segments[2]));
    ends.source = exchange_name(request.segments[4]);
    ends.to_exchange = request.segments[5] == "e";
    ends.destination = ends.to_exchange ? exchange_name(request.segments[6]) : request.segments[6];
    return ends;
}

/// The one that the path's key names.
Result<broker::BindingDefinition> AdminApi::binding(const http::Request& request) const {
    FANTAIL_TRY(const BindingEnds ends, ends_of(request));
    const std::string& key = request.segments[7];
    std::optional<broker::BindingDefinition> found;
    const auto compare = [&](const broker::BindingDefinition& each) {
        if (ends.are_of(each) && key_of(each) == key) found = each;
    };
    if (ends.to_exchange) {
        if (const auto* to = catalog().exchange(ends.vhost->id, ends.destination))
            catalog().for_each_binding_to(*to, compare);
    } else if (const auto* to = catalog().queue(ends.vhost->id, ends.destination)) {
        catalog().for_each_binding_to(*to, compare);
    }
    if (!found) return fail(ErrorCode::not_found, "no such binding");
    return *std::move(found);
}

void AdminApi::get_binding(const http::Request& request) {
    const auto found = binding(request);
    if (!found) return refuse(found.error());
    answer(json::serialize(json_of_binding(*found, vhost_name(found->vhost))));
}

void AdminApi::post_binding(const http::Request& request) {
    auto wanted = [&]() -> Result<broker::BindingDefinition> {
        FANTAIL_TRY(const BindingEnds ends, ends_of(request));
        FANTAIL_TRY(const json::object body, parse_object(request.body));
        FANTAIL_CHECK(only_members_of_body(body, {"routing_key", "arguments"}));
        FANTAIL_TRY(const auto key, text_member(body, "routing_key"));
        if (key && key->size() > amqp091::shortstr_size_max)
            return fail(ErrorCode::malformed, "'routing_key' has more than 255 bytes");
        FANTAIL_TRY(Bytes arguments, table_member(body, "arguments"));
        return broker::BindingDefinition{ends.vhost->id,   ends.source,      ends.destination,
                                         ends.to_exchange, key.value_or(""), std::move(arguments)};
    }();
    if (!wanted) return refuse(wanted.error());
    const auto link = link_to(*catalog().vhost(wanted->vhost));
    auto checked = as_result(amqp091::checked_binding(*link, *std::move(wanted)));
    if (!checked) return refuse(checked.error());
    const auto binding = std::make_shared<const broker::BindingDefinition>(*checked);
    send(broker::Bind{*std::move(checked)}, [this, link, binding](const broker::AdminReply& reply) {
        if (!reply.outcome) return refuse(refusal_of(amqp091::explain(*link, *binding, reply.outcome.error())));
        const std::string location =
            http::encode_percent(binding->destination) + "/" + http::encode_percent(key_of(*binding));
        respond_({.status = 201, .body = "", .headers = {{"Location", location}}});
    });
}

void AdminApi::delete_binding(const http::Request& request) {
    auto found = binding(request);
    if (!found) return refuse(found.error());
    const auto link = link_to(*catalog().vhost(found->vhost));
    auto checked = as_result(amqp091::checked_binding(*link, *std::move(found)));
    if (!checked) return refuse(checked.error());
    change(broker::Unbind{*std::move(checked)});
}

}  // namespace fantail::server
