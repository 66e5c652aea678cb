// SPDX-License-Identifier: Apache-2.0
//! Workload `selftest`: what the driver's two sides can do, and what the least possible relay does on this machine.
#include <algorithm>

#include "driver/delivery_reader.hpp"
#include "driver/process_stats.hpp"
#include "driver/publish_batch.hpp"
#include "driver/relay.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

double bounded_seconds(const Options& options) { return std::min(options.seconds, 30.0); }

struct SideResult {
    double per_s = 0;
    double capacity_per_s = 0;  // per CPU second of the driver's thread
};

SideResult producer_side(const Options& options) {
    const Relay sink({.mode = RelayMode::sink, .body_bytes = options.size, .journal = ""});
    Connection connection(Endpoint{.host = "127.0.0.1", .port = sink.port()});
    PublishBatch batch({.exchange = "", .routing_key = options.queue, .body_bytes = options.size, .persistent = false});
    const double cpu = thread_cpu_seconds();
    const std::int64_t start = now_ns();
    const std::int64_t until = start + static_cast<std::int64_t>(bounded_seconds(options) * 1e9);
    std::uint64_t sent = 0;
    for (std::int64_t now = start; now < until; now = now_ns()) {
        if (!connection.send(batch.stamp(sent, batch.capacity(), now))) fail("the sink closed the connection");
        sent += batch.capacity();
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    return {.per_s = static_cast<double>(sent) / seconds,
            .capacity_per_s = static_cast<double>(sent) / (thread_cpu_seconds() - cpu)};
}

SideResult consumer_side(const Options& options) {
    const Relay source({.mode = RelayMode::source, .body_bytes = options.size, .journal = ""});
    Connection connection(Endpoint{.host = "127.0.0.1", .port = source.port()});
    connection.consume({.queue = options.queue, .prefetch = 0, .auto_ack = true});
    DeliveryReader reader(connection);
    const double cpu = thread_cpu_seconds();
    const std::int64_t start = now_ns();
    const std::int64_t until = start + static_cast<std::int64_t>(bounded_seconds(options) * 1e9);
    std::uint64_t delivered = 0;
    std::uint64_t bytes = 0;
    while (now_ns() < until) {
        if (connection.fill() == ReadStatus::closed) fail("the source closed the connection");
        delivered += reader.drain([&](const Delivery& d) { bytes += d.body_bytes; });
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    if (bytes != delivered * options.size) fail("the source's deliveries were read wrongly");
    return {.per_s = static_cast<double>(delivered) / seconds,
            .capacity_per_s = static_cast<double>(delivered) / (thread_cpu_seconds() - cpu)};
}

}  // namespace

Report run_self_check(const Options& options) {
    if (options.size > frame_size_max - frame_overhead_bytes) fail("selftest sends bodies of one frame");
    if (!options.data_dir.empty()) {
        // The durable workload against a relay that syncs every batch: the ceiling of its architecture.
        const Relay relay(
            {.mode = RelayMode::relay, .body_bytes = options.size, .journal = options.data_dir + "/relay.journal"});
        Options durable = options;
        durable.endpoint = {.host = "127.0.0.1", .port = relay.port()};
        return run_durable(durable);
    }
    const SideResult producer = producer_side(options);
    const SideResult consumer = consumer_side(options);
    const Relay relay({.mode = RelayMode::relay, .body_bytes = options.size, .journal = ""});
    Options through = options;
    through.endpoint = {.host = "127.0.0.1", .port = relay.port()};
    Report report = run_throughput(through);
    report.add("sink_per_s", producer.per_s);
    report.add("sink_per_producer_cpu_s", producer.capacity_per_s);
    report.add("source_per_s", consumer.per_s);
    report.add("source_per_consumer_cpu_s", consumer.capacity_per_s);
    return report;
}

}  // namespace fantail::bench
