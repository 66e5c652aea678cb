// SPDX-License-Identifier: Apache-2.0
//! Workload `paced`: an open loop; one thread publishes at a steady rate and waits for nothing, another consumes.
#include <time.h>

#include <thread>

#include "driver/delivery_reader.hpp"
#include "driver/measurement.hpp"
#include "driver/paced_latency.hpp"
#include "driver/publish_batch.hpp"
#include "driver/sequence_check.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

constexpr double stall_limit_s = 10;

void sleep_until(std::int64_t at_ns) {
    const timespec at{static_cast<time_t>(at_ns / 1'000'000'000), static_cast<long>(at_ns % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

/// Late messages go out at once, together: nothing is left out.
void publish(Connection& connection, const Options& options, const Pace& pace, RunState& state) {
    PublishBatch batch({.exchange = "", .routing_key = options.queue, .body_bytes = options.size, .persistent = false});
    std::uint64_t sequence = 0;
    while (!state.stop_producer) {
        const std::int64_t now = now_ns();
        const std::uint64_t due = pace.due(now);
        if (due == sequence) {
            sleep_until(pace.intended(sequence));
            continue;
        }
        const std::uint64_t count = std::min(due - sequence, batch.capacity());
        if (!connection.send(batch.stamp(sequence, count, now))) fail("the server closed the producer's connection");
        sequence += count;
        state.published = sequence;
    }
    state.producer_done = true;
}

struct Received {
    PacedLatency latency;
    SequenceCheck order;
};

/// Of the messages that were to be sent in the measured time, late as they may come.
void consume(Connection& connection, const Pace& pace, const Options& options, RunState& state, Received& received) {
    DeliveryReader reader(connection);
    const std::int64_t from = pace.intended(0) + static_cast<std::int64_t>(options.warmup * 1e9);
    while (!state.stop_consumer) {
        if (connection.fill(options.spin_us) == ReadStatus::closed) fail("the server closed the consumer's connection");
        const std::int64_t now = now_ns();
        state.delivered += reader.drain([&](const Delivery& d) {
            received.order.see(d.sequence);
            if (pace.intended(d.sequence) >= from) received.latency.record(d.sequence, d.sent_ns, now);
        });
    }
}

}  // namespace

Report run_paced(const Options& options) {
    Connection producer(options.endpoint);
    Connection consumer(options.endpoint);
    producer.declare_queue({.name = options.queue, .type = "", .durable = false});
    consumer.consume({.queue = options.queue, .prefetch = 0, .auto_ack = true});
    RunState state;
    const Pace pace(now_ns(), options.rate);
    Received received{PacedLatency(pace), {}};
    std::thread publishing([&] { publish(producer, options, pace, state); });
    std::thread consuming([&] { consume(consumer, pace, options, state, received); });
    sleep_seconds(options.warmup);
    const Snapshot from = take_snapshot(state, options);
    sleep_seconds(options.seconds);
    const Snapshot to = take_snapshot(state, options);
    state.stop_producer = true;
    publishing.join();
    const bool all = await_deliveries(state, state.published, stall_limit_s);
    state.stop_consumer = true;
    consuming.join();
    producer.delete_queue(options.queue);

    Report report = start_report(options);
    report.add("rate", options.rate);
    report_interval(report, from, to, to.delivered - from.delivered);
    report.add_latency("paced", received.latency.corrected());
    report.add_latency("paced_uncorrected", received.latency.uncorrected());
    report.add_flag("complete", all && received.order.missing() == 0 && received.order.repeated() == 0);
    return report;
}

}  // namespace fantail::bench
