// SPDX-License-Identifier: Apache-2.0
//! Draws faults.
#include "sim/plan.hpp"

#include <algorithm>

#include "sim/random.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

namespace {

constexpr std::uint64_t plan_concern = 0x504C'414E'0000;
/// Before it, queues are declared.
constexpr std::int64_t first_fault_at = 2 * second;

Fault draw_fault(Random& random, std::int64_t end_ns, bool rots) {
    // Half of them break connections, which is the cheapest way into strange states.
    static const std::vector<FaultKind> common{
        FaultKind::cut_connection, FaultKind::cut_connection, FaultKind::half_open,     FaultKind::kill,
        FaultKind::power_off,      FaultKind::crash_midway,   FaultKind::clean_restart, FaultKind::slow_network,
        FaultKind::pause_node,     FaultKind::slow_disk};
    static const std::vector<FaultKind> rare{FaultKind::fail_write, FaultKind::fail_sync, FaultKind::fail_read,
                                             FaultKind::clock_step, FaultKind::full_disk};
    Fault fault;
    fault.kind = random.one_in(5) ? random.pick(rare) : random.pick(common);
    if (rots && random.one_in(4)) fault.kind = FaultKind::bit_rot;
    fault.at_ns =
        first_fault_at + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end_ns - first_fault_at)));
    fault.for_ns = static_cast<std::int64_t>(random.skewed(1, 20'000)) * ms;
    fault.size = random.next();
    return fault;
}

}  // namespace

const char* fault_name(FaultKind kind) {
    switch (kind) {
        case FaultKind::kill: return "kill";
        case FaultKind::power_off: return "power off";
        case FaultKind::clean_restart: return "clean restart";
        case FaultKind::cut_connection: return "cut connection";
        case FaultKind::half_open: return "half-open connection";
        case FaultKind::slow_network: return "slow network";
        case FaultKind::pause_node: return "paused node";
        case FaultKind::fail_write: return "failed write";
        case FaultKind::fail_sync: return "failed sync";
        case FaultKind::fail_read: return "failed read";
        case FaultKind::full_disk: return "full disk";
        case FaultKind::slow_disk: return "slow disk";
        case FaultKind::bit_rot: return "bit rot";
        case FaultKind::clock_step: return "step of the wall clock";
        case FaultKind::crash_midway: return "crash in the middle of writes";
    }
    return "";
}

std::string RunOptions::arguments() const {
    std::string text = "--seed " + std::to_string(seed);
    if (!without_faults.empty()) {
        text += " --without ";
        for (const std::size_t fault : without_faults) text += std::to_string(fault) + ",";
        text.pop_back();
    }
    if (end_ms > 0) text += " --end-ms " + std::to_string(end_ms);
    if (clients_max > 0) text += " --clients " + std::to_string(clients_max);
    return text;
}

Plan draw_plan(const RunOptions& options) {
    Random random = Random(options.seed).fork(plan_concern);
    Plan plan;
    plan.end_ns = static_cast<std::int64_t>(random.between(5'000, 60'000)) * ms;
    plan.clients = random.between(1, 6);
    plan.rots = random.one_in(20);
    // Some runs without any: what only faults excuse is then no excuse.
    const std::uint64_t faults = random.one_in(5) ? 0 : random.between(1, 12);
    for (std::uint64_t i = 0; i < faults; ++i) plan.faults.push_back(draw_fault(random, plan.end_ns, plan.rots));
    if (options.end_ms > 0) plan.end_ns = std::min(plan.end_ns, options.end_ms * ms);
    if (options.clients_max > 0) plan.clients = std::min(plan.clients, options.clients_max);
    return plan;
}

}  // namespace fantail::sim
