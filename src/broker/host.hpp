// SPDX-License-Identifier: Apache-2.0
//! What the pure broker may ask of the world: the closed sets of effects of a shard and of the controller.
#pragma once

#include <memory>
#include <span>

#include "broker/api.hpp"
#include "broker/catalog_change.hpp"
#include "record/stored_batch.hpp"

namespace fantail::broker {

enum class DeathReason : std::uint8_t { rejected, expired, maxlen, delivery_limit };

/// A message that leaves its queue for the dead-letter exchange. The source offset stays leased to nobody and counted as
/// unsettled until Shard::dead_lettered says that it is safe elsewhere.
struct DeadLetter {
    QueueId queue;
    std::uint8_t level = 0;
    Offset offset;
    SharedBytes batch;
    std::uint32_t index = 0;  ///< the record's place in the batch
    DeathReason reason = DeathReason::rejected;
    std::uint32_t delivery_count = 0;
};

/// Effects of a shard. Carried out at once and never calling back into the shard from inside.
class ShardHost {
public:
    virtual ~ShardHost() = default;
    /// Stores a batch (storage/engine.hpp has the contract). Its confirm waits for Shard::on_durable(lsn).
    virtual Lsn log_batch(std::span<const Target> targets, std::uint32_t count, SharedBytes batch, bool transient) = 0;
    /// Stores a state change that replay() understands. \param lazy it needs no write of its own.
    virtual Lsn log_change(ByteView change, bool lazy) = 0;
    /// Asks for stored batches; answered by Shard::on_read.
    virtual void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) = 0;
    virtual void release(StreamId stream, Offset first, Offset end) = 0;
    virtual void forget(StreamId stream) = 0;
    /// Tells a session, on whatever core.
    virtual void emit(ConnectionId to, Event event) = 0;
    virtual void dead_letter(DeadLetter letter) = 0;
    /// The queue expired, or was auto-delete and its last consumer left: the controller should delete it.
    virtual void queue_unused(QueueId queue) = 0;
    /// Sends to another shard in this shard's own name; the answer comes to Shard::on_event.
    virtual void send(ShardId shard, RequestId request, ShardCommand command) = 0;
    [[nodiscard]] virtual std::uint64_t random() = 0;
    /// The topology as this core knows it. Not to be asked before Shard::recovered().
    [[nodiscard]] virtual const CatalogView& catalog() const = 0;
    /// Whom to emit to for Shard::on_event to get it.
    [[nodiscard]] virtual ConnectionId own_id() const = 0;
};

/// Effects of the controller.
class ControllerHost {
public:
    virtual ~ControllerHost() = default;
    /// Stores a catalog change in shard 0's log; Controller::on_durable tells when it is safe.
    virtual Lsn log_change(ByteView change) = 0;
    /// Shows the change to the catalog of every core (this one at once, before returning) and to its shards;
    /// Controller::on_barrier(barrier) follows when all have seen it.
    virtual void broadcast(std::shared_ptr<const CatalogChange> change, RequestId barrier) = 0;
    /// Sends to a shard in the controller's own name; the answer comes to Controller::on_event.
    virtual void send(ShardId shard, RequestId request, ShardCommand command) = 0;
    virtual void emit(ConnectionId to, Event event) = 0;
    [[nodiscard]] virtual std::uint64_t random() = 0;
};

}  // namespace fantail::broker
