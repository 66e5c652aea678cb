// SPDX-License-Identifier: Apache-2.0
//! What will go wrong in a run, and when: drawn from the seed, and shortened when a failure is to be understood.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace fantail::sim {

enum class FaultKind : std::uint8_t {
    kill,
    power_off,
    clean_restart,
    cut_connection,
    half_open,
    slow_network,
    pause_node,
    fail_write,
    fail_sync,
    fail_read,
    full_disk,
    slow_disk,
    bit_rot,
    clock_step,
    crash_midway,  ///< power off or kill while the disk is busy with what was written last
};
[[nodiscard]] const char* fault_name(FaultKind kind);

struct Fault {
    FaultKind kind = FaultKind::kill;
    std::int64_t at_ns = 0;
    std::int64_t for_ns = 0;  ///< how long it lasts, or the node stays down
    std::uint64_t size = 0;   ///< how much, or which
};

/// What makes one run; the same options make the same run.
struct RunOptions {
    std::uint64_t seed = 1;
    std::set<std::size_t> without_faults;  ///< by number
    std::int64_t end_ms = 0;               ///< clients stop then; 0: as drawn
    std::size_t clients_max = 0;           ///< 0: as drawn
    bool history = false;

    /// The arguments that repeat it.
    [[nodiscard]] std::string arguments() const;
};

struct Plan {
    std::int64_t end_ns = 0;
    std::size_t clients = 1;
    std::vector<Fault> faults;  ///< those left out are still there: their numbers stay
    bool rots = false;          ///< damage is done to what is stored: the broker may refuse to go on
};

[[nodiscard]] Plan draw_plan(const RunOptions& options);

}  // namespace fantail::sim
