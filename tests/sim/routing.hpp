// SPDX-License-Identifier: Apache-2.0
//! Where a message must go: the model's own reading of bindings, slow and plain.
#pragma once

#include <string>
#include <vector>

#include "sim/topology.hpp"

namespace fantail::sim {

/// What a message is routed by.
struct Address {
    std::string exchange;  ///< empty: the key is a queue's name
    std::string key;
    HeaderList headers;
};

/// The queues that must get it, each once.
[[nodiscard]] std::vector<const QueueSpec*> route(const Topology& topology, const Address& address);

}  // namespace fantail::sim
