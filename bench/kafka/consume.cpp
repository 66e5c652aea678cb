// SPDX-License-Identifier: Apache-2.0
//! Workload `consume`: what is in the topic, from its beginning.
#include <array>

#include "driver/process_stats.hpp"
#include "kafka/client.hpp"
#include "kafka/usage.hpp"
#include "kafka/workloads.hpp"

namespace fantail::bench::kafka {

namespace {

constexpr std::size_t at_once = 10'000;
constexpr int wait_ms = 1000;
constexpr int silent_waits_max = 20;

struct Received {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
};

Received read_all(rd_kafka_queue_t* queue, std::uint64_t wanted) {
    Received got;
    std::vector<rd_kafka_message_t*> some(at_once);
    for (int silent = 0; got.records < wanted && silent < silent_waits_max;) {
        const auto count = rd_kafka_consume_batch_queue(queue, wait_ms, some.data(), some.size());
        if (count <= 0) ++silent;
        for (ssize_t i = 0; i < count; ++i) {
            rd_kafka_message_t* each = some[static_cast<std::size_t>(i)];
            if (each->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                ++got.records;
                got.bytes += each->len;
            }
            rd_kafka_message_destroy(each);
        }
    }
    return got;
}

}  // namespace

Report run_consume(const Options& options) {
    const Usage usage(options);
    const Client client = make_consumer(options, {{"group.id", "fantail-bench"},
                                                  {"enable.auto.commit", "false"},
                                                  {"check.crcs", "false"},
                                                  {"fetch.message.max.bytes", "4194304"},
                                                  {"queued.min.messages", "500000"},
                                                  {"queued.max.messages.kbytes", "524288"}});
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client.get());
    const Received got = read_all(queue, options.count);
    Report report;
    usage.report(report, got.bytes);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client.get());
    report.add("delivered", got.records);
    report.add("missing", options.count - got.records);
    report.add_flag("complete", got.records == options.count);
    return report;
}

Report run_partitions(const Options& options) {
    const auto before = process_memory(options.server_pid).resident;
    const Usage usage(options);
    create_topic(options);
    Report report;
    usage.report(report, 0);
    const auto after = process_memory(options.server_pid).resident;
    report.add("rss_growth_mib", (static_cast<double>(after) - static_cast<double>(before)) / (1 << 20));
    return report;
}

}  // namespace fantail::bench::kafka
