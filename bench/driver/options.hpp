// SPDX-License-Identifier: Apache-2.0
//! Every setting of a run; one set for all workloads, each reads what concerns it.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "driver/connection.hpp"

namespace fantail::bench {

struct Options {
    Endpoint endpoint;
    std::string workload;
    std::string queue = "fantail-bench";
    std::string queue_type = "classic";
    std::uint32_t size = 100;
    std::uint64_t count = 0;  // 0: no limit but time
    double seconds = 5;
    double warmup = 1;
    double rate = 5'000;  // messages a second of the workload paced
    std::uint64_t window = 100;
    std::uint16_t prefetch = 100;
    std::uint64_t ack_every = 1;
    std::uint64_t in_flight = 0;  // 0: derived from the size
    std::uint32_t queues = 10;
    std::uint32_t connections = 10;
    int pin_cpu = -1;
    std::int64_t spin_us = 0;
    double settle_seconds = 2;
    pid_t server_pid = 0;
    std::string data_dir;
    std::int64_t since_ns = 0;
    bool keep = false;
    bool until_lost = false;
    unsigned time_limit_seconds = 300;
    std::vector<std::string> command;

    /// Messages in flight: as given, else 20,000 or what 4 MiB hold, whichever is less.
    [[nodiscard]] std::uint64_t in_flight_limit() const;
};

/// Reads the command line; prints help or an error and exits when there is nothing to run.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace fantail::bench
