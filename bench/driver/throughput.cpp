// SPDX-License-Identifier: Apache-2.0
//! Workload `throughput`: transient messages as fast as they go, auto-ack, bounded in flight.
#include <algorithm>
#include <thread>

#include "driver/delivery_reader.hpp"
#include "driver/flow_gate.hpp"
#include "driver/measurement.hpp"
#include "driver/process_stats.hpp"
#include "driver/publish_batch.hpp"
#include "driver/sequence_check.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

struct Shared {
    explicit Shared(const Options& o) : options(o), gate(o.in_flight_limit()) {}
    const Options& options;
    RunState state;
    FlowGate gate;
    SequenceCheck order;
    double producer_cpu = 0;
    double consumer_cpu = 0;
};

void produce(Connection& connection, Shared& shared) {
    PublishBatch batch(
        {.exchange = "", .routing_key = shared.options.queue, .body_bytes = shared.options.size, .persistent = false});
    const std::uint64_t limit = shared.options.count == 0 ? UINT64_MAX : shared.options.count;
    std::uint64_t published = 0;
    while (published < limit && !shared.state.stop_producer.load(std::memory_order_relaxed)) {
        const std::uint64_t room = shared.gate.room(published);
        if (room == 0) break;
        const std::uint64_t n = std::min({room, batch.capacity(), limit - published});
        if (!connection.send(batch.stamp(published, n, now_ns()))) fail("the server closed the producer's connection");
        published += n;
        shared.state.published.store(published, std::memory_order_relaxed);
    }
    shared.producer_cpu = thread_cpu_seconds();
    shared.state.producer_done = true;
}

void consume(Connection& connection, Shared& shared) {
    DeliveryReader reader(connection);
    std::uint64_t delivered = 0;
    while (!shared.state.stop_consumer.load(std::memory_order_relaxed)) {
        if (connection.fill() == ReadStatus::closed) fail("the server closed the consumer's connection");
        delivered += reader.drain([&](const Delivery& d) { shared.order.see(d.sequence); });
        shared.state.delivered.store(delivered, std::memory_order_relaxed);
        shared.gate.arrived(delivered);
    }
    shared.consumer_cpu = thread_cpu_seconds();
}

}  // namespace

Report run_throughput(const Options& options) {
    Connection producer(options.endpoint);
    Connection consumer(options.endpoint);
    producer.declare_queue({.name = options.queue, .type = "", .durable = false});
    consumer.consume({.queue = options.queue, .prefetch = 0, .auto_ack = true});
    Shared shared(options);
    std::thread consuming([&] { consume(consumer, shared); });
    std::thread producing([&] { produce(producer, shared); });
    const Interval interval = measure(shared.state, options);
    shared.gate.release();
    producing.join();
    const bool drained = await_deliveries(shared.state, shared.state.published, 5);
    shared.state.stop_consumer = true;
    consuming.join();
    producer.delete_queue(options.queue);

    Report report = start_report(options);
    report_interval(report, interval.from, interval.to, interval.to.delivered - interval.from.delivered);
    const auto total = static_cast<double>(shared.state.delivered.load());
    report.add("producer_capacity_per_s", total / shared.producer_cpu);
    report.add("consumer_capacity_per_s", total / shared.consumer_cpu);
    report.add("published", shared.state.published.load());
    report.add("delivered", shared.state.delivered.load());
    report.add("missing", shared.order.missing());
    report.add("repeated", shared.order.repeated());
    report.add_flag("complete", drained && shared.order.missing() == 0 && shared.order.repeated() == 0);
    return report;
}

}  // namespace fantail::bench
