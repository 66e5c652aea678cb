// SPDX-License-Identifier: Apache-2.0
//! /api/queues.
#include <boost/json.hpp>
#include <unordered_map>

#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"
#include "server/admin/topology_change.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

/// By RabbitMQ's names; messages that are held back until later count as unacknowledged.
void add_counts(json::object& out, std::uint64_t ready, std::uint64_t unsettled, std::uint64_t consumers) {
    out["messages"] = ready + unsettled;
    out["messages_ready"] = ready;
    out["messages_unacknowledged"] = unsettled;
    out["consumers"] = consumers;
}

void add_figures(json::object& out, const broker::QueueFigures& f) {
    add_counts(out, f.ready, f.unsettled, f.consumers);
    out["message_bytes"] = f.body_bytes;
    out["message_stats"] = json::object{
        {"publish", f.published}, {"deliver_get", f.delivered}, {"redeliver", f.redelivered}, {"settled", f.settled}};
}

json::value name_or_null(std::string_view name) {
    return name.empty() ? json::value(nullptr) : json::value(utf8(name));
}

json::object queue_json(const broker::QueueDefinition& queue, std::string_view vhost, std::string_view node) {
    return {{"vhost", vhost},
            {"name", utf8(queue.name)},
            {"type", kind_name(queue.kind)},
            {"durable", queue.durable},
            {"auto_delete", queue.auto_delete},
            {"exclusive", queue.exclusive_owner.has_value()},
            {"arguments", json_of(record::FieldTableView(queue.arguments))},
            {"policy", name_or_null(queue.policy)},
            {"operator_policy", name_or_null(queue.operator_policy)},
            {"node", node},
            {"state", "running"},
            {"shard", shard_of(queue.id).value}};
}

Result<broker::DeclareQueue> queue_from(const amqp091::Link& link, const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members_of_body(body, {"durable", "auto_delete", "arguments", "node", "type", "queue_type"}));
    FANTAIL_TRY(const auto durable, flag_member(body, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(body, "auto_delete"));
    FANTAIL_TRY(const Bytes arguments, queue_arguments(body));
    amqp091::QueueDeclare method;
    method.queue = request.segments[3];
    method.durable = durable.value_or(true);
    method.auto_delete = auto_delete.value_or(false);
    method.arguments = arguments;
    return as_result(amqp091::declare_queue(link, method));
}

bool asks(const http::Request& request, std::string_view name, std::string_view other_name) {
    return request.parameter(name) == "true" || request.parameter(other_name) == "true";
}

}  // namespace

/// Gathered on its core; what takes long with many queues is done beside it.
struct QueueList {
    Page page;
    VhostNames vhosts;
    std::string node;
    ListCounts counts;
    std::vector<broker::QueueDefinitionRef> queues;  ///< all, then those of the page
    std::vector<broker::QueueFigures> figures;
    Result<std::string> body;

    void cut() {
        std::erase_if(queues, [this](const auto& queue) { return !vhosts.contains(queue->vhost); });
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
            json::object row = queue_json(*queue, vhosts.at(queue->vhost), node);
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
    list->node = backend_.facts().name;
    backend_.list_queues(asker(), id_of(*wanted), [this, list](std::vector<broker::QueueDefinitionRef> queues) {
        list->queues = std::move(queues);
        backend_.calculate(asker(), [list] { list->cut(); }, [this, list] { ask_figures(list); });
    });
}

/// /api/queues/detailed: every list here is.
void AdminApi::list_all_queues(const http::Request& request) {
    http::Request whole = request;
    whole.segments.resize(2);
    list_queues(whole);
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
    json::object body = queue_json(**found, vhost_name((*found)->vhost), backend_.facts().name);
    body["options"] = json_of(*(*found)->options);
    const QueueId id = (*found)->id;
    // Its own shard is asked, and nobody else: this is cheap however many queues there are.
    auto ids = std::make_shared<std::vector<QueueId>>(1, id);
    backend_.gather_queues(asker(), std::move(ids), [this, body](std::vector<broker::QueueFigures> figures) mutable {
        if (figures.empty()) return refuse({ErrorCode::not_found, "the queue does not exist any more"});
        add_figures(body, figures.front());
        answer(json::serialize(body));
    });
}

void AdminApi::put_queue(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    auto link = link_to(**in);
    auto declare = queue_from(*link, request);
    if (!declare) return refuse(declare.error());
    const bool is_new = !queue(request).has_value();
    change_topology(std::move(link), std::move(*declare), is_new);
}

void AdminApi::delete_queue(const http::Request& request) {
    const auto found = queue(request);
    if (!found) return refuse(found.error());
    auto link = link_to(*catalog().vhost((*found)->vhost));
    amqp091::QueueDelete method;
    method.queue = (*found)->name;
    method.if_unused = asks(request, "if-unused", "if_unused");
    method.if_empty = asks(request, "if-empty", "if_empty");
    auto command = amqp091::delete_queue(*link, method);
    if (!command) return refuse(refusal_of(command.error()));
    change_topology(std::move(link), std::move(*command), false);
}

/// A queue that the caller may purge. Errors: those of AMQP's queue.purge.
Result<const broker::QueueDefinition*> AdminApi::purgeable(const http::Request& request) const {
    FANTAIL_TRY(const broker::QueueDefinition* found, queue(request));
    const auto link = link_to(*catalog().vhost(found->vhost));
    if (auto may = amqp091::check_permission(*link, broker::Operation::read, "queue", found->name); !may)
        return std::unexpected(error_of(may.error()));
    FANTAIL_TRY(found, as_result(amqp091::find_queue(*link, found->name)));
    if (found->kind == broker::QueueKind::stream) return fail(ErrorCode::unsupported, "streams cannot be purged");
    return found;
}

void AdminApi::purge_queue(const http::Request& request) {
    const auto found = purgeable(request);
    if (!found) return refuse(found.error());
    ask(shard_of((*found)->id), broker::Purge{(*found)->id}, [this](const broker::QueueCounts& counts) {
        answer(json::serialize(json::object{{"purged", counts.purged}}));
    });
}

/// RabbitMQ's name for it, which tells no number.
void AdminApi::delete_contents(const http::Request& request) {
    const auto found = purgeable(request);
    if (!found) return refuse(found.error());
    ask(shard_of((*found)->id), broker::Purge{(*found)->id},
        [this](const broker::QueueCounts&) { answer("", http::no_content); });
}

}  // namespace fantail::server
