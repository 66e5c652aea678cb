// SPDX-License-Identifier: Apache-2.0
//! Judges each delivery as it comes.
#include "sim/model.hpp"

#include <algorithm>

namespace fantail::sim {

namespace {

/// What the network and a core that was not scheduled may add to the age of what arrives.
constexpr std::int64_t slack = 2 * second;

const char* fate_name(Fate fate) {
    switch (fate) {
        case Fate::sent: return "unconfirmed";
        case Fate::confirmed: return "confirmed";
        case Fate::refused: return "refused";
        case Fate::returned: return "returned";
        case Fate::in_transaction: return "in a transaction";
        case Fate::committing: return "being committed";
        case Fate::withdrawn: return "rolled back";
    }
    return "";
}

}  // namespace

std::uint8_t level_of(const QueueSpec& queue, const Message& message) {
    if (queue.kind == Kind::quorum) return std::min<std::uint8_t>(message.priority, 31);
    return std::min(message.priority, queue.priority_max);
}

void Model::fail(const Copy& copy, const std::string& what) {
    const Message& m = *copy.message;
    world_.fail(copy.queue->name + ": message " + std::to_string(m.id) + " (" + fate_name(m.fate) +
                ", published by session " + std::to_string(m.session) + " at " +
                std::to_string(static_cast<double>(m.sent_at) / 1e9) + " s" + (m.persistent ? "" : ", transient") +
                (copy.taken ? ", delivered before" : "") + (copy.acked ? ", acked" : "") +
                (copy.rejected ? ", rejected" : "") + ") " + what);
}

// ---- publishing

Message& Model::publish(Message message) {
    message.sent_at = world_.time();
    message.restarts_before = restarts_;
    ++world_.counts.published;
    Message& kept = messages_.emplace(message.id, std::move(message)).first->second;
    for (const QueueSpec* queue : kept.targets) {
        Copy& copy = copies_[queue][kept.id];
        copy.message = &kept;
        copy.queue = queue;
    }
    return kept;
}

void Model::answered(std::uint64_t id, Fate fate) {
    Message& message = messages_.at(id);
    message.answered_at = world_.time();
    if (fate == Fate::confirmed) {
        ++world_.counts.confirmed;
        if (message.mandatory && message.targets.empty() && message.fate != Fate::returned)
            world_.fail("message " + std::to_string(id) + " reaches no queue, is mandatory, and was not returned");
    }
    if (fate == Fate::returned && !message.targets.empty())
        world_.fail("message " + std::to_string(id) + " was returned though " + message.targets.front()->name +
                    " takes it");
    if (fate == Fate::refused && std::ranges::none_of(message.targets, [](const QueueSpec* queue) {
            return queue->length_rule == LengthRule::reject || queue->length_rule == LengthRule::reject_and_dead_letter;
        }))
        world_.fail("message " + std::to_string(id) + " was refused, and no queue of it has a reason to");
    if (message.fate != Fate::returned) message.fate = fate;
}

// ---- deliveries

Copy* Model::find(const Receiver& receiver, const Delivered& delivered) {
    const auto known = messages_.find(delivered.id);
    if (known == messages_.end()) {
        world_.fail(receiver.queue->name + ": delivers message " + std::to_string(delivered.id) +
                    ", which nobody sent");
        return nullptr;
    }
    Copies& copies = copies_[receiver.queue];
    if (const auto at = copies.find(delivered.id); at != copies.end()) return &at->second;
    for (const QueueSpec* queue : known->second.targets) {
        if (queue->dead_letters_to != receiver.queue->name) continue;
        Copy& copy = copies[delivered.id];
        copy.message = &known->second;
        copy.queue = receiver.queue;
        return &copy;
    }
    world_.fail(receiver.queue->name + ": delivers message " + std::to_string(delivered.id) +
                ", which was not sent there");
    return nullptr;
}

Copy* Model::deliver(Receiver& receiver, const Delivered& delivered) {
    ++world_.counts.delivered;
    Copy* copy = find(receiver, delivered);
    if (copy == nullptr) return nullptr;
    if (receiver.cancelled) fail(*copy, "is delivered behind cancel-ok");
    if (receiver.queue->is_stream()) {
        judge_stream(*copy, receiver, delivered);
    } else {
        judge_state(*copy, receiver, delivered);
        judge_time(*copy, receiver);
        judge_single_active(*copy, receiver);
        judge_dedup(*copy);
        judge_priority(*copy, receiver);
    }
    judge_order(*copy, receiver, delivered);
    copy->seen = true;
    copy->taken = copy->taken || !ending_;
    if (copy->message->transaction != 0) visible_transactions_.insert({copy->message->transaction, copy->queue});
    if (receiver.auto_ack) copy->acked = true;
    else if (!receiver.queue->is_stream()) copy->holder = receiver.session;
    if (!receiver.auto_ack) receiver.took();
    if (receiver.prefetch > 0 && receiver.held > receiver.prefetch)
        fail(*copy, "is delivered beyond a prefetch of " + std::to_string(receiver.prefetch));
    return copy;
}

void Model::judge_state(const Copy& copy, const Receiver& receiver, const Delivered& delivered) {
    // A connection that the broker has given up may still deliver late what was sent before.
    if (!receiver.session->alive() || stopping_) return;
    const Fate fate = copy.message->fate;
    if (fate == Fate::withdrawn || fate == Fate::in_transaction) fail(copy, "is delivered though never committed");
    if (fate == Fate::refused && copy.message->targets.size() == 1 && !copy.queue->takes_dead_letters)
        fail(copy, "is delivered");
    // Dead letters are stored before they are forgotten where they were: a crash between the two repeats them.
    if (copy.queue->takes_dead_letters && restarts_ != copy.message->restarts_before)
        return judge_death(copy, delivered);
    if (copy.settled) fail(copy, "is delivered though its ack was on the disk");
    const bool ack_arrived = copy.acker && (copy.acker->alive() || copy.acker->closed_well);
    if (copy.acked && ack_arrived && copy.restarts_at_ack == restarts_)
        fail(copy, "is delivered though acked on a channel that is still there, or was closed after that");
    if (copy.holder && copy.holder->alive())
        fail(copy, "is delivered while session " + std::to_string(copy.holder->number) + " has it");
    if (copy.seen && !delivered.redelivered) fail(copy, "is delivered again and not marked as redelivered");
    // What a shared window had no room for comes back with the mark if others had got later messages by then.
    if (!copy.seen && delivered.redelivered && clean_ && !shares_windows_.contains(copy.queue))
        fail(copy, "is marked as redelivered and nobody can have had it");
    // Counts of returns are written lazily: only a restart may make the broker forget some.
    const std::uint64_t limit = copy.queue->delivery_limit;
    if (limit > 0 && copy.returns > limit && restarts_ == copy.message->restarts_before)
        fail(copy, "is delivered beyond its delivery limit");
    if (copy.queue->takes_dead_letters) judge_death(copy, delivered);
}

/// A dead letter says where it comes from and why, and that must be so.
void Model::judge_death(const Copy& copy, const Delivered& delivered) {
    const QueueSpec* source = find_queue(topology_, delivered.first_death_queue);
    if (source == nullptr || source->dead_letters_to != copy.queue->name) {
        fail(copy, "is a dead letter of '" + delivered.first_death_queue + "'");
        return;
    }
    const Copy& dead = copies_.at(source).at(copy.message->id);
    const std::string& reason = delivered.first_death_reason;
    const bool plausible = reason == "rejected"  ? dead.rejected
                           : reason == "expired" ? may_have_expired(dead)
                           : reason == "maxlen"  ? source->length_rule != LengthRule::none
                                                 : source->delivery_limit > 0;
    if (!plausible) fail(copy, "is dead-lettered as '" + reason + "' without a cause");
}

std::int64_t Model::ttl_of(const Copy& copy) const {
    std::int64_t ttl_ms = copy.message->ttl_ms;
    if (copy.queue->ttl_ms && (ttl_ms == 0 || *copy.queue->ttl_ms < ttl_ms)) ttl_ms = *copy.queue->ttl_ms;
    return copy.queue->takes_dead_letters ? 0 : ttl_ms * ms;
}

void Model::judge_time(const Copy& copy, const Receiver& receiver) {
    const Message& m = *copy.message;
    const std::int64_t now = world_.time();
    if (copy.queue->takes_dead_letters) return;
    if (m.delay_ms > 0 && world_.shown(m.sent_at, now).most + ms < taken_in(m).least + m.delay_ms * ms)
        fail(copy, "is delivered before its time");
    const std::int64_t ttl = ttl_of(copy);
    if (ttl == 0 || m.delay_ms > 0 || m.fate != Fate::confirmed || receiver.session->link->was_stalled()) return;
    if (now - slack > m.answered_at && world_.shown(now - slack, now).least > taken_in(m).most + ttl)
        fail(copy, "is delivered long after it expired");
}

World::Shown Model::taken_in(const Message& message) const {
    return world_.shown(message.sent_at, message.answered_at > 0 ? message.answered_at : world_.time());
}

bool Model::may_have_expired(const Copy& copy) const {
    const std::int64_t ttl = ttl_of(copy);
    const Message& m = *copy.message;
    return ttl > 0 && world_.shown(m.sent_at, world_.time()).most + ms >= taken_in(m).least + ttl;
}

void Model::judge_order(const Copy& copy, Receiver& receiver, const Delivered& delivered) {
    const Message& m = *copy.message;
    if (delivered.redelivered || m.delay_ms > 0 || copy.queue->takes_dead_letters) return;
    std::uint64_t& newest = receiver.newest[{m.session, level_of(*copy.queue, m)}];
    if (m.id < newest) fail(copy, "is delivered behind message " + std::to_string(newest) + " of the same publisher");
    newest = m.id;
}

void Model::judge_single_active(const Copy& copy, const Receiver& receiver) {
    if (!copy.queue->single_active || receiver.number == 0) return;
    // What it was sent while it was the active one may come late.
    if (receiver.cancel_sent || stopping_ || !receiver.session->alive() || receiver.session->link->was_stalled())
        return;
    auto& active = active_[copy.queue];
    const ReceiverPtr before = active.lock();
    // In a quorum queue one of a higher priority takes over once the other has settled all.
    if (before && copy.queue->kind == Kind::quorum && receiver.priority > before->priority && before->held == 0) return;
    if (before && before.get() != &receiver && before->session->alive() && !before->cancel_sent &&
        !receiver.session->link->server_gone())
        fail(copy, "is delivered to a second consumer of a queue with a single active one");
}

void Model::judge_stream(const Copy& copy, Receiver& receiver, const Delivered& delivered) {
    const std::int64_t offset = delivered.stream_offset;
    if (copy.message->fate == Fate::withdrawn || copy.message->fate == Fate::in_transaction)
        fail(copy, "is delivered though never committed");
    if (receiver.next_offset >= 0 && offset != receiver.next_offset)
        fail(copy, "is delivered at offset " + std::to_string(offset) + " instead of " +
                       std::to_string(receiver.next_offset));
    receiver.next_offset = offset + 1;
    const auto [at, fresh] = offsets_[copy.queue].emplace(offset, copy.message->id);
    if (!fresh && at->second != copy.message->id)
        fail(copy, "is delivered at offset " + std::to_string(offset) + ", where message " +
                       std::to_string(at->second) + " was");
}

/// Two messages with one id, both surely taken within the queue's window.
void Model::judge_dedup(const Copy& copy) {
    const Message& m = *copy.message;
    if (m.dedup.empty() || copy.queue->dedup_window_ms == 0 || m.fate != Fate::confirmed || !survives_restarts(copy))
        return;
    for (const auto& [id, other] : copies_[copy.queue]) {
        const Message& o = *other.message;
        if (id == m.id || !other.seen || o.dedup != m.dedup || o.fate != Fate::confirmed || !survives_restarts(other))
            continue;
        const auto shown = world_.shown(std::min(m.sent_at, o.sent_at), std::max(m.answered_at, o.answered_at));
        if (shown.most - shown.least + 2 * ms < copy.queue->dedup_window_ms * ms)
            fail(copy, "is delivered though message " + std::to_string(id) + " has the same id");
    }
}

// ---- settling

void Model::ack(Copy& copy, const SessionPtr& session) {
    ++world_.counts.settled;
    copy.acked = true;
    copy.acker = session;
    copy.restarts_at_ack = restarts_;
    copy.holder = nullptr;
}

void Model::reject(Copy& copy) {
    ++world_.counts.settled;
    copy.rejected = true;
    copy.holder = nullptr;
}

void Model::requeue(Copy& copy, bool counts) {
    clean_ = false;
    copy.free_since = world_.time();
    if (counts) ++copy.returns;
    copy.holder = nullptr;
}

void Model::over(Session& session, const std::vector<Copy*>& held, const std::vector<ReceiverPtr>& receivers) {
    session.over = true;
    session.over_at = world_.time();
    clean_ = false;
    ++sessions_over_;
    for (Copy* copy : held) {
        if (copy->holder.get() == &session) requeue(*copy, true);
    }
    for (const ReceiverPtr& receiver : receivers) {
        if (receiver->auto_ack && !receiver->cancelled)
            unheard_.push_back({receiver->queue, session.link, world_.time(), session.answered});
    }
}

}  // namespace fantail::sim
