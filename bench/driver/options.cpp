// SPDX-License-Identifier: Apache-2.0
//! The command line of fantail-bench.
#include "driver/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

namespace fantail::bench {
namespace {

void add_workloads(CLI::App& app, Options& options) {
    static constexpr std::pair<const char*, const char*> workloads[] = {
        {"throughput", "transient messages, auto-ack, bounded in flight"},
        {"durable", "persistent messages, confirms in a window, manual acks"},
        {"latency", "one message in flight: publish, consume, next"},
        {"paced", "--rate messages a second whatever the broker does: latency from the intended time of each"},
        {"fanout", "one producer, a fanout exchange, --queues queues with one consumer each"},
        {"backlog", "fill a durable queue with --count messages, then drain it"},
        {"idle", "declare --queues durable queues, open --connections connections, measure memory"},
        {"fill", "publish --count confirmed messages and leave them (before a kill)"},
        {"drain", "wait for the port, consume and check sequences 0..--count-1 (after a restart)"},
        {"selftest", "the driver against a relay, a sink and a source of its own"},
    };
    for (const auto& [name, what] : workloads) {
        app.add_subcommand(name, what)->callback([&options, name = name] { options.workload = name; });
    }
    auto* cold = app.add_subcommand("coldstart", "start `-- COMMAND…`, time it until it is ready, stop it");
    cold->callback([&options] { options.workload = "coldstart"; });
    cold->add_option("command", options.command, "program and arguments, after --")->required();
}

void add_load_options(CLI::App& app, Options& options) {
    app.add_option("--size", options.size, "bytes of a body")->check(CLI::Range(16U, 64U << 20));
    app.add_option("--count", options.count, "messages; 0: as many as --seconds allow");
    app.add_option("--seconds", options.seconds, "seconds measured")->check(CLI::Range(0.05, 3600.0));
    app.add_option("--warmup", options.warmup, "seconds before measuring")->check(CLI::Range(0.0, 600.0));
    app.add_option("--rate", options.rate, "paced: messages a second")->check(CLI::Range(1.0, 1e6));
    app.add_option("--window", options.window, "messages awaiting their confirm")->check(CLI::Range(1, 1'000'000));
    app.add_option("--prefetch", options.prefetch, "unacknowledged deliveries; 0: no limit");
    app.add_option("--ack-every", options.ack_every, "acknowledge every Nth delivery with multiple")
        ->check(CLI::Range(1, 65535));
    app.add_option("--in-flight", options.in_flight, "messages between producer and consumer; 0: 20,000 or 4 MiB");
    app.add_option("--queues", options.queues, "queues of fanout and idle")->check(CLI::Range(0U, 1'000'000U));
    app.add_option("--connections", options.connections, "connections of fanout and idle")
        ->check(CLI::Range(0U, 100'000U));
    app.add_option("--queue", options.queue, "queue name");
    app.add_option("--queue-type", options.queue_type, "x-queue-type of durable queues")
        ->check(CLI::IsMember({"classic", "quorum", "stream"}));
}

void add_machine_options(CLI::App& app, Options& options) {
    app.add_option("--host", options.endpoint.host, "loopback IPv4 address");
    app.add_option("--port", options.endpoint.port, "AMQP port");
    app.add_option("--pin-cpu", options.pin_cpu, "bind the driver to this CPU; -1: free");
    app.add_option("--spin-us", options.spin_us, "latency: poll this long before sleeping");
    app.add_option("--settle", options.settle_seconds, "idle: seconds to wait before reading memory")
        ->check(CLI::Range(0.0, 60.0));
    app.add_option("--server-pid", options.server_pid, "process whose CPU and memory are reported");
    app.add_option("--data-dir", options.data_dir, "directory whose disk blocks are reported");
    app.add_option("--since-ns", options.since_ns, "drain: CLOCK_MONOTONIC time of the restart; 0: now");
    app.add_flag("--keep", options.keep, "leave the queues behind");
    app.add_flag("--until-lost", options.until_lost, "fill: a lost connection is the expected end");
    app.add_option("--time-limit", options.time_limit_seconds, "hard limit of the run in seconds")
        ->check(CLI::Range(1U, 7200U));
}

}  // namespace

std::uint64_t Options::in_flight_limit() const {
    if (in_flight != 0) return in_flight;
    return std::clamp<std::uint64_t>((4U << 20) / size, 1, 20'000);
}

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app("Loads an AMQP 0-9-1 broker on loopback and prints one JSON line of what it measured.",
                 "fantail-bench");
    app.require_subcommand(1);
    app.fallthrough();
    add_load_options(app, options);
    add_machine_options(app, options);
    add_workloads(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

}  // namespace fantail::bench
