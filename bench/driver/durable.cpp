// SPDX-License-Identifier: Apache-2.0
//! Workload `durable`: persistent messages, confirms in a window, a consumer that acknowledges by hand.
#include <thread>

#include "driver/ack_batch.hpp"
#include "driver/confirmed_producer.hpp"
#include "driver/delivery_reader.hpp"
#include "driver/sequence_check.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

struct ConsumerResult {
    Histogram latency;  // send to delivery
    SequenceCheck order;
};

void consume(Connection& connection, const Options& options, RunState& state, ConsumerResult& result) {
    DeliveryReader reader(connection);
    AckBatch acks(options.ack_every);
    std::uint64_t delivered = 0;
    while (!state.stop_consumer.load(std::memory_order_relaxed)) {
        if (connection.fill() == ReadStatus::closed) fail("the server closed the consumer's connection");
        const std::int64_t now = now_ns();
        const bool measuring = state.measuring.load(std::memory_order_relaxed);
        delivered += reader.drain([&](const Delivery& d) {
            result.order.see(d.sequence);
            acks.delivered(d.tag);
            if (measuring) result.latency.record(now - d.sent_ns);
        });
        if (!acks.flush(connection)) fail("the server closed the consumer's connection");
        state.delivered.store(delivered, std::memory_order_relaxed);
    }
    if (!acks.finish(connection)) fail("the server closed the consumer's connection");
}

void report_end(Report& report, const RunState& state, const ProducerResult& made, const ConsumerResult& got) {
    report.add("published", state.published.load());
    report.add("confirmed", state.confirmed.load());
    report.add("refused", made.refused);
    report.add("delivered", state.delivered.load());
    report.add("missing", got.order.missing());
    report.add("repeated", got.order.repeated());
    report.add_flag("complete",
                    !made.lost && made.refused == 0 && got.order.missing() == 0 && got.order.repeated() == 0);
}

}  // namespace

Report run_durable(const Options& options) {
    Connection producer(options.endpoint);
    Connection consumer(options.endpoint);
    producer.declare_queue({.name = options.queue, .type = options.queue_type, .durable = true});
    producer.select_confirms();
    consumer.consume({.queue = options.queue, .prefetch = options.prefetch, .auto_ack = false});
    RunState state;
    ProducerResult made;
    ConsumerResult got;
    std::thread consuming([&] { consume(consumer, options, state, got); });
    std::thread producing([&] { made = produce_confirmed(producer, options, state); });
    const Interval interval = measure(state, options);
    producing.join();
    // A server that accepts faster than it delivers is left with a backlog: that is its result, not ours to wait for.
    const bool drained = await_deliveries(state, state.published, 2) || state.delivered == state.published;
    state.stop_consumer = true;
    consuming.join();
    if (!options.keep) Connection(options.endpoint).delete_queue(options.queue);

    Report report = start_report(options);
    report.add("window", options.window);
    report.add_text("queue_type", options.queue_type);
    report_interval(report, interval.from, interval.to, interval.to.delivered - interval.from.delivered);
    report.add_latency("confirm", made.latency);
    report.add_latency("end_to_end", got.latency);
    report_end(report, state, made, got);
    report.add_flag("drained", drained);
    return report;
}

}  // namespace fantail::bench
