// SPDX-License-Identifier: Apache-2.0
//! Channel: one AMQP 0-9-1 channel's state, its methods, and the answers of the broker to them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocols/amqp091/confirms.hpp"
#include "protocols/amqp091/connection_parts.hpp"
#include "protocols/amqp091/content.hpp"
#include "protocols/amqp091/pending_method.hpp"
#include "protocols/amqp091/transaction.hpp"
#include "protocols/amqp091/unacked.hpp"

namespace fantail::amqp091 {

/// A channel between channel.open and channel.close. A failed Handled ends the channel or the connection, by its code;
/// `faulty_method()` is then the method to name.
/// Invariants: frames are handled in order; while `pending_` holds a method that nothing may overtake, further frames
/// wait in `stalled_`; delivery tags and publish numbers count from 1.
class Channel final {
public:
    Channel(ConnectionParts& parts, std::uint16_t number, std::uint32_t serial)
        : parts_(parts), number_(number), serial_(serial) {}

    [[nodiscard]] std::uint16_t number() const { return number_; }
    [[nodiscard]] std::uint32_t serial() const { return serial_; }
    [[nodiscard]] MethodId faulty_method() const { return method_; }

    // --- input
    /// Whether nothing is under way on the channel that a whole publish or an ack would have to wait for.
    [[nodiscard]] bool takes_whole_messages() const {
        return !incoming_ && pending_.empty() && stalled_.frames.empty();
    }
    /// Hot. REQUIRES takes_whole_messages().
    [[nodiscard]] Handled on_publish(const WholePublish& message);
    /// Hot. REQUIRES takes_whole_messages().
    [[nodiscard]] Handled on_ack(const BasicAck& ack) {
        return settle(ack.delivery_tag, ack.multiple, broker::Outcome::accept);
    }
    /// Whether this frame must wait for an answer that is outstanding.
    [[nodiscard]] bool must_stall(const Frame& frame) const;
    /// Keeps a frame (its wire bytes) for later. Errors: 506 (too much).
    [[nodiscard]] Handled stall(ByteView wire);
    /// Frames that waited, to be handled from `at` on.
    struct Stalled {
        Bytes frames;
        std::size_t at = 0;
    };
    /// Takes out what was stalled; the rest that must wait again is put back.
    [[nodiscard]] Stalled take_stalled() { return std::exchange(stalled_, {}); }
    void put_back(Stalled rest) { stalled_ = std::move(rest); }
    /// Any frame but those of class connection, and of the channel's own opening and closing.
    [[nodiscard]] Handled on_frame(const Frame& frame);

    // --- answers and deliveries
    [[nodiscard]] Handled on_answer(RequestId request, broker::Event& event);
    void on_published(const SequenceRange& range);
    /// Hot.
    void on_deliver(const Consumer& consumer, broker::Deliver& delivery);
    [[nodiscard]] Handled on_cancelled(Consumer& consumer, const broker::ConsumerCancelled& event);
    /// Writes confirms; finishes a commit.
    [[nodiscard]] Handled end_of_turn();

    /// Gives back everything: consumers, leases, unfinished messages. The channel takes no more input.
    void detach();
    [[nodiscard]] std::size_t consumers() const { return consumers_.size(); }
    [[nodiscard]] protocols::ChannelInfo info() const;

private:
    /// A message whose frames are still coming.
    struct Incoming {
        std::string exchange;
        std::string routing_key;
        bool mandatory = false;
        bool has_header = false;
        Bytes properties;
        std::uint64_t body_size = 0;
        std::uint64_t received = 0;
        Bytes body;  ///< unless it goes straight into a batch
        std::unique_ptr<GatheredBatch> large;
    };

    // channel.cpp: methods and content
    Handled on_method(ByteView payload);
    Handled on_header(ByteView payload);
    Handled on_body(ByteView payload);
    Handled begin_content(const BasicPublish& method);
    Handled begin_body();
    Handled complete_content();
    void drop_content();
    [[nodiscard]] PublisherRef next_publish();
    Handled take_message(Publication&& message, bool mandatory);
    void conclude(Fate fate, const Publication& message, bool mandatory);
    void mark_busy();
    Handled store_publish(const Publication& message, bool mandatory);
    Handled finish_commit(bool accepted);

    template <class M>
    Handled handle(const M& method);  ///< anything a client must not send
    Handled handle(const BasicPublish& method);
    Handled handle(const BasicAck& method);
    Handled handle(const BasicNack& method);
    Handled handle(const BasicReject& method);
    Handled handle(const BasicQos& method);
    Handled handle(const BasicRecover& method);
    Handled handle(const BasicRecoverAsync& method);
    Handled handle(const ChannelFlow& method);
    Handled handle(const ChannelFlowOk& method);
    Handled handle(const AccessRequest& method);
    Handled handle(const ConfirmSelect& method);
    Handled handle(const TxSelect& method);
    Handled handle(const TxCommit& method);
    Handled handle(const TxRollback& method);

    // channel_topology.cpp
    Handled handle(const ExchangeDeclare& method);
    Handled handle(const ExchangeDelete& method);
    Handled handle(const ExchangeBind& method);
    Handled handle(const ExchangeUnbind& method);
    Handled handle(const QueueDeclare& method);
    Handled handle(const QueueDelete& method);
    Handled handle(const QueueBind& method);
    Handled handle(const QueueUnbind& method);
    Handled handle(const QueuePurge& method);
    [[nodiscard]] bool reply_consumer_exists(std::string_view name) const;
    Handled declare_passive(const QueueDeclare& method);
    Handled change_binding(broker::BindingDefinition binding, MethodId method, bool unbind, bool no_wait);
    [[nodiscard]] Replied<std::string> queue_name(std::string_view given) const;
    template <class Command>
    void send_admin(Command command, MethodId method, bool no_wait);
    void send_to_queue(const broker::QueueDefinition& queue, broker::ShardCommand command, PendingMethod pending);
    template <class Reply>
    Handled reply(const PendingMethod& pending, const Reply& method);
    template <class What>
    Handled finish(PendingMethod& pending, What& what);  ///< answers of the wrong kind: our bug or the broker's
    Handled finish(PendingMethod& pending, broker::DeclareQueue& what);
    Handled finish(PendingMethod& pending, broker::DeclareExchange& what);
    Handled finish(PendingMethod& pending, broker::DeleteQueue& what);
    Handled finish(PendingMethod& pending, broker::DeleteExchange& what);
    Handled finish(PendingMethod& pending, BindingChange& what);
    Handled finish(PendingMethod& pending, PassiveDeclare& what);
    Handled finish(PendingMethod& pending, PurgeQueue& what);

    // channel_consumers.cpp
    Handled handle(const BasicConsume& method);
    Handled handle(const BasicCancel& method);
    Handled handle(const BasicGet& method);
    Handled consume_replies(const BasicConsume& method);
    Handled check_stream_consumer(const broker::QueueDefinition& queue, const BasicConsume& method) const;
    [[nodiscard]] Replied<std::string> consumer_tag(std::string_view given) const;
    [[nodiscard]] const Consumer* find_consumer(std::string_view tag) const;
    [[nodiscard]] std::uint32_t window_for(bool no_ack) const;
    void forget_consumer(ConsumerId consumer);
    [[nodiscard]] bool deletes_queue() const;
    void tell_cancelled(const Consumer& consumer);
    void tell_cancelled_by_us();
    Handled reply_consume_ok(const PendingMethod& pending, const Consumer& consumer);
    Handled finish(PendingMethod& pending, StartConsumer& what);
    Handled finish(PendingMethod& pending, StopConsumer& what);
    Handled finish(PendingMethod& pending, GetMessage& what);
    [[nodiscard]] Handled check_outcome(const LeaseRange& range, broker::Outcome outcome) const;
    Handled settle(std::uint64_t tag, bool multiple, broker::Outcome outcome);
    Handled settle_at_commit(std::uint64_t tag, bool multiple, broker::Outcome outcome);
    void settle_all(broker::Outcome outcome);
    void give_up(const LeaseRange& range, broker::Outcome outcome);
    /// Messages that consumers may still be shown under the shared window; what basic.get took does not count.
    [[nodiscard]] std::uint64_t window_room() const {
        const std::uint64_t held = unacked_.size() - unacked_gets_;
        return held < global_prefetch_ ? global_prefetch_ - held : 0;
    }
    [[nodiscard]] bool window_open() const { return global_prefetch_ == 0 || window_room() > 0; }
    void write_records(const Consumer& consumer, const broker::Deliver& delivery, std::uint32_t count);
    void hold_back(const Consumer& consumer, const broker::Deliver& delivery, std::uint32_t from);
    void release_held();
    void set_global_prefetch(std::uint32_t count);
    void share_window();
    void window_grew();
    void touch_shard(QueueId queue) { shards_ |= std::uint64_t{1} << (shard_of(queue).value % 64); }

    Link& link() { return parts_.link; }
    [[nodiscard]] const Link& link() const { return parts_.link; }

    ConnectionParts& parts_;
    std::uint16_t number_;
    std::uint32_t serial_;
    MethodId method_{};  ///< the one being handled or answered
    bool confirming_ = false;
    bool busy_ = false;                  ///< stands in parts_.busy_channels
    bool crowded_ = false;               ///< the shared window is what limits the consumers, and their queues know
    bool commit_refused_ = false;        ///< a queue refused a message of the transaction
    std::uint32_t prefetch_ = 0;         ///< of consumers to come
    std::uint32_t global_prefetch_ = 0;  ///< of all consumers together; 0: no limit
    std::uint32_t consumers_made_ = 0;
    std::uint64_t delivery_tag_ = 0;
    std::uint64_t shards_ = 0;  ///< those that may hold something for us
    std::string last_queue_;
    std::vector<ConsumerId> consumers_;
    std::vector<ConsumerId> cancelled_by_us_;  ///< their queue went, and delete-ok has not
    std::string reply_address_;                ///< of the direct reply consumer, or empty
    Unacked unacked_;
    std::uint64_t unacked_gets_ = 0;     ///< of unacked_, those that came by basic.get
    std::vector<broker::Deliver> held_;  ///< of streams, waiting for the shared window
    Confirms confirms_;
    std::unique_ptr<Transaction> transaction_;  ///< in transaction mode
    std::unique_ptr<Incoming> incoming_;
    std::vector<PendingMethod> pending_;
    Stalled stalled_;
};

}  // namespace fantail::amqp091
