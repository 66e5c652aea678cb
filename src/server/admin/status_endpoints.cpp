// SPDX-License-Identifier: Apache-2.0
//! How the process is: /healthz, /readyz, /metrics, /api/overview.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/metrics.hpp"
#include "server/config/version.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

/// Why traffic should not be sent here; empty if it may.
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

}  // namespace

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
    backend_.gather_reports(asker(), {.totals = true}, [this](const std::vector<CoreReport>& cores) {
        const ProcessReport process = backend_.process();
        QueueTotals totals;
        std::uint64_t connections = 0;
        std::uint64_t disk = 0;
        for (const CoreReport& core : cores) {
            totals.add(core.totals);
            connections += core.connections;
            for (const LogReport& log : core.logs) disk += log.figures.journal_bytes + log.figures.segment_bytes;
        }
        const std::string unready = unready_reason(process, cores);
        answer(json::serialize(json::object{{"version", version},
                                            {"ready", unready.empty()},
                                            {"unready_reason", unready},
                                            {"alarm", process.alarm},
                                            {"uptime_s", process.uptime_ms / 1000},
                                            {"cores", cores.size()},
                                            {"memory_bytes", process.resident_bytes},
                                            {"disk_bytes", disk},
                                            {"cpu_s", static_cast<double>(process.cpu_ns) / 1e9},
                                            {"connections", connections},
                                            {"queues", totals.queues},
                                            {"consumers", totals.consumers},
                                            {"ready_messages", totals.ready},
                                            {"unsettled_messages", totals.unsettled},
                                            {"body_bytes", totals.body_bytes},
                                            {"published", totals.published},
                                            {"delivered", totals.delivered},
                                            {"settled", totals.settled}}));
    });
}

}  // namespace fantail::server
