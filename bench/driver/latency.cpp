// SPDX-License-Identifier: Apache-2.0
//! Workload `latency`: one thread publishes one message, consumes it on a second connection, and goes on.
#include "driver/delivery_reader.hpp"
#include "driver/measurement.hpp"
#include "driver/publish_batch.hpp"
#include "driver/sequence_check.hpp"
#include "driver/workloads.hpp"

namespace fantail::bench {
namespace {

constexpr std::int64_t answer_limit_ns = 10'000'000'000;

class RoundTrips final {
public:
    explicit RoundTrips(const Options& options)
        : options_(options),
          producer_(options.endpoint),
          consumer_(options.endpoint),
          reader_(consumer_),
          batch_({.exchange = "", .routing_key = options.queue, .body_bytes = options.size, .persistent = false}) {
        producer_.declare_queue({.name = options.queue, .type = "", .durable = false});
        consumer_.consume({.queue = options.queue, .prefetch = 0, .auto_ack = true});
    }

    /// Runs for `seconds` or, if not 0, `count` messages; adds each round trip to `histogram`.
    void run(double seconds, std::uint64_t count, RunState& state, Histogram& histogram) {
        const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
        std::int64_t now = now_ns();
        for (std::uint64_t i = 0; now < until && (count == 0 || i < count); ++i) {
            const std::int64_t start = now;
            if (!producer_.send(batch_.stamp(sequence_++, 1, start)))
                fail("the server closed the producer's connection");
            await_one(start);
            now = now_ns();
            histogram.record(now - start);
        }
        state.published = state.delivered = sequence_;
    }

    [[nodiscard]] const SequenceCheck& order() const { return order_; }
    void clean_up() { producer_.delete_queue(options_.queue); }

private:
    void await_one(std::int64_t start) {
        while (reader_.drain([&](const Delivery& d) { order_.see(d.sequence); }) == 0) {
            const ReadStatus status = consumer_.fill(options_.spin_us);
            if (status == ReadStatus::closed) fail("the server closed the consumer's connection");
            if (status == ReadStatus::idle && now_ns() - start > answer_limit_ns)
                fail("a message did not arrive within 10 s");
        }
    }

    const Options& options_;
    Connection producer_;
    Connection consumer_;
    DeliveryReader reader_;
    PublishBatch batch_;
    SequenceCheck order_;
    std::uint64_t sequence_ = 0;
};

}  // namespace

Report run_latency(const Options& options) {
    RoundTrips trips(options);
    RunState state;
    Histogram ignored;
    trips.run(options.warmup, 0, state, ignored);
    Histogram histogram;
    const Snapshot from = take_snapshot(state, options);
    trips.run(options.seconds, options.count, state, histogram);
    const Snapshot to = take_snapshot(state, options);
    trips.clean_up();

    Report report = start_report(options);
    report.add_flag("pinned", options.pin_cpu >= 0);
    report_interval(report, from, to, to.delivered - from.delivered);
    report.add_latency("round_trip", histogram);
    report.add_flag("complete", trips.order().missing() == 0 && trips.order().repeated() == 0);
    return report;
}

}  // namespace fantail::bench
