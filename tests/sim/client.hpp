// SPDX-License-Identifier: Apache-2.0
//! A client, in a channel of its own: publishes, consumes, settles, gets and reconnects as chance has it, and tells the model
//! all of it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/amqp_peer.hpp"
#include "sim/model.hpp"
#include "sim/routing.hpp"
#include "sim/shared_connection.hpp"

namespace fantail::sim {

/// How a client behaves; drawn once.
struct ClientHabits {
    std::int64_t think_ns = 10 * ms;  ///< between actions, on average
    std::uint64_t burst_max = 10;     ///< messages published at a time
    std::uint64_t backlog_max = 200;  ///< unanswered publishes before it waits
    std::uint64_t returns = 15;       ///< of a hundred settlements, those that put messages back
    bool publishes = true;
    bool consumes = true;
};

class Client final : public ChannelOwner {
public:
    Client(World& world, SharedConnection& connection, Model& model, const Topology& topology, std::uint64_t number);

    void start();
    /// No more actions of its own; answers are still taken.
    void rest() { resting_ = true; }
    /// Closes the channel or closes or drops the connection, and does not come back.
    void leave();
    /// Whether it waits for nothing; else what for.
    [[nodiscard]] std::string unanswered() const;

    // ChannelOwner
    void on_open() override;
    void on_method(const amqp091::Method& method) override;
    void on_message(const amqp091::Method& method, const record::Properties& properties, ByteView body) override;
    void on_gone(const ChannelEnd& end) override;

private:
    enum class Mode : std::uint8_t { plain, confirms, transactions };
    struct Publish {
        std::uint64_t id;
        std::vector<Copy*> settles;  ///< acks sent before it, to the same queue
    };
    struct Unacked {
        Copy* copy;
        ReceiverPtr receiver;
    };
    using Tags = std::map<std::uint64_t, Unacked>;

    void reconnect_later();
    void connect();
    void think();
    void act();
    void part();
    template <class M>
    void send(const M& method) {
        peer_->send(channel_, method);
    }
    [[nodiscard]] std::string name() const { return "client " + std::to_string(number_); }

    // Publishing.
    void publish_some();
    void publish_one();
    void send_message(const Message& message, const Address& address);
    void end_transaction();
    void confirm(std::uint64_t tag, bool multiple, Fate fate);
    void confirm_one(const Publish& publish, Fate fate);

    // Its own binding.
    void rebind();
    [[nodiscard]] bool rebinding() const;

    // Consuming.
    void consume();
    void cancel();
    void get();
    void settle_some();
    enum class How : std::uint8_t { accept, nack, reject_back, refuse };
    void settle(Tags::iterator first, Tags::iterator end, How how);
    void apply(const Unacked& held, How how);
    void take(std::uint64_t tag, const ReceiverPtr& receiver, const Delivered& delivered);
    [[nodiscard]] bool check_body(std::uint64_t id, ByteView body);
    [[nodiscard]] const QueueSpec& any_queue(bool for_publishing);
    void forget_session();

    World& world_;
    SharedConnection& connection_;
    Model& model_;
    const Topology& topology_;
    std::uint64_t number_;
    Random random_;
    ClientHabits habits_;
    std::shared_ptr<AmqpPeer> peer_;
    std::uint16_t channel_ = 0;
    std::uint64_t epoch_ = 0;  ///< of the channel
    SessionPtr session_;
    Mode mode_ = Mode::plain;
    bool ready_ = false;
    bool parted_in_time_ = false;  ///< nobody else had closed the connection: the broker has read all that we sent
    std::int64_t connected_at_ = 0;
    bool resting_ = false;
    bool left_ = false;
    std::string waiting_for_;     ///< the answer to a method; empty: none
    std::uint64_t messages_ = 0;  ///< of all sessions
    std::uint64_t transactions_ = 0;
    std::uint64_t published_ = 0;  ///< in this session
    std::map<std::uint64_t, Publish> unconfirmed_;
    std::uint64_t transaction_ = 0;
    std::vector<Publish> in_transaction_;
    std::vector<std::pair<Unacked, How>> settles_in_transaction_;
    std::string own_key_;                    ///< in the own exchange; empty: none yet
    const QueueSpec* bound_to_ = nullptr;    ///< by it
    const QueueSpec* binding_to_ = nullptr;  ///< once that is answered; null: it is being removed
    std::uint64_t own_keys_ = 0;
    std::map<std::uint64_t, Unacked> taken_back_;           ///< tags of those, should the transaction be rolled back
    std::map<const QueueSpec*, std::vector<Copy*>> acked_;  ///< not yet known to be on the disk
    std::map<std::string, ReceiverPtr> consumers_;          ///< by tag; cancelled ones too
    ReceiverPtr getter_;
    std::uint32_t prefetch_ = 0;
    bool global_prefetch_ = false;
    Tags unacked_;
};

}  // namespace fantail::sim
