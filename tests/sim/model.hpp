// SPDX-License-Identifier: Apache-2.0
//! The judge: what was promised to clients, and what they saw of it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/network.hpp"
#include "sim/topology.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

/// A client's channel: what can hold or publish messages.
struct Session {
    std::uint64_t number = 0;
    std::shared_ptr<Link> link;
    bool over = false;
    bool closing = false;  ///< the broker may have ended the channel already: a commit may be refused, a close was sent
    bool answered = false;  ///< the broker itself said that it is over
    std::int64_t over_at = 0;
    bool closed_well = false;  ///< as its client had asked: everything that was said before has had its effect
    /// The broker still counts it as there, and so does the client.
    [[nodiscard]] bool alive() const { return !over && !closing && !link->closing() && !link->server_gone(); }
};
using SessionPtr = std::shared_ptr<Session>;

enum class Fate : std::uint8_t {
    sent,       ///< nothing is known
    confirmed,  ///< or committed: it must be there
    refused,    ///< nacked
    returned,   ///< no queue took it
    in_transaction,
    committing,  ///< commit was sent: all of it or nothing
    withdrawn,   ///< rolled back, or its channel ended before commit
};

struct Message {
    std::uint64_t id = 0;
    std::uint64_t session = 0;
    std::uint64_t transaction = 0;  ///< 0: none
    std::vector<const QueueSpec*> targets;
    bool persistent = true;
    bool mandatory = false;
    std::uint8_t priority = 0;
    std::int64_t ttl_ms = 0;    ///< 0: none of its own
    std::int64_t delay_ms = 0;  ///< 0: none
    std::string dedup;
    HeaderList headers;  ///< to be routed by
    std::size_t size = 0;
    std::int64_t sent_at = 0;
    std::int64_t answered_at = 0;
    std::uint64_t restarts_before = 0;
    Fate fate = Fate::sent;
};

/// A message in a queue, as clients have seen it.
struct Copy {
    const Message* message = nullptr;
    const QueueSpec* queue = nullptr;
    bool seen = false;      ///< by a client, or at the end
    bool taken = false;     ///< by a client, before the end
    bool found = false;     ///< at the end
    bool acked = false;     ///< an ack was sent
    bool settled = false;   ///< and is known to be on the disk
    bool rejected = false;  ///< sent to its death
    std::uint64_t returns = 0;
    std::uint64_t restarts_at_ack = 0;
    std::int64_t free_since = 0;  ///< when it was put back last
    SessionPtr holder;            ///< who has it, unsettled
    SessionPtr acker;
};

/// A consumer, or a channel's gets.
struct Receiver {
    const QueueSpec* queue = nullptr;
    SessionPtr session;
    std::uint64_t number = 0;
    std::uint32_t prefetch = 0;
    std::uint64_t held = 0;
    bool auto_ack = false;
    std::int32_t priority = 0;
    bool shared_window = false;     ///< others of its channel have a part in its prefetch
    std::int64_t credit_since = 0;  ///< none: no_credit
    bool cancel_sent = false;
    bool cancelled = false;  ///< cancel-ok has come
    std::map<std::pair<std::uint64_t, std::uint8_t>, std::uint64_t>
        newest;                     ///< fresh message, by publisher and priority
    std::int64_t next_offset = -1;  ///< of a stream

    static constexpr std::int64_t no_credit = INT64_MAX;
    void took() {
        ++held;
        if (prefetch > 0 && held >= prefetch) credit_since = no_credit;
    }
    void gave(std::int64_t now) {
        --held;
        if (credit_since == no_credit) credit_since = now;
    }
};
using ReceiverPtr = std::shared_ptr<Receiver>;

/// What a delivery said.
struct Delivered {
    std::uint64_t id = 0;
    bool redelivered = false;
    std::int64_t stream_offset = -1;
    std::string first_death_queue;
    std::string first_death_reason;
};

/// The priority level of a message in a queue.
[[nodiscard]] std::uint8_t level_of(const QueueSpec& queue, const Message& message);

class Model {
public:
    Model(World& world, const Topology& topology) : world_(world), topology_(topology) {}

    // Publishing.
    Message& publish(Message message);
    void answered(std::uint64_t id, Fate fate);
    /// Its transaction's commit was sent.
    void committing(std::uint64_t id) { messages_.at(id).fate = Fate::committing; }
    [[nodiscard]] const Message& message(std::uint64_t id) const { return messages_.at(id); }

    // Consuming.
    /// It has asked for what its queue has.
    void consumes(const ReceiverPtr& receiver);
    /// Judges a delivery. \return the copy that the receiver now holds or has; null if the world has failed
    Copy* deliver(Receiver& receiver, const Delivered& delivered);
    /// The receiver is the one that its queue serves now.
    void is_active(const ReceiverPtr& receiver) {
        if (receiver->queue->single_active && receiver->number > 0) active_[receiver->queue] = receiver;
    }
    void ack(Copy& copy, const SessionPtr& session);
    /// An ack is known to be on the disk: what was published behind it is confirmed.
    void settled(Copy& copy) { copy.settled = true; }
    void reject(Copy& copy);
    /// \param counts towards the delivery limit
    void requeue(Copy& copy, bool counts);
    /// The session is over; what it held goes back.
    /// \param receivers of it that may have been sent something that did not arrive
    void over(Session& session, const std::vector<Copy*>& held, const std::vector<ReceiverPtr>& receivers);

    // The node.
    /// Its connections end one by one; which have ended, clients learn later.
    void stopping() { stopping_ = true; }
    void restarted() {
        ++restarts_;
        stopping_ = false;
        clean_ = false;
    }
    /// Nothing has been broken since then.
    void calm(std::int64_t since) { calm_since_ = since; }
    /// Whether what is ready has come to those who want it (waits.cpp).
    /// \param calm_since when the last fault was over
    void judge_waits(std::int64_t calm_since);
    /// Something may have been taken from a queue that no client has seen.
    void disturbed() { clean_ = false; }

    // The end: nobody is connected and nothing is on its way.
    void begin_end() { ending_ = true; }
    /// `found` is everything that a lone consumer got of the queue, in order; `announced` what the queue said it held.
    void judge_queue(const QueueSpec& queue, const std::vector<Copy*>& found, std::uint64_t announced);
    void judge_losses();

private:
    using Copies = std::map<std::uint64_t, Copy>;

    void fail(const Copy& copy, const std::string& what);
    [[nodiscard]] Copy* find(const Receiver& receiver, const Delivered& delivered);
    void judge_state(const Copy& copy, const Receiver& receiver, const Delivered& delivered);
    void judge_death(const Copy& copy, const Delivered& delivered);
    void judge_time(const Copy& copy, const Receiver& receiver);
    void judge_order(const Copy& copy, Receiver& receiver, const Delivered& delivered);
    void judge_single_active(const Copy& copy, const Receiver& receiver);
    void judge_stream(const Copy& copy, Receiver& receiver, const Delivered& delivered);
    void judge_dedup(const Copy& copy);
    void judge_priority(const Copy& copy, const Receiver& receiver);
    void judge_loss(const Copy& copy);
    void judge_length(const QueueSpec& queue);
    void judge_waits(const QueueSpec& queue, std::int64_t since);
    [[nodiscard]] std::optional<std::int64_t> serves_since(const QueueSpec& queue);
    [[nodiscard]] bool must_exist(const Copy& copy) const;
    [[nodiscard]] bool may_have_died(const Copy& copy) const;
    [[nodiscard]] bool may_be_lost(const Copy& copy) const;
    [[nodiscard]] bool survives_restarts(const Copy& copy) const;
    [[nodiscard]] bool has_twin(const Copy& copy) const;
    [[nodiscard]] std::int64_t ttl_of(const Copy& copy) const;
    /// When, by the wall clock, the broker may have taken it.
    [[nodiscard]] World::Shown taken_in(const Message& message) const;
    [[nodiscard]] bool may_have_expired(const Copy& copy) const;

    /// A receiver that acked on delivery and is gone: what the broker had sent, until it noticed, may never have arrived.
    struct Unheard {
        const QueueSpec* queue;
        std::shared_ptr<const Link> link;
        std::int64_t at;
        bool answered;
    };

    using Receivers = std::map<const QueueSpec*, std::vector<ReceiverPtr>>;

    World& world_;
    const Topology& topology_;
    Receivers receivers_;
    std::set<const QueueSpec*> shares_windows_;  ///< some consumer of these shared its prefetch with others
    std::map<std::uint64_t, Message> messages_;
    std::map<const QueueSpec*, Copies> copies_;
    std::map<const QueueSpec*, std::weak_ptr<Receiver>> active_;
    std::map<const QueueSpec*, std::map<std::int64_t, std::uint64_t>> offsets_;
    std::set<std::pair<std::uint64_t, const QueueSpec*>> visible_transactions_;
    std::vector<Unheard> unheard_;
    std::int64_t calm_since_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t sessions_over_ = 0;
    bool ending_ = false;
    bool stopping_ = false;
    bool clean_ = true;  ///< no session has ended, nothing was returned, no restart
};

}  // namespace fantail::sim
