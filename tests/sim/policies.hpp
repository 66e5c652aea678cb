// SPDX-License-Identifier: Apache-2.0
//! The policies that say what queues and exchanges of a topology leave to them.
#pragma once

#include <vector>

#include "broker/api/definitions.hpp"
#include "sim/topology.hpp"

namespace fantail::sim {

/// One for each queue and exchange that is ruled by a policy; without their vhost.
[[nodiscard]] std::vector<broker::PolicyDefinition> policies_of(const Topology& topology);

}  // namespace fantail::sim
