// SPDX-License-Identifier: Apache-2.0
//! Workload `fanout`: one producer, a fanout exchange, N queues with one auto-ack consumer each over M connections.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "driver/delivery_reader.hpp"
#include "driver/flow_gate.hpp"
#include "driver/measurement.hpp"
#include "driver/publish_batch.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

constexpr std::uint64_t deliveries_in_flight_bytes = 64U << 20;

/// One connection and the queues it consumes.
struct Subscriber {
    explicit Subscriber(const Endpoint& endpoint) : connection(endpoint), reader(connection) {}
    Connection connection;
    DeliveryReader reader;
    std::uint64_t queues = 0;
    std::uint64_t delivered = 0;
    std::uint64_t sequence_sum = 0;
};

using Subscribers = std::vector<std::unique_ptr<Subscriber>>;

std::uint64_t publications_in_flight(const Options& options) {
    if (options.in_flight != 0) return options.in_flight;
    const std::uint64_t by_deliveries = deliveries_in_flight_bytes / (std::uint64_t{options.size} * options.queues);
    return std::clamp<std::uint64_t>(by_deliveries, 16, options.in_flight_limit());
}

std::string queue_name(const Options& options, std::uint32_t i) { return fmt::format("{}-{}", options.queue, i); }

Subscribers subscribe(Connection& producer, const Options& options) {
    producer.declare_fanout(options.queue);
    for (std::uint32_t i = 0; i < options.queues; ++i) {
        producer.declare_queue({.name = queue_name(options, i), .type = "", .durable = false});
        producer.bind(queue_name(options, i), options.queue);
    }
    Subscribers out;
    for (std::uint32_t c = 0; c < std::min(options.connections, options.queues); ++c)
        out.push_back(std::make_unique<Subscriber>(options.endpoint));
    for (std::uint32_t i = 0; i < options.queues; ++i) {
        Subscriber& one = *out[i % out.size()];
        one.connection.consume({.queue = queue_name(options, i), .prefetch = 0, .auto_ack = true});
        ++one.queues;
    }
    return out;
}

void produce(Connection& connection, const Options& options, RunState& state, FlowGate& gate) {
    PublishBatch batch({.exchange = options.queue, .routing_key = "", .body_bytes = options.size, .persistent = false});
    const std::uint64_t limit = options.count == 0 ? UINT64_MAX : options.count;
    std::uint64_t published = 0;
    while (published < limit && !state.stop_producer.load(std::memory_order_relaxed)) {
        const std::uint64_t room = gate.room(published);
        if (room == 0) break;
        const std::uint64_t n = std::min({room, batch.capacity(), limit - published});
        if (!connection.send(batch.stamp(published, n, now_ns()))) fail("the server closed the producer's connection");
        published += n;
        // Counted as deliveries, so that both counters of the run have one unit.
        state.published.store(published * options.queues, std::memory_order_relaxed);
    }
    state.producer_done = true;
}

void read_one(Subscriber& subscriber, Histogram* latency) {
    if (subscriber.connection.fill() == ReadStatus::closed) fail("the server closed a consumer's connection");
    const std::int64_t now = latency == nullptr ? 0 : now_ns();
    subscriber.delivered += subscriber.reader.drain([&](const Delivery& d) {
        subscriber.sequence_sum += d.sequence;
        if (latency != nullptr) latency->record(now - d.sent_ns);
    });
}

void consume(Subscribers& subscribers, RunState& state, FlowGate& gate, Histogram& latency) {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::size_t i = 0; i < subscribers.size(); ++i) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        ::epoll_ctl(poller, EPOLL_CTL_ADD, subscribers[i]->connection.socket(), &event);
    }
    std::array<epoll_event, 64> ready{};
    while (!state.stop_consumer.load(std::memory_order_relaxed)) {
        const int n = ::epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), 200);
        Histogram* record = state.measuring.load(std::memory_order_relaxed) ? &latency : nullptr;
        for (int i = 0; i < n; ++i) read_one(*subscribers[ready[static_cast<std::size_t>(i)].data.u64], record);
        std::uint64_t slowest = UINT64_MAX;
        std::uint64_t sum = 0;
        for (const auto& s : subscribers) {
            slowest = std::min(slowest, s->delivered / s->queues);
            sum += s->delivered;
        }
        state.delivered.store(sum, std::memory_order_relaxed);
        gate.arrived(slowest);
    }
    ::close(poller);
}

/// Every queue saw 0 … published-1 once: checked by the sum of the sequences (modulo 2^64).
bool every_queue_complete(const Subscribers& subscribers, std::uint64_t published) {
    const std::uint64_t one_queue =
        published % 2 == 0 ? published / 2 * (published - 1) : (published - 1) / 2 * published;
    return std::ranges::all_of(subscribers, [&](const auto& s) {
        return s->delivered == published * s->queues && s->sequence_sum == one_queue * s->queues;
    });
}

void clean_up(Connection& connection, const Options& options) {
    for (std::uint32_t i = 0; i < options.queues; ++i) connection.delete_queue(queue_name(options, i));
    connection.delete_exchange(options.queue);
}

}  // namespace

Report run_fanout(const Options& options) {
    if (options.queues == 0 || options.connections == 0) fail("fanout needs --queues and --connections of at least 1");
    Connection producer(options.endpoint);
    Subscribers subscribers = subscribe(producer, options);
    RunState state;
    FlowGate gate(publications_in_flight(options));
    Histogram latency;
    std::thread consuming([&] { consume(subscribers, state, gate, latency); });
    std::thread producing([&] { produce(producer, options, state, gate); });
    const Interval interval = measure(state, options);
    gate.release();
    producing.join();
    await_deliveries(state, state.published, 5);
    state.stop_consumer = true;
    consuming.join();
    clean_up(producer, options);

    Report report = start_report(options);
    report.add("queues", std::uint64_t{options.queues});
    report.add("connections", std::uint64_t{subscribers.size()});
    report_interval(report, interval.from, interval.to, interval.to.delivered - interval.from.delivered);
    report.add_latency("end_to_end", latency);
    report.add_flag("complete", every_queue_complete(subscribers, state.published / options.queues));
    return report;
}

}  // namespace fantail::bench
