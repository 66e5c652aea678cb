// SPDX-License-Identifier: Apache-2.0
//! The client at the end of a run: takes all that is left in the queues.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/amqp_peer.hpp"
#include "sim/model.hpp"
#include "sim/simulated_node.hpp"

namespace fantail::sim {

class Auditor final : public ChannelOwner {
public:
    Auditor(World& world, SimulatedNode& node, Model& model, const Topology& topology)
        : world_(world), node_(node), model_(model), topology_(topology) {}

    /// Takes everything out of every queue and hands it to the model.
    void audit();
    [[nodiscard]] bool done() const { return done_; }
    /// For failures: what it was at.
    [[nodiscard]] std::string place() const;

    // ChannelOwner
    void on_open() override;
    void on_method(const amqp091::Method& method) override;
    void on_message(const amqp091::Method& method, const record::Properties& properties, ByteView body) override;
    void on_gone(const ChannelEnd& end) override;

private:
    void next();
    template <class M>
    void send(const M& method) {
        peer_->send(channel_, method);
    }
    void consume(std::uint32_t announced);
    /// Ends a queue's turn once nothing has come for a while.
    void look_for_silence();

    World& world_;
    SimulatedNode& node_;
    Model& model_;
    const Topology& topology_;
    std::shared_ptr<AmqpPeer> peer_;
    std::uint16_t channel_ = 0;
    bool done_ = false;
    std::size_t queue_ = 0;
    SessionPtr session_;
    ReceiverPtr receiver_;
    std::vector<Copy*> found_;
    std::uint64_t announced_ = 0;
    std::int64_t last_message_at_ = 0;
};

}  // namespace fantail::sim
