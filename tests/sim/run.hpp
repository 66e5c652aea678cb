// SPDX-License-Identifier: Apache-2.0
//! One run: a node, its clients, what goes wrong, and the verdict.
#pragma once

#include <deque>
#include <string>

#include "sim/plan.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

struct Outcome {
    std::string failure;  ///< empty: every promise was kept
    std::uint64_t trace_hash = 0;
    std::int64_t simulated_ns = 0;
    Counts counts;
    std::deque<std::string> history;
    std::string setting;  ///< for people: the node and its queues
    std::size_t faults = 0;
};

[[nodiscard]] Outcome run(const RunOptions& options);

/// Leaves out faults, clients and time as long as the run still fails. \return the shortest that does
[[nodiscard]] RunOptions shrink(RunOptions options);

}  // namespace fantail::sim
