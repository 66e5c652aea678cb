// SPDX-License-Identifier: Apache-2.0
//! Names, help texts and values.
#include "server/admin/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "server/admin/json_text.hpp"
#include "server/config/version.hpp"

namespace fantail::server {

namespace {

class MetricsWriter {
public:
    void describe(std::string_view name, std::string_view type, std::string_view help) {
        fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }
    template <class T>
    void sample(std::string_view name, std::string_view labels, T value) {
        fmt::format_to(std::back_inserter(text_), "{}{}{}{} {}\n", name, labels.empty() ? "" : "{", labels,
                       labels.empty() ? "" : "}", value);
    }
    template <class T>
    void single(std::string_view name, std::string_view type, std::string_view help, T value) {
        describe(name, type, help);
        sample(name, "", value);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
};

void write_process(MetricsWriter& out, const ProcessReport& process) {
    out.describe("fantail_build_info", "gauge", "Always 1; the version is in the label.");
    out.sample("fantail_build_info", fmt::format("version=\"{}\"", version), 1);
    out.single("process_start_time_seconds", "gauge", "Start of the process, in seconds since 1970.",
               static_cast<double>(process.started_unix_ms) / 1e3);
    out.single("process_cpu_seconds_total", "counter", "User and system CPU time spent.",
               static_cast<double>(process.cpu_ns) / 1e9);
    out.single("process_resident_memory_bytes", "gauge", "Resident memory.", process.resident_bytes);
    out.single("fantail_uptime_seconds", "gauge", "Time since the start.",
               static_cast<double>(process.uptime_ms) / 1e3);
    out.single("fantail_ready", "gauge", "1 if every listener accepts.", process.ready ? 1 : 0);
    out.single("fantail_alarm", "gauge", "1 while publishers are held back for want of memory or disk.",
               process.alarm.empty() ? 0 : 1);
}

void write_cores(MetricsWriter& out, const std::vector<CoreReport>& cores) {
    const auto label = [](const CoreReport& core) { return fmt::format("core=\"{}\"", core.core.value); };
    out.describe("fantail_connections", "gauge", "Open connections of all protocols.");
    for (const CoreReport& core : cores) out.sample("fantail_connections", label(core), core.connections);
    out.describe("fantail_core_busy_ratio", "gauge",
                 "Share of its time that a core works, smoothed over about a second.");
    for (const CoreReport& core : cores)
        out.sample("fantail_core_busy_ratio", label(core), core.busy_permille / 1000.0);
    out.describe("fantail_cached_message_bytes", "gauge", "Message bytes kept in memory.");
    for (const CoreReport& core : cores) out.sample("fantail_cached_message_bytes", label(core), core.cached_bytes);
}

void write_logs(MetricsWriter& out, const std::vector<CoreReport>& cores) {
    using Figures = storage::LogFigures;
    struct Metric {
        const char* name;
        const char* type;
        const char* help;
        std::uint64_t Figures::* value;
    };
    constexpr Metric metrics[] = {
        {"fantail_log_entries_appended_total", "counter", "Entries appended to the shard's log.",
         &Figures::entries_appended},
        {"fantail_log_bytes_appended_total", "counter", "Bytes appended to the shard's log.", &Figures::bytes_appended},
        {"fantail_log_writes_total", "counter", "Group commits: journal writes that made entries durable.",
         &Figures::writes},
        {"fantail_log_bytes_written_total", "counter", "Bytes written to journal and segments, padding included.",
         &Figures::bytes_written},
        {"fantail_log_journal_bytes", "gauge", "Journal bytes on disk.", &Figures::journal_bytes},
        {"fantail_log_segment_bytes", "gauge", "Segment bytes on disk, holes not counted.", &Figures::segment_bytes},
        {"fantail_log_segments", "gauge", "Segment files.", &Figures::segments},
        {"fantail_log_replayed_entries", "gauge", "Entries replayed by the last start.", &Figures::replayed_entries},
    };
    for (const Metric& metric : metrics) {
        out.describe(metric.name, metric.type, metric.help);
        for (const CoreReport& core : cores)
            for (const LogReport& log : core.logs)
                out.sample(metric.name, fmt::format("shard=\"{}\"", log.shard.value), log.figures.*metric.value);
    }
    out.describe("fantail_log_state", "gauge", "0: well, 1: no space, 2: failed.");
    for (const CoreReport& core : cores)
        for (const LogReport& log : core.logs)
            out.sample("fantail_log_state", fmt::format("shard=\"{}\"", log.shard.value), static_cast<int>(log.state));
}

void write_totals(MetricsWriter& out, const QueueTotals& totals) {
    out.single("fantail_queues", "gauge", "Queues and streams.", totals.queues);
    out.single("fantail_messages_ready", "gauge", "Messages waiting in all queues.", totals.ready);
    out.single("fantail_messages_unsettled", "gauge", "Messages delivered and not settled, or held back until later.",
               totals.unsettled);
    out.single("fantail_message_body_bytes", "gauge", "Bytes of the bodies of both.", totals.body_bytes);
    out.single("fantail_consumers", "gauge", "Consumers.", totals.consumers);
    out.single("fantail_messages_published", "gauge", "Messages that came into the queues that exist now.",
               totals.published);
    out.single("fantail_messages_delivered", "gauge", "Deliveries from the queues that exist now.", totals.delivered);
    out.single("fantail_messages_redelivered", "gauge", "Repeated deliveries from the queues that exist now.",
               totals.redelivered);
    out.single("fantail_messages_settled", "gauge", "Messages settled in the queues that exist now.", totals.settled);
}

struct NamedQueue {
    broker::QueueFigures figures;
    std::string labels;
};

std::vector<NamedQueue> named_queues(const std::vector<CoreReport>& cores, const broker::Catalog& catalog) {
    std::vector<NamedQueue> all;
    for (const CoreReport& core : cores) {
        for (const broker::QueueFigures& figures : core.queues) {
            const broker::QueueDefinition* queue = catalog.queue(figures.queue);
            const broker::VhostDefinition* vhost = queue == nullptr ? nullptr : catalog.vhost(queue->vhost);
            if (vhost == nullptr) continue;
            all.push_back(
                {figures, fmt::format("vhost=\"{}\",queue=\"{}\"", label_text(vhost->name), label_text(queue->name))});
        }
    }
    const auto messages = [](const NamedQueue& each) { return each.figures.ready + each.figures.unsettled; };
    std::ranges::sort(all, [&](const NamedQueue& a, const NamedQueue& b) { return messages(a) > messages(b); });
    // A name may read like another's bytes that are no UTF-8; no series may be there twice.
    std::unordered_set<std::string> seen;
    std::erase_if(all, [&seen](const NamedQueue& each) { return !seen.insert(each.labels).second; });
    if (all.size() > metric_queues_max) all.resize(metric_queues_max);
    return all;
}

void write_queues(MetricsWriter& out, const std::vector<NamedQueue>& queues) {
    using Figures = broker::QueueFigures;
    const auto family = [&](const char* name, const char* type, const char* help, auto member) {
        out.describe(name, type, help);
        for (const NamedQueue& queue : queues) out.sample(name, queue.labels, queue.figures.*member);
    };
    family("fantail_queue_messages_ready", "gauge", "Messages waiting.", &Figures::ready);
    family("fantail_queue_messages_unsettled", "gauge", "Messages delivered and not settled, or held back until later.",
           &Figures::unsettled);
    family("fantail_queue_body_bytes", "gauge", "Bytes of the bodies of both.", &Figures::body_bytes);
    family("fantail_queue_consumers", "gauge", "Consumers.", &Figures::consumers);
    family("fantail_queue_messages_published_total", "counter", "Messages that came in.", &Figures::published);
    family("fantail_queue_messages_delivered_total", "counter", "Deliveries.", &Figures::delivered);
    family("fantail_queue_messages_redelivered_total", "counter", "Repeated deliveries.", &Figures::redelivered);
    family("fantail_queue_messages_settled_total", "counter", "Messages settled.", &Figures::settled);
}

}  // namespace

void QueueTotals::add(const broker::QueueFigures& f) {
    add(QueueTotals{1, f.ready, f.unsettled, f.body_bytes, f.consumers, f.published, f.delivered, f.redelivered,
                    f.settled});
}

void QueueTotals::add(const QueueTotals& other) {
    queues += other.queues;
    ready += other.ready;
    unsettled += other.unsettled;
    body_bytes += other.body_bytes;
    consumers += other.consumers;
    published += other.published;
    delivered += other.delivered;
    redelivered += other.redelivered;
    settled += other.settled;
}

std::string metrics_text(const ProcessReport& process, const std::vector<CoreReport>& cores,
                         const broker::Catalog& catalog) {
    MetricsWriter out;
    write_process(out, process);
    write_cores(out, cores);
    write_logs(out, cores);
    QueueTotals totals;
    for (const CoreReport& core : cores) totals.add(core.totals);
    write_totals(out, totals);
    write_queues(out, named_queues(cores, catalog));
    return out.take();
}

std::string label_text(std::string_view value) {
    std::string out;
    for (const char c : utf8(value)) {
        if (c == '\n') out += "\\n";
        else if (c == '"' || c == '\\') out += {'\\', c};
        else out.push_back(c);
    }
    return out;
}

}  // namespace fantail::server
