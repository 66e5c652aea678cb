// SPDX-License-Identifier: Apache-2.0
//! /api/queues.
#include <boost/json.hpp>
#include <unordered_map>

#include "protocols/amqp091/queue_arguments.hpp"
#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

void add_figures(json::object& out, const broker::QueueFigures& f) {
    out["ready"] = f.ready;
    out["unsettled"] = f.unsettled;
    out["consumers"] = f.consumers;
    out["body_bytes"] = f.body_bytes;
    out["published"] = f.published;
    out["delivered"] = f.delivered;
    out["redelivered"] = f.redelivered;
    out["settled"] = f.settled;
}

json::object queue_json(const broker::QueueDefinition& queue, const VhostNames& vhosts) {
    const auto vhost = vhosts.find(queue.vhost);
    return {{"vhost", vhost == vhosts.end() ? "" : vhost->second},
            {"name", utf8(queue.name)},
            {"type", kind_name(queue.kind)},
            {"durable", queue.durable},
            {"auto_delete", queue.auto_delete},
            {"exclusive", queue.exclusive_owner.has_value()},
            {"arguments", json_of(record::FieldTableView(queue.arguments))},
            {"policy", utf8(queue.policy)},
            {"operator_policy", utf8(queue.operator_policy)},
            {"shard", shard_of(queue.id).value}};
}

}  // namespace

/// Gathered on its core; what takes long with many queues is done beside it.
struct QueueList {
    Page page;
    ListCounts counts;
    VhostNames vhosts;
    std::vector<broker::QueueDefinitionRef> queues;  ///< all, then those of the page
    std::vector<broker::QueueFigures> figures;
    Result<std::string> body;

    void cut() {
        counts = cut_page(
            queues, page,
            [](const auto& a, const auto& b) { return std::tie(a->vhost, a->name) < std::tie(b->vhost, b->name); },
            [](const auto& each) -> std::string_view { return each->name; });
    }
    void write() {
        std::unordered_map<QueueId, const broker::QueueFigures*> by_queue;
        for (const broker::QueueFigures& each : figures) by_queue[each.queue] = &each;
        json::array items;
        items.reserve(queues.size());
        for (const broker::QueueDefinitionRef& queue : queues) {
            json::object row = queue_json(*queue, vhosts);
            if (const auto found = by_queue.find(queue->id); found != by_queue.end()) add_figures(row, *found->second);
            items.push_back(std::move(row));
        }
        body = list_body(counts, page, std::move(items));
    }
};

void AdminApi::list_queues(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<QueueList>();
    list->page = *page;
    list->vhosts = vhost_names();
    backend_.list_queues(asker(), id_of(*wanted), [this, list](std::vector<broker::QueueDefinitionRef> queues) {
        list->queues = std::move(queues);
        backend_.calculate(asker(), [list] { list->cut(); }, [this, list] { ask_figures(list); });
    });
}

void AdminApi::ask_figures(const std::shared_ptr<QueueList>& list) {
    auto ids = std::make_shared<std::vector<QueueId>>();
    for (const broker::QueueDefinitionRef& queue : list->queues) ids->push_back(queue->id);
    backend_.gather_queues(asker(), std::move(ids), [this, list](std::vector<broker::QueueFigures> figures) {
        list->figures = std::move(figures);
        backend_.calculate(asker(), [list] { list->write(); }, [this, list] { answer_list(std::move(list->body)); });
    });
}

Result<const broker::QueueDefinition*> AdminApi::queue(const http::Request& request) const {
    FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
    const broker::QueueDefinition* found = catalog().queue(in->id, request.segments[3]);
    if (found == nullptr)
        return fail(ErrorCode::not_found, "no queue '" + request.segments[3] + "' in vhost '" + in->name + "'");
    return found;
}

void AdminApi::get_queue(const http::Request& request) {
    const auto found = queue(request);
    if (!found) return refuse(found.error());
    json::object body = queue_json(**found, vhost_names());
    body["options"] = json_of(*(*found)->options);
    // Its own shard is asked, and nobody else: this is cheap however many queues there are.
    ask(shard_of((*found)->id), broker::Inspect{(*found)->id}, [this, body](const broker::QueueCounts& counts) mutable {
        body["ready"] = counts.ready;
        body["unsettled"] = counts.unsettled;
        body["consumers"] = counts.consumers;
        answer(json::serialize(body));
    });
}

Result<broker::DeclareQueue> AdminApi::queue_from(const http::Request& request) const {
    FANTAIL_TRY(const broker::VhostDefinition* in, vhost(request.segments[2]));
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members(body, {"durable", "auto_delete", "arguments"}));
    FANTAIL_TRY(const auto durable, flag_member(body, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(body, "auto_delete"));
    broker::DeclareQueue declare;
    declare.vhost = in->id;
    declare.name = request.segments[3];
    declare.durable = durable.value_or(true);
    declare.auto_delete = auto_delete.value_or(false);
    declare.near = host_.broker().core();
    if (declare.name.starts_with("amq."))
        return fail(ErrorCode::access_refused, "names that begin with amq. are the broker's own");
    if (const json::value* arguments = body.if_contains("arguments")) {
        if (!arguments->is_object()) return fail(ErrorCode::malformed, "'arguments' must be an object");
        FANTAIL_TRY(declare.arguments, table_of(arguments->as_object()));
    }
    amqp091::Link link(host_, nullptr);
    link.vhost = in->id;
    link.vhost_name = in->name;
    const auto understood = amqp091::parse_queue_arguments(
        link, {.name = declare.name,
               .durable = declare.durable,
               .exclusive = false,
               .auto_delete = declare.auto_delete,
               .arguments = record::FieldTableView(declare.arguments),
               .default_kind = in->default_queue_kind.value_or(broker::QueueKind::classic)});
    if (!understood) return fail(ErrorCode::malformed, understood.error().text);
    declare.kind = understood->kind;
    declare.options = understood->options;
    return declare;
}

void AdminApi::put_queue(const http::Request& request) {
    auto declare = queue_from(request);
    if (!declare) return refuse(declare.error());
    const bool is_new = !queue(request).has_value();
    change(std::move(*declare), is_new);
}

void AdminApi::delete_queue(const http::Request& request) {
    const auto found = queue(request);
    if (!found) return refuse(found.error());
    change(broker::DeleteQueue{.vhost = (*found)->vhost,
                               .name = (*found)->name,
                               .if_unused = request.parameter("if_unused") == "true",
                               .if_empty = request.parameter("if_empty") == "true"});
}

void AdminApi::purge_queue(const http::Request& request) {
    const auto found = queue(request);
    if (!found) return refuse(found.error());
    if ((*found)->kind == broker::QueueKind::stream)
        return refuse({ErrorCode::unsupported, "streams cannot be purged"});
    ask(shard_of((*found)->id), broker::Purge{(*found)->id}, [this](const broker::QueueCounts& counts) {
        answer(json::serialize(json::object{{"purged", counts.purged}}));
    });
}

}  // namespace fantail::server
