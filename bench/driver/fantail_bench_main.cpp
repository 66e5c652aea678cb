// SPDX-License-Identifier: Apache-2.0
//! fantail-bench: loads an AMQP 0-9-1 broker and prints one JSON line.
#include <array>
#include <string_view>

#include "driver/options.hpp"
#include "driver/process_stats.hpp"
#include "driver/report.hpp"
#include "driver/workloads.hpp"

using namespace fantail::bench;

namespace {

struct Workload {
    std::string_view name;
    Report (*run)(const Options&);
};

constexpr std::array<Workload, 11> workloads{{
    {"throughput", run_throughput},
    {"durable", run_durable},
    {"latency", run_latency},
    {"paced", run_paced},
    {"fanout", run_fanout},
    {"backlog", run_backlog},
    {"idle", run_idle},
    {"fill", run_fill},
    {"drain", run_drain},
    {"coldstart", run_cold_start},
    {"selftest", run_self_check},
}};

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse_options(argc, argv);
    raise_file_limit();
    arm_watchdog(options.time_limit_seconds);
    if (options.pin_cpu >= 0 && !pin_to_cpu(options.pin_cpu)) fail("cannot bind to the CPU of --pin-cpu");
    for (const Workload& workload : workloads) {
        if (workload.name != options.workload) continue;
        workload.run(options).print();
        return 0;
    }
    fail("no such workload");
}
