// SPDX-License-Identifier: Apache-2.0
//! The loop of a producer of persistent, confirmed messages; shared by the durable workloads.
#pragma once
#include "driver/confirm_window.hpp"
#include "driver/measurement.hpp"

namespace fantail::bench {

struct ProducerResult {
    Histogram latency;  // send to confirm, of the messages confirmed while `measuring`
    std::uint64_t refused = 0;
    std::uint64_t confirmed_without_gap = 0;
    bool lost = false;  // the connection broke before the end
};

/// Publishes to `options.queue` with at most `options.window` unconfirmed, until `options.count` messages (0: no limit)
/// or `state.stop_producer`; then waits for the remaining confirms. `connection` must be in confirm mode.
[[nodiscard]] ProducerResult produce_confirmed(Connection& connection, const Options& options, RunState& state);

}  // namespace fantail::bench
