// SPDX-License-Identifier: Apache-2.0
//! Workloads that leave messages in a durable queue: `backlog` (fill, then drain), and `fill` and `drain` around a restart.
#include <algorithm>
#include <optional>
#include <utility>

#include "driver/ack_batch.hpp"
#include "driver/confirmed_producer.hpp"
#include "driver/delivery_reader.hpp"
#include "driver/process_stats.hpp"
#include "driver/sequence_check.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

constexpr double bytes_per_mib = 1024.0 * 1024.0;
constexpr std::int64_t stall_limit_ns = 40'000'000'000;

struct DrainResult {
    SequenceCheck order;
    std::uint64_t delivered = 0;
    std::uint64_t redelivered = 0;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
};

/// Consumes and acknowledges until `goal` messages came, or for `stall` none did.
DrainResult drain(Connection& connection, const Options& options, std::uint64_t goal, std::int64_t stall_ns) {
    DeliveryReader reader(connection);
    AckBatch acks(options.ack_every);
    DrainResult out;
    out.last_ns = now_ns();
    while (out.delivered < goal) {
        const ReadStatus status = connection.fill();
        if (status == ReadStatus::closed) fail("the server closed the consumer's connection");
        const std::uint64_t got = reader.drain([&](const Delivery& d) {
            out.order.see(d.sequence);
            out.redelivered += d.redelivered ? 1 : 0;
            acks.delivered(d.tag);
        });
        if (got == 0 && now_ns() - out.last_ns > stall_ns) break;
        if (got == 0) continue;
        out.last_ns = now_ns();
        if (out.delivered == 0) out.first_ns = out.last_ns;
        out.delivered += got;
        if (!acks.flush(connection)) fail("the server closed the consumer's connection");
    }
    if (!acks.finish(connection)) fail("the server closed the consumer's connection");
    return out;
}

/// Waits until the server has taken the acknowledgements in; the queue's ready messages are all that a client can see.
std::uint32_t messages_left(const Options& options) {
    return Connection(options.endpoint)
        .declare_queue({.name = options.queue, .type = options.queue_type, .durable = true, .passive = true});
}

void report_footprint(Report& report, const Options& options, const std::string& when) {
    report.add("rss_mib_after_" + when,
               static_cast<double>(process_memory(options.server_pid).resident) / bytes_per_mib);
    const auto disk = static_cast<double>(disk_bytes(options.data_dir));
    report.add("disk_mib_after_" + when, disk / bytes_per_mib);
    report.add("disk_factor_after_" + when, disk / (static_cast<double>(options.count) * options.size));
}

void report_order(Report& report, const DrainResult& got, std::uint64_t expected) {
    report.add("delivered", got.delivered);
    report.add("missing", got.order.missing() + (expected - std::min(expected, got.order.expected())));
    report.add("repeated", got.order.repeated());
    report.add("redelivered", got.redelivered);
}

ProducerResult fill_queue(Connection& producer, const Options& options, RunState& state) {
    if (options.count == 0) fail("this workload needs --count");
    producer.declare_queue({.name = options.queue, .type = options.queue_type, .durable = true});
    producer.select_confirms();
    state.measuring = true;
    return produce_confirmed(producer, options, state);
}

}  // namespace

Report run_backlog(const Options& options) {
    Connection producer(options.endpoint);
    RunState state;
    const Snapshot before = take_snapshot(state, options);
    const ProducerResult made = fill_queue(producer, options, state);
    if (made.lost) fail("the server closed the producer's connection");
    const Snapshot filled = take_snapshot(state, options);
    Report report = start_report(options);
    report.add("fill_seconds", static_cast<double>(filled.at_ns - before.at_ns) / 1e9);
    report.add("fill_server_cpu_s_per_m",
               (filled.server_cpu - before.server_cpu) * 1e6 / static_cast<double>(options.count));
    report_footprint(report, options, "fill");

    const Snapshot start = take_snapshot(state, options);
    Connection consumer(options.endpoint);
    consumer.consume({.queue = options.queue, .prefetch = options.prefetch, .auto_ack = false});
    const DrainResult got = drain(consumer, options, options.count, stall_limit_ns);
    const Snapshot end = take_snapshot(state, options);
    report.add("drain_seconds", static_cast<double>(got.last_ns - start.at_ns) / 1e9);
    report.add("drain_server_cpu_s_per_m",
               (end.server_cpu - start.server_cpu) * 1e6 / static_cast<double>(options.count));
    sleep_seconds(options.settle_seconds);
    report_footprint(report, options, "drain");
    report.add("left", std::uint64_t{messages_left(options)});
    report_order(report, got, options.count);
    report.add_latency("confirm", made.latency);
    report.add_flag("complete",
                    got.delivered == options.count && got.order.missing() == 0 && got.order.repeated() == 0);
    if (!options.keep) producer.delete_queue(options.queue);
    return report;
}

Report run_fill(const Options& options) {
    Connection producer(options.endpoint);
    RunState state;
    const std::int64_t start = now_ns();
    const ProducerResult made = fill_queue(producer, options, state);
    if (made.lost && !options.until_lost) fail("the server closed the producer's connection");
    Report report = start_report(options);
    report.add("seconds", static_cast<double>(now_ns() - start) / 1e9);
    report.add("published", state.published.load());
    report.add("confirmed", state.confirmed.load());
    report.add("confirmed_without_gap", made.confirmed_without_gap);
    report.add("refused", made.refused);
    report.add_flag("lost", made.lost);
    return report;
}

Report run_drain(const Options& options) {
    const std::int64_t since = options.since_ns != 0 ? options.since_ns : now_ns();
    // The watchdog bounds this wait; a starting server may accept, and then drop, a first few connections.
    std::optional<Connection> opened = Connection::try_open(options.endpoint);
    while (!opened) {
        sleep_seconds(0.001);
        std::optional<Connection> again = Connection::try_open(options.endpoint);
        if (again) opened.emplace(std::move(*again));
    }
    Connection& consumer = *opened;
    const std::int64_t login_ns = now_ns();
    consumer.consume({.queue = options.queue, .prefetch = options.prefetch, .auto_ack = false});
    // Messages published but never confirmed may be there as well: read on until the queue is silent.
    const DrainResult got = drain(consumer, options, options.count == 0 ? UINT64_MAX : options.count, stall_limit_ns);
    const DrainResult extra = drain(consumer, options, UINT64_MAX, 1'000'000'000);
    Report report = start_report(options);
    report.add("login_seconds", static_cast<double>(login_ns - since) / 1e9);
    report.add("first_delivery_seconds", static_cast<double>(got.first_ns - since) / 1e9);
    report.add("all_seconds", static_cast<double>(got.last_ns - since) / 1e9);
    report_order(report, got, options.count);
    report.add("unconfirmed_found", extra.delivered);
    report.add("left", std::uint64_t{messages_left(options)});
    report.add_flag("complete",
                    got.delivered == options.count && got.order.missing() == 0 && got.order.repeated() == 0);
    if (!options.keep) Connection(options.endpoint).delete_queue(options.queue);
    return report;
}

}  // namespace fantail::bench
