// SPDX-License-Identifier: Apache-2.0
//! What cores tell each other: commands, events and changes of the catalog on their way.
#include "runtime/core.hpp"

#include "runtime/core_ids.hpp"

namespace fantail::runtime {

// ------------------------------------------------------------------------------------------------------- other cores

void Core::post(CoreId to, Message message) { outbox_[to.value].push_back(std::move(message)); }

void Core::push_mail() {
    for (std::uint16_t to = 0; to < outbox_.size(); ++to) {
        if (outbox_[to].empty()) continue;
        Core& receiver = host_.core(CoreId(to));
        if (receiver.mailbox(id_).push(outbox_[to])) receiver.wake();
        else another_turn_ = true;
    }
}

std::size_t Core::take_mail() {
    std::size_t taken = 0;
    for (auto& inbox : inbox_) {
        while (inbox->pop(mail_)) {
            taken += mail_.size();
            for (Message& message : mail_) take(message);
        }
    }
    return taken;
}

void Core::take(Message& message) {
    struct Visitor {
        Core& core;
        void operator()(ShardMessage& m) {
            if (ShardSlot* owner = core.slot(m.shard))
                owner->shard().handle(m.origin, std::move(m.command), core.now());
        }
        void operator()(AdminMessage& m) { core.controller_->handle(m.origin, std::move(m.command), core.now()); }
        void operator()(EventMessage& m) { core.events_.push_back({m.to, std::move(m.event)}); }
        void operator()(CatalogMessage& m) { core.apply_catalog(*m.change, m.barrier); }
        void operator()(BarrierMessage& m) { core.reach_barrier(m.barrier); }
        void operator()(QueueUnusedMessage& m) { core.controller_->queue_unused(m.queue); }
        void operator()(PressureMessage& m) { core.shard_pressure(m.shard, m.on); }
        void operator()(DeadLetteredMessage& m) { core.done(m.queue, m.level, m.offset, m.safe); }
        void operator()(TaskMessage& m) { m.run(core); }
    };
    std::visit(Visitor{*this}, message);
}

void Core::give_back_memory() {
    mail_ = Mailbox::Batch();
    for (Mailbox::Batch& batch : outbox_) batch.shrink_to_fit();
    events_.shrink_to_fit();
    showing_.shrink_to_fit();
    buffers_.clear();
    for (const auto& each : shards_) each->log().give_back_memory();
}

ShardSlot* Core::slot(ShardId shard) {
    if (layout_.core_of(shard) != id_) return nullptr;
    return shards_[shard.value / layout_.cores].get();
}

void Core::send(ShardId shard, broker::Origin origin, broker::ShardCommand command) {
    if (ShardSlot* mine = slot(shard)) mine->shard().handle(origin, std::move(command), now());
    else post(layout_.core_of(shard), ShardMessage{shard, origin, std::move(command)});
}

void Core::send_admin(broker::Origin origin, broker::AdminCommand command) {
    if (controller_) controller_->handle(origin, std::move(command), now());
    else post(CoreId(0), AdminMessage{origin, std::move(command)});
}

void Core::emit(ConnectionId to, broker::Event event) {
    if (core_of(to) == id_) events_.push_back({to, std::move(event)});
    else post(core_of(to), EventMessage{to, std::move(event)});
}

void Core::queue_unused(QueueId queue) { post(CoreId(0), QueueUnusedMessage{queue}); }

void Core::shard_pressure(ShardId shard, bool on) {
    const std::uint64_t bit = std::uint64_t{1} << (shard.value % 64);
    if (slot(shard) != nullptr) {
        for (std::uint16_t other = 0; other < layout_.cores; ++other)
            if (CoreId(other) != id_) post(CoreId(other), PressureMessage{shard, on});
    }
    pressured_ = on ? pressured_ | bit : pressured_ & ~bit;
    for (auto& [id, connection] : connections_) connection->update_hold();
}

// ----------------------------------------------------------------------------------------------------------- catalog

void Core::broadcast(std::shared_ptr<const broker::CatalogChange> change, RequestId barrier) {
    barriers_[barrier] = static_cast<std::uint32_t>(layout_.cores);
    for (std::uint16_t other = 1; other < layout_.cores; ++other) post(CoreId(other), CatalogMessage{change, barrier});
    apply_catalog(*change, barrier);
}

void Core::apply_catalog(const broker::CatalogChange& change, RequestId barrier) {
    const auto effect = catalog_.apply(change);
    FANTAIL_ASSERT(effect.has_value());  // the controller made it: a refusal here would split the replicas
    tell_owner(*effect);
    // To itself too, through the mailbox: the controller is never called back from inside a call.
    post(CoreId(0), BarrierMessage{barrier});
    another_turn_ = true;
}

void Core::tell_owner(const broker::CatalogEffect& effect) {
    using Kind = broker::CatalogEffect::Kind;
    if (effect.kind == Kind::none) return;
    if (effect.kind == Kind::topic_put || effect.kind == Kind::topic_removed) return tell_owners(effect);
    const bool of_exchange = effect.kind == Kind::exchange_put || effect.kind == Kind::exchange_removed;
    ShardSlot* owner = slot(of_exchange ? shard_of(effect.exchange) : shard_of(effect.queue));
    if (owner == nullptr) return;
    switch (effect.kind) {
        case Kind::queue_put: return owner->shard().queue_put(*catalog_.queue(effect.queue), now());
        case Kind::queue_removed: return owner->shard().queue_removed(effect.queue);
        case Kind::exchange_put: return owner->shard().exchange_put(*catalog_.exchange(effect.exchange));
        case Kind::exchange_removed: return owner->shard().exchange_removed(effect.exchange);
        case Kind::topic_put:
        case Kind::topic_removed:
        case Kind::none: return;
    }
}

/// Each partition's shard; and if they are gone every shard, since any may have groups with offsets in them.
void Core::tell_owners(const broker::CatalogEffect& effect) {
    const bool removed = effect.kind == broker::CatalogEffect::Kind::topic_removed;
    for (const QueueId partition : effect.partitions) {
        ShardSlot* owner = slot(shard_of(partition));
        if (owner != nullptr && removed) owner->shard().queue_removed(partition);
        if (owner != nullptr && !removed) owner->shard().queue_put(*catalog_.queue(partition), now());
    }
    if (!removed) return;
    for (const auto& each : shards_) each->shard().logs_removed(effect.partitions);
}

void Core::reach_barrier(RequestId barrier) {
    const auto at = barriers_.find(barrier);
    if (at == barriers_.end() || --at->second > 0) return;
    barriers_.erase(at);
    controller_->on_barrier(barrier);
}

// ------------------------------------------------------------------------------------------------------ dead letters

void Core::send(ShardId shard, RequestId request, broker::ShardCommand command) {
    send(shard, {dead_letterer_of(id_), request}, std::move(command));
}

void Core::done(QueueId queue, std::uint8_t level, Offset offset, bool safe) {
    const ShardId shard = shard_of(queue);
    if (ShardSlot* mine = slot(shard)) mine->shard().dead_lettered(queue, level, offset, safe);
    else post(layout_.core_of(shard), DeadLetteredMessage{queue, level, offset, safe});
}

}  // namespace fantail::runtime
