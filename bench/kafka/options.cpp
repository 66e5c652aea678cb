// SPDX-License-Identifier: Apache-2.0
//! The command line.
#include "kafka/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace fantail::bench::kafka {

namespace {

constexpr const char* workloads_help =
    "produce     makes the topic, sends --count values, waits for all acknowledgements\n"
    "consume     reads --count records from the topic's beginning\n"
    "latency     sends at --rate for --seconds beside a consumer; times from when a value was due\n"
    "partitions  makes a topic of --partitions and shows the server's memory\n";

void add_load(CLI::App& app, Options& options) {
    app.add_option("--topic", options.topic);
    app.add_option("--topic-config", options.topic_config, "NAME=VALUE of the topic; may be repeated");
    app.add_option("--partitions", options.partitions);
    app.add_option("--size", options.size, "bytes of a value, at least 8");
    app.add_option("--count", options.count);
    app.add_option("--warmup-count", options.warmup_count, "values sent before the measured ones");
    app.add_option("--acks", options.acks, "0, 1 or -1");
    app.add_option("--batch-bytes", options.batch_bytes, "most bytes of a batch");
    app.add_option("--linger-ms", options.linger_ms);
    app.add_option("--rate", options.rate, "messages a second");
    app.add_option("--seconds", options.seconds);
    app.add_option("--warmup", options.warmup, "seconds before the measured time");
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app("Loads a Kafka broker by librdkafka and prints one JSON line.", "fantail-kafka-bench");
    app.footer(workloads_help);
    app.add_option("workload", options.workload)
        ->required()
        ->check(CLI::IsMember({"produce", "consume", "latency", "partitions"}));
    app.add_option("--host", options.host);
    app.add_option("--port", options.port);
    add_load(app, options);
    app.add_option("--server-pid", options.server_pid, "whose CPU and memory are told");
    app.add_option("--data-dir", options.data_dir, "whose size on disk is told");
    app.add_option("--time-limit", options.time_limit_seconds, "seconds after which the run ends with an error");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

}  // namespace fantail::bench::kafka
