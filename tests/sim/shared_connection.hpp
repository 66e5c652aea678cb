// SPDX-License-Identifier: Apache-2.0
//! The connection of one process, in which each of its clients has a channel: made when it is needed, and anew when it is gone.
#pragma once

#include <memory>

#include "sim/amqp_peer.hpp"
#include "sim/simulated_node.hpp"

namespace fantail::sim {

class SharedConnection {
public:
    SharedConnection(World& world, SimulatedNode& node, Random random) : world_(world), node_(node), random_(random) {}

    /// A connection to open a channel in; null if nobody listens.
    [[nodiscard]] std::shared_ptr<AmqpPeer> get();

private:
    World& world_;
    SimulatedNode& node_;
    Random random_;
    std::shared_ptr<AmqpPeer> peer_;
};

}  // namespace fantail::sim
