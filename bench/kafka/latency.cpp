// SPDX-License-Identifier: Apache-2.0
//! Workload `latency`: an even rate, timed from when each value was due, so that a stall counts for all that it held up.
#include <atomic>
#include <cstring>
#include <thread>

#include "driver/measurement.hpp"
#include "kafka/client.hpp"
#include "kafka/usage.hpp"
#include "kafka/workloads.hpp"

namespace fantail::bench::kafka {

namespace {

struct Run {
    std::atomic<std::int64_t> measure_from_ns{0};
    std::atomic<std::uint64_t> sent{0};
    std::atomic<bool> done{false};
    std::uint64_t delivered = 0;
    Histogram end_to_end;
};

void ignore(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(message->err));
}

void consume(rd_kafka_t* client, Run& run) {
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
    while (!run.done || run.delivered < run.sent) {
        rd_kafka_message_t* message = nullptr;
        if (rd_kafka_consume_batch_queue(queue, 100, &message, 1) != 1) continue;
        const std::int64_t now = now_ns();
        std::int64_t due = 0;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len >= sizeof due) {
            std::memcpy(&due, message->payload, sizeof due);
            ++run.delivered;
            if (due >= run.measure_from_ns) run.end_to_end.record(now - due);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_queue_destroy(queue);
}

void send_evenly(rd_kafka_t* client, const Options& options, Run& run) {
    const Topic topic = open_topic(client, options);
    std::string value(std::max<std::size_t>(options.size, sizeof(std::int64_t)), 'v');
    const auto interval_ns = static_cast<std::int64_t>(1e9 / options.rate);
    const auto count = static_cast<std::uint64_t>((options.warmup + options.seconds) * options.rate);
    std::int64_t due = now_ns();
    run.measure_from_ns = due + static_cast<std::int64_t>(options.warmup * 1e9);
    for (std::uint64_t i = 0; i < count; ++i, due += interval_ns) {
        while (now_ns() < due) {
            rd_kafka_poll(client, 0);
            if (due - now_ns() > 60'000) std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
        std::memcpy(value.data(), &due, sizeof due);
        rd_kafka_produce(topic.get(), static_cast<int>(i % options.partitions), RD_KAFKA_MSG_F_COPY, value.data(),
                         value.size(), nullptr, 0, nullptr);
        ++run.sent;
    }
    rd_kafka_flush(client, 10'000);
}

}  // namespace

Report run_latency(const Options& options) {
    create_topic(options);
    Run run;
    const Client producer = make_producer(
        options, {{"acks", std::to_string(options.acks)}, {"linger.ms", std::to_string(options.linger_ms)}}, ignore,
        nullptr);
    const Client consumer = make_consumer(options, {{"group.id", "fantail-bench"},
                                                    {"enable.auto.commit", "false"},
                                                    {"fetch.wait.max.ms", "500"},
                                                    {"fetch.min.bytes", "1"}});
    std::thread consuming([&] { consume(consumer.get(), run); });
    const Usage usage(options);
    send_evenly(producer.get(), options, run);
    run.done = true;
    consuming.join();
    Report report;
    usage.report(report, run.sent * options.size);
    rd_kafka_consumer_close(consumer.get());
    report.add_latency("end_to_end", run.end_to_end);
    report.add("delivered", run.delivered);
    return report;
}

}  // namespace fantail::bench::kafka
