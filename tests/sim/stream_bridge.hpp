// SPDX-License-Identifier: Apache-2.0
//! An AMQP client of a topic's partitions: publishes to them, and reads what Kafka clients wrote there.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sim/amqp_peer.hpp"
#include "sim/kafka_client.hpp"
#include "sim/shared_connection.hpp"

namespace fantail::sim {

class StreamBridge final : public ChannelOwner {
public:
    StreamBridge(const KafkaSurroundings& around, std::uint64_t number);

    void start() { connect_later(); }
    void rest() { resting_ = true; }
    void leave();

    // ChannelOwner
    void on_open() override;
    void on_method(const amqp091::Method& method) override;
    void on_message(const amqp091::Method& method, const record::Properties& properties, ByteView body) override;
    void on_gone(const ChannelEnd& end) override;

private:
    void connect_later();
    void connect();
    void think();
    void publish();
    void consume(const PartitionSpec& partition);
    void confirm(std::uint64_t tag, bool multiple);
    template <class M>
    void send(const M& method) {
        peer_->send(channel_, method);
    }

    KafkaSurroundings around_;
    std::string name_;
    std::uint64_t number_;
    Random random_;
    std::int64_t think_ns_;
    SharedConnection connection_;
    std::shared_ptr<AmqpPeer> peer_;
    std::uint16_t channel_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t ids_ = 0;
    std::uint64_t published_ = 0;                                ///< on this channel
    std::map<std::uint64_t, std::uint64_t> unconfirmed_;         ///< records, by tag
    std::map<std::string, std::shared_ptr<LogReader>> readers_;  ///< by consumer tag
    bool resting_ = false;
    bool left_ = false;
};

}  // namespace fantail::sim
