// SPDX-License-Identifier: Apache-2.0
//! How the process is: /healthz, /readyz, /metrics, /api/overview, /api/nodes, /api/whoami.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "protocols/amqp091/exchange_arguments.hpp"
#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/metrics.hpp"
#include "server/admin/page.hpp"
#include "server/admin/readiness.hpp"
#include "server/config/version.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

/// What /api/overview is written from.
struct Overview {
    std::vector<CoreReport> cores;
    std::uint64_t connections = 0;
    std::uint64_t channels = 0;
};

json::array listeners_json(const std::vector<ListenerRow>& listeners, const std::string& node) {
    json::array out;
    for (const ListenerRow& each : listeners)
        out.push_back(
            json::object{{"node", node}, {"protocol", each.name}, {"ip_address", each.host}, {"port", each.port}});
    return out;
}

json::array exchange_types_json() {
    json::array out;
    for (const std::string_view name : amqp091::exchange_type_names())
        out.push_back(json::object{{"name", name}, {"enabled", true}});
    return out;
}

json::object totals_json(const Overview& overview, std::size_t exchanges) {
    QueueTotals totals;
    for (const CoreReport& core : overview.cores) totals.add(core.totals);
    return {{"queue_totals",
             {{"messages", totals.ready + totals.unsettled},
              {"messages_ready", totals.ready},
              {"messages_unacknowledged", totals.unsettled}}},
            {"object_totals",
             {{"channels", overview.channels},
              {"connections", overview.connections},
              {"consumers", totals.consumers},
              {"exchanges", exchanges},
              {"queues", totals.queues}}},
            {"message_stats",
             {{"publish", totals.published},
              {"deliver_get", totals.delivered},
              {"redeliver", totals.redelivered},
              {"settled", totals.settled}}},
            {"message_bytes", totals.body_bytes}};
}

json::object node_json(const NodeFacts& facts, const ProcessReport& process) {
    json::object node{{"name", facts.name},
                      {"type", "disc"},
                      {"running", true},
                      {"os_pid", std::to_string(facts.process_id)},
                      {"uptime", process.uptime_ms},
                      {"processors", facts.cores},
                      {"mem_used", process.resident_bytes},
                      {"mem_alarm", process.memory_alarm},
                      {"disk_free", process.disk_free},
                      {"disk_free_limit", facts.disk_free_min},
                      {"disk_free_alarm", process.disk_alarm},
                      {"cpu_seconds", static_cast<double>(process.cpu_ns) / 1e9}};
    if (facts.memory_max > 0) node["mem_limit"] = facts.memory_max;
    if (facts.descriptors_max > 0) node["fd_total"] = facts.descriptors_max;
    return node;
}

}  // namespace

std::string unready_reason(const ProcessReport& process, const std::vector<CoreReport>& cores) {
    if (!process.ready) return "starting or stopping";
    for (const CoreReport& core : cores) {
        for (const LogReport& log : core.logs) {
            if (log.state == storage::LogState::no_space) return "storage is full";
            if (log.state == storage::LogState::failed) return "storage failed";
        }
    }
    return {};
}

void AdminApi::get_healthz(const http::Request&) { answer(R"({"status":"alive"})"); }

void AdminApi::get_readyz(const http::Request&) {
    // That every core answers is part of the proof.
    backend_.gather_reports(asker(), {}, [this](const std::vector<CoreReport>& cores) {
        const std::string reason = unready_reason(backend_.process(), cores);
        if (reason.empty()) answer(R"({"status":"ready"})");
        else refuse({ErrorCode::unavailable, reason});
    });
}

void AdminApi::get_metrics(const http::Request&) {
    backend_.gather_reports(asker(), {.totals = true, .queues_max = metric_queues_max},
                            [this](const std::vector<CoreReport>& cores) {
                                respond_({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                          .body = metrics_text(backend_.process(), cores, catalog())});
                            });
}

void AdminApi::get_overview(const http::Request&) {
    auto overview = std::make_shared<Overview>();
    backend_.gather_connections(asker(), false, [this, overview](const std::vector<ConnectionRow>& rows) {
        overview->connections = rows.size();
        for (const ConnectionRow& row : rows) overview->channels += row.session.channels;
        backend_.gather_reports(asker(), {.totals = true}, [this, overview](std::vector<CoreReport> cores) {
            overview->cores = std::move(cores);
            answer_overview(*overview);
        });
    });
}

template <class Seen>
void AdminApi::answer_overview(const Seen& overview) {
    const ProcessReport process = backend_.process();
    const NodeFacts& facts = backend_.facts();
    std::uint64_t disk = 0;
    for (const CoreReport& core : overview.cores)
        for (const LogReport& log : core.logs) disk += log.figures.journal_bytes + log.figures.segment_bytes;
    const std::string unready = unready_reason(process, overview.cores);
    json::object out = totals_json(overview, catalog().exchange_count());
    out["product_name"] = "Fantail";
    out["product_version"] = version;
    out["rabbitmq_version"] = facts.rabbitmq_version;
    out["management_version"] = facts.rabbitmq_version;
    out["cluster_name"] = facts.cluster;
    out["node"] = facts.name;
    out["listeners"] = listeners_json(backend_.listeners(), facts.name);
    out["exchange_types"] = exchange_types_json();
    out["ready"] = unready.empty();
    out["unready_reason"] = unready;
    out["alarm"] = process.alarm;
    out["uptime_s"] = process.uptime_ms / 1000;
    out["cores"] = overview.cores.size();
    out["memory_bytes"] = process.resident_bytes;
    out["disk_bytes"] = disk;
    out["cpu_s"] = static_cast<double>(process.cpu_ns) / 1e9;
    answer(json::serialize(out));
}

void AdminApi::list_nodes(const http::Request& request) {
    const std::vector<const NodeFacts*> nodes{&backend_.facts()};
    answer_list(small_list(
        request, nodes, [](const auto* a, const auto* b) { return a->name < b->name; },
        [](const auto* each) -> std::string_view { return each->name; },
        [this](const auto* each) { return node_json(*each, backend_.process()); }));
}

void AdminApi::get_node(const http::Request& request) {
    if (request.segments[2] != backend_.facts().name)
        return refuse({ErrorCode::not_found, "no node '" + request.segments[2] + "'"});
    answer(json::serialize(node_json(backend_.facts(), backend_.process())));
}

/// The process as the kernel counts it; parts of it are not told apart.
void AdminApi::get_node_memory(const http::Request& request) {
    if (request.segments[2] != backend_.facts().name)
        return refuse({ErrorCode::not_found, "no node '" + request.segments[2] + "'"});
    const auto bytes = backend_.process().resident_bytes;
    answer(json::serialize(
        json::object{{"memory", {{"strategy", "rss"}, {"total", {{"rss", bytes}, {"allocated", bytes}}}}}}));
}

/// How RabbitMQ's pages log in: by Basic authentication alone.
void AdminApi::get_auth(const http::Request&) { answer(R"({"oauth_enabled":false})"); }

void AdminApi::get_cluster_name(const http::Request&) {
    answer(json::serialize(json::object{{"name", backend_.facts().cluster}}));
}

void AdminApi::get_whoami(const http::Request&) {
    const broker::UserDefinition* user = catalog().user(caller_.name);
    json::array tags;
    if (user != nullptr)
        for (const std::string& tag : user->tags) tags.emplace_back(utf8(tag));
    answer(json::serialize(json::object{{"name", utf8(caller_.name)}, {"tags", std::move(tags)}}));
}

}  // namespace fantail::server
