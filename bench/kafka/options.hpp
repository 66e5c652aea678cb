// SPDX-License-Identifier: Apache-2.0
//! Every setting of a run against a Kafka broker.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fantail::bench::kafka {

struct Options {
    std::string workload;
    std::string host = "127.0.0.1";
    std::uint16_t port = 9092;
    std::string topic = "fantail-bench";
    std::vector<std::string> topic_config;  ///< NAME=VALUE
    std::uint32_t partitions = 1;
    std::uint32_t size = 1024;  ///< of a value, bytes
    std::uint64_t count = 1'000'000;
    std::uint64_t warmup_count = 0;  ///< sent before the measured ones
    int acks = -1;
    std::uint32_t batch_bytes = 16384;
    double linger_ms = 5;
    double rate = 10'000;  ///< messages a second, workload latency
    double seconds = 5;    ///< measured time, workload latency
    double warmup = 1;
    pid_t server_pid = 0;
    std::string data_dir;
    unsigned time_limit_seconds = 300;

    [[nodiscard]] std::string bootstrap() const { return host + ":" + std::to_string(port); }
};

/// Reads the command line; prints help or an error and exits when there is nothing to run.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace fantail::bench::kafka
