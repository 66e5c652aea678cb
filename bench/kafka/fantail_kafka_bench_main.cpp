// SPDX-License-Identifier: Apache-2.0
//! fantail-kafka-bench: loads a Kafka broker and prints one JSON line.
#include <array>
#include <string_view>

#include "driver/process_stats.hpp"
#include "kafka/options.hpp"
#include "kafka/workloads.hpp"

using namespace fantail::bench;

namespace {

struct Workload {
    std::string_view name;
    Report (*run)(const kafka::Options&);
};

constexpr std::array<Workload, 4> workloads{{
    {"produce", kafka::run_produce},
    {"consume", kafka::run_consume},
    {"latency", kafka::run_latency},
    {"partitions", kafka::run_partitions},
}};

}  // namespace

int main(int argc, char** argv) {
    const kafka::Options options = kafka::parse_options(argc, argv);
    raise_file_limit();
    arm_watchdog(options.time_limit_seconds);
    for (const Workload& workload : workloads)
        if (workload.name == options.workload) workload.run(options).print();
    return 0;
}
