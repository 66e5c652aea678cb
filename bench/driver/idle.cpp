// SPDX-License-Identifier: Apache-2.0
//! Workload `idle`: what a declared queue and an open connection cost when nothing happens.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "driver/measurement.hpp"
#include "driver/process_stats.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

constexpr std::uint32_t pipeline_depth = 500;

enum class Action : std::uint8_t { declare, remove };

void append_request(FrameWriter& out, Action action, const std::string& name) {
    if (action == Action::declare) {
        constexpr std::uint8_t durable = 2;
        out.begin_method(1, Method::queue_declare).u16(0).short_text(name).u8(durable).text_table({}).end();
    } else {
        out.begin_method(1, Method::queue_delete).u16(0).short_text(name).u8(0).end();
    }
}

/// Sends requests in pipelined groups; returns the seconds until every reply was there.
double for_every_queue(Connection& connection, const Options& options, Action action) {
    const Method reply = action == Action::declare ? Method::queue_declare_ok : Method::queue_delete_ok;
    const std::int64_t start = now_ns();
    for (std::uint32_t done = 0; done < options.queues;) {
        const std::uint32_t group = std::min(pipeline_depth, options.queues - done);
        FrameWriter out;
        for (std::uint32_t i = 0; i < group; ++i)
            append_request(out, action, fmt::format("{}-{}", options.queue, done + i));
        if (!connection.send(out.bytes())) fail("the server closed the connection");
        for (std::uint32_t i = 0; i < group; ++i) connection.await(reply);
        done += group;
    }
    return static_cast<double>(now_ns() - start) / 1e9;
}

void report_growth(Report& report, const std::string& what, const Memory& before, const Memory& after,
                   std::uint32_t count) {
    const auto each = [&](std::uint64_t a, std::uint64_t b) {
        return (static_cast<double>(b) - static_cast<double>(a)) / count;
    };
    report.add("rss_bytes_per_" + what, each(before.resident, after.resident));
    report.add("pss_bytes_per_" + what, each(before.proportional, after.proportional));
}

std::uint64_t descriptors(pid_t pid) { return directory_entries(fmt::format("/proc/{}/fd", pid)); }

}  // namespace

Report run_idle(const Options& options) {
    Connection control(options.endpoint);
    sleep_seconds(options.settle_seconds);
    Report report = start_report(options);
    const Memory empty = process_memory(options.server_pid);
    report.add("rss_mib_empty", static_cast<double>(empty.resident) / (1024.0 * 1024.0));
    const std::uint64_t files = descriptors(options.server_pid);
    const double cpu = process_cpu_seconds(options.server_pid);
    sleep_seconds(options.settle_seconds);
    report.add("idle_cores", (process_cpu_seconds(options.server_pid) - cpu) / options.settle_seconds);
    if (options.queues > 0) {
        report.add("declare_seconds", for_every_queue(control, options, Action::declare));
        sleep_seconds(options.settle_seconds);
        report_growth(report, "queue", empty, process_memory(options.server_pid), options.queues);
        report.add("descriptors_for_queues",
                   descriptors(options.server_pid) - std::min(files, descriptors(options.server_pid)));
    }
    if (options.connections > 0) {
        const Memory before = process_memory(options.server_pid);
        std::vector<int> sockets;
        const std::int64_t start = now_ns();
        for (std::uint32_t i = 0; i < options.connections; ++i)
            sockets.push_back(Connection(options.endpoint).release());
        report.add("connect_seconds", static_cast<double>(now_ns() - start) / 1e9);
        sleep_seconds(options.settle_seconds);
        report_growth(report, "connection", before, process_memory(options.server_pid), options.connections);
        for (const int socket : sockets) ::close(socket);
    }
    if (options.queues > 0 && !options.keep)
        report.add("delete_seconds", for_every_queue(control, options, Action::remove));
    report.add_flag("complete", true);
    return report;
}

}  // namespace fantail::bench
