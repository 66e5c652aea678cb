// SPDX-License-Identifier: Apache-2.0
//! The client at the beginning of a run: declares queues and exchanges, and binds them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "sim/amqp_peer.hpp"
#include "sim/simulated_node.hpp"
#include "sim/topology.hpp"

namespace fantail::sim {

class Declarer final : public ChannelOwner {
public:
    Declarer(World& world, SimulatedNode& node, const Topology& topology)
        : world_(world), node_(node), topology_(topology) {}

    void start();
    [[nodiscard]] bool done() const { return done_; }

    // ChannelOwner
    void on_open() override { next(); }
    void on_method(const amqp091::Method&) override { next(); }
    void on_message(const amqp091::Method&, const record::Properties&, ByteView) override {}
    void on_gone(const ChannelEnd& end) override;

private:
    /// Each step sends what is answered by one method.
    void plan();
    void plan(const ExchangeSpec& exchange);
    void next();

    World& world_;
    SimulatedNode& node_;
    const Topology& topology_;
    std::shared_ptr<AmqpPeer> peer_;
    std::uint16_t channel_ = 0;
    std::deque<std::function<void()>> steps_;
    bool done_ = false;
};

}  // namespace fantail::sim
