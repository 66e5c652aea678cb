// SPDX-License-Identifier: Apache-2.0
//! What simulated Kafka clients of all kinds share: a connection that is made anew when it is gone, and a mind of their own.
#pragma once

#include <memory>
#include <string>

#include "sim/kafka_peer.hpp"
#include "sim/log_model.hpp"

namespace fantail::sim {

/// What a client is made for.
struct KafkaSurroundings {
    World& world;
    SimulatedNode& node;
    LogModel& model;
    TransactionModel& transactions;
    const LogTopology& topology;
};

class KafkaClient {
public:
    KafkaClient(const KafkaSurroundings& around, std::string name, std::uint64_t number);
    virtual ~KafkaClient() = default;
    KafkaClient(const KafkaClient&) = delete;
    KafkaClient& operator=(const KafkaClient&) = delete;

    void start();
    /// Nothing more of its own; answers are still taken.
    void rest() { resting_ = true; }
    /// Ends, with or without good-bye.
    void leave();
    /// Whether it waits for nothing; else what for.
    [[nodiscard]] virtual std::string unanswered() const;
    /// The group that gives it partitions at present; null: none.
    [[nodiscard]] virtual const GroupSpec* given_by() const { return nullptr; }

protected:
    /// The connection is there.
    virtual void on_open() = 0;
    /// It is not any more.
    virtual void on_gone() {}
    /// Now and then, with a connection.
    virtual void act() = 0;
    virtual void say_good_bye() {}
    /// Ends the connection, and comes back later.
    void reconnect();
    [[nodiscard]] bool connected() const { return peer_ && peer_->ready(); }
    template <class Text>
    void note(Text text) {
        around_.world.note([&] { return name_ + ": " + text(); });
    }

    KafkaSurroundings around_;
    std::string name_;
    std::uint64_t number_;
    Random random_;
    std::int64_t think_ns_;
    std::shared_ptr<KafkaPeer> peer_;
    bool resting_ = false;
    bool left_ = false;

private:
    void connect();
    void connect_later();
    void think();
};

}  // namespace fantail::sim
