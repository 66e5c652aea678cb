// SPDX-License-Identifier: Apache-2.0
//! Consumers come, change, and go with what they hold.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue.hpp"

namespace fantail::broker {

Result<void> Queue::may_consume(const AddConsumer& command) const {
    if (command.exclusive && rules_->single_active_consumer)
        return fail(ErrorCode::access_refused, "queue has a single active consumer: exclusive use is refused");
    for (const Consumer* c : members_) {
        if (!c->attached) continue;
        if (c->exclusive) return fail(ErrorCode::access_refused, "queue has an exclusive consumer");
        if (command.exclusive) return fail(ErrorCode::access_refused, "queue has consumers: exclusive use is refused");
        break;
    }
    return {};
}

/// The consumer or lease holder with this key, made if need be.
Consumer& Queue::member(const ConsumerKey& key) {
    auto& slot = context_.consumers[key];
    if (!slot) {
        slot = std::make_unique<Consumer>();
        slot->key = key;
        slot->queue = this;
        slot->timeout_ms = rules_->consumer_timeout_ms;
        if (slot->timeout_ms >= 0) ++rare().timed_members;
        members_.push_back(slot.get());
    }
    return *slot;
}

Result<void> Queue::add_consumer(const AddConsumer& command, ConnectionId connection) {
    FANTAIL_CHECK(may_consume(command));
    Consumer& c = member({connection, command.consumer, id_});
    if (c.attached) return fail(ErrorCode::already_exists, "consumer exists");
    if (command.timeout_ms) {
        rare().timed_members += (*command.timeout_ms >= 0 ? 1 : 0) - (c.timeout_ms >= 0 ? 1 : 0);
        c.timeout_ms = *command.timeout_ms;
    }
    c.prefetch = command.prefetch;
    c.settled_on_delivery = command.settled_on_delivery;
    c.exclusive = command.exclusive;
    c.priority = command.priority;
    c.flow = command.flow_on;
    c.order = ++context_.consumer_order;
    c.attached = true;
    c.active = !rules_->single_active_consumer;
    c.yields = false;
    if (rules_->is_stream()) start_cursor(c, command);
    ++attached_;
    unused_told_ = false;
    if (rules_->single_active_consumer) choose_active();
    ring_.update(c);
    mark_dirty();
    return {};
}

/// The consumer gets no more; what it holds stays.
void Queue::unsubscribe(Consumer& c) {
    if (!c.attached) return;
    c.attached = false;
    ring_.remove(c);
    c.cursor.reset();
    --attached_;
    used_at_ = context_.now.mono;
    if (rules_->single_active_consumer) {
        c.active = c.yields = false;
        choose_active();
    }
    mark_dirty();
    if (attached_ > 0 || !rules_->auto_delete || unused_told_) return;
    unused_told_ = true;
    context_.host.queue_unused(id_);
}

/// Of the highest priority, the one registered first. Null if there is none.
Consumer* Queue::first_in_line() const {
    Consumer* best = nullptr;
    for (Consumer* c : members_) {
        if (!c->attached) continue;
        const bool better = best == nullptr || c->priority > best->priority ||
                            (c->priority == best->priority && c->order < best->order);
        if (better) best = c;
    }
    return best;
}

/// Sees to it that one consumer is active, if there is any. In a quorum queue it gives way to one of higher priority: it gets
/// nothing more at once, and the other gets nothing before it has settled what it holds.
void Queue::choose_active() {
    Consumer* const best = first_in_line();
    if (best == nullptr) return;
    const auto found =
        std::find_if(members_.begin(), members_.end(), [](const Consumer* c) { return c->attached && c->active; });
    if (found != members_.end() && *found != best) {
        Consumer& present = **found;
        if (rules_->kind != QueueKind::quorum || best->priority <= present.priority) return;
        present.yields = true;
        present.active = present.held > 0;
        ring_.update(present);
        if (present.active) return;
    }
    best->active = true;
    best->yields = false;
    ring_.update(*best);
    mark_dirty();
}

void Queue::remove_consumer(Consumer& c) {
    unsubscribe(c);
    free_if_idle(c);
}

void Queue::set_flow(Consumer& c, const SetFlow& command) {
    c.flow = command.on;
    if (command.prefetch) c.prefetch = *command.prefetch;
    ring_.update(c);
    if (c.linked) mark_dirty();
}

void Queue::drop_gets(const Consumer& c) {
    if (c.gets == 0) return;
    std::erase_if(rare_->gets, [&](const WaitingGet& g) { return g.key == c.key; });
}

void Queue::return_leases(Consumer& c) {
    for (Consumer::Leases& leases : c.leases) {
        while (true) {
            const OffsetSpan run = c.unlease(leases.level, {0, OffsetSet::no_limit});
            if (run.empty()) break;
            if (!rules_->is_stream()) give_back(leases.level, run, true);
        }
    }
}

void Queue::detach(Consumer& c) {
    drop_gets(c);
    c.gets = 0;
    return_leases(c);
    unsubscribe(c);
    free_if_idle(c);
}

void Queue::free_if_idle(Consumer& c) {
    if (c.attached || c.held > 0 || c.gets > 0) return;
    if (c.timeout_ms >= 0) --rare().timed_members;
    std::erase(members_, &c);
    context_.consumers.erase(ConsumerKey(c.key));
}

void Queue::get(const Origin& origin, const Get& command) {
    touch();
    if (rules_->is_stream() || rare().gets.size() >= limits::gets_waiting_max) {
        context_.host.emit(origin.connection, GetResult{origin.request, {}, ready(), true});
        return;
    }
    const ConsumerKey key{origin.connection, command.consumer, id_};
    ++member(key).gets;
    rare_->gets.push_back({origin, key, command.settled_on_delivery});
    mark_dirty();
    catch_up();
}

void Queue::dismiss() {
    if (rare_) {
        for (const WaitingGet& g : rare_->gets) {
            context_.host.emit(g.origin.connection, GetResult{g.origin.request, {}, 0, false});
        }
    }
    for (Consumer* c : members_) {
        if (c->attached) context_.host.emit(c->key.connection, ConsumerCancelled{c->key.consumer, id_, false});
        context_.consumers.erase(ConsumerKey(c->key));
    }
    members_.clear();
    ring_ = {};
}

}  // namespace fantail::broker
