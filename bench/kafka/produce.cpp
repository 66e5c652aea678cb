// SPDX-License-Identifier: Apache-2.0
//! Workload `produce`: values as fast as acknowledgements allow.
#include <atomic>
#include <thread>

#include "kafka/client.hpp"
#include "kafka/usage.hpp"
#include "kafka/workloads.hpp"

namespace fantail::bench::kafka {

namespace {

constexpr std::size_t at_once = 1000;

struct Progress {
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<rd_kafka_resp_err_t> last_error{RD_KAFKA_RESP_ERR_NO_ERROR};
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& progress = *static_cast<Progress*>(opaque);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) progress.last_error = message->err;
    auto& counter = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? progress.acknowledged : progress.refused;
    counter.fetch_add(1, std::memory_order_relaxed);
}

/// Sends all; as each partition's batches fill at once, they go around in pieces.
/// \param value not copied: lives until all is acknowledged
void send_all(rd_kafka_t* client, const Options& options, std::uint64_t wanted, std::string& value) {
    const Topic topic = open_topic(client, options);
    std::vector<rd_kafka_message_t> some(at_once);
    std::uint64_t sent = 0;
    for (std::uint32_t piece = 0; sent < wanted; ++piece) {
        const auto count = static_cast<int>(std::min<std::uint64_t>(at_once, wanted - sent));
        for (int i = 0; i < count; ++i) some[static_cast<std::size_t>(i)] = {};
        for (int i = 0; i < count; ++i) {
            some[static_cast<std::size_t>(i)].payload = value.data();
            some[static_cast<std::size_t>(i)].len = value.size();
        }
        const auto partition = static_cast<int>(piece % options.partitions);
        int taken = rd_kafka_produce_batch(topic.get(), partition, 0, some.data(), count);
        sent += static_cast<std::uint64_t>(taken);
        if (taken < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void await_answers(const Progress& progress, std::uint64_t wanted) {
    while (progress.acknowledged + progress.refused < wanted)
        std::this_thread::sleep_for(std::chrono::microseconds(500));
}

}  // namespace

Report run_produce(const Options& options) {
    create_topic(options);
    std::string value(options.size, 'v');
    Progress progress;
    const Client client = make_producer(options,
                                        {{"acks", std::to_string(options.acks)},
                                         {"batch.size", std::to_string(options.batch_bytes)},
                                         {"linger.ms", std::to_string(options.linger_ms)},
                                         {"queue.buffering.max.messages", "200000"},
                                         {"queue.buffering.max.kbytes", "1048576"}},
                                        on_delivery, &progress);
    std::atomic<bool> stop = false;
    std::thread polling([&] {
        while (!stop) rd_kafka_poll(client.get(), 50);
    });
    send_all(client.get(), options, options.warmup_count, value);
    await_answers(progress, options.warmup_count);
    const Usage usage(options);
    send_all(client.get(), options, options.count, value);
    await_answers(progress, options.warmup_count + options.count);
    Report report;
    usage.report(report, options.count * options.size);
    stop = true;
    polling.join();
    report.add("acknowledged", progress.acknowledged.load());
    report.add("refused", progress.refused.load());
    if (progress.refused > 0) report.add_text("last_error", rd_kafka_err2name(progress.last_error));
    report.add_flag("complete", progress.refused == 0);
    return report;
}

}  // namespace fantail::bench::kafka
