// SPDX-License-Identifier: Apache-2.0
//! Judges during a run whether messages that are ready come to consumers that have room for them.
#include <algorithm>

#include "sim/model.hpp"

namespace fantail::sim {

namespace {
/// What is ready is delivered within it, unless something is broken.
constexpr std::int64_t wait_max = 5 * second;

/// What is sent to it comes at once, and what it has to say too.
bool hears_well(const Session& session) {
    return session.alive() && !session.link->unreliable() && !session.link->was_stalled();
}
}  // namespace

void Model::consumes(const ReceiverPtr& receiver) {
    receiver->credit_since = world_.time();
    if (receiver->shared_window) shares_windows_.insert(receiver->queue);
    receivers_[receiver->queue].push_back(receiver);
}

void Model::judge_waits(std::int64_t calm_since) {
    if (ending_ || stopping_) return;
    for (const QueueSpec& queue : topology_.queues) {
        if (queue.is_stream() || queue.takes_dead_letters) continue;
        if (const auto since = serves_since(queue)) judge_waits(queue, std::max(*since, calm_since));
    }
}

/// Since when some consumer has had room for more, and nobody else may have what was sent to him; nullopt if that is not so.
std::optional<std::int64_t> Model::serves_since(const QueueSpec& queue) {
    std::int64_t undisturbed = 0;
    std::int64_t first = Receiver::no_credit;
    std::int64_t last = 0;
    auto& receivers = receivers_[&queue];
    std::erase_if(receivers, [&](const ReceiverPtr& each) {
        if (each.use_count() > 1) return false;
        // Of one that is gone it counts for a while when the broker learned of it.
        return each->session->over ? world_.time() - each->session->over_at > 20 * wait_max : each->number == 0;
    });
    for (const ReceiverPtr& each : receivers) {
        const Session& session = *each->session;
        const Link& link = *session.link;
        if (session.over) {
            const std::int64_t gone = session.answered ? session.over_at : link.server_gone_at();
            if (gone == Link::not_yet) return std::nullopt;
            undisturbed = std::max(undisturbed, gone);
            continue;
        }
        if (each->number == 0 || each->cancelled) continue;  // a get, or no consumer any more
        if (each->cancel_sent || !session.alive() || link.unreliable() || link.was_stalled()) return std::nullopt;
        const std::int64_t credit = each->shared_window ? Receiver::no_credit : each->credit_since;
        first = std::min(first, credit);
        last = std::max(last, credit);
    }
    // Of a queue with a single active consumer any may be the one.
    const std::int64_t credit = queue.single_active ? last : first;
    if (credit == Receiver::no_credit || first == Receiver::no_credit) return std::nullopt;
    return std::max(undisturbed, credit);
}

/// Consumers of a higher priority come first, as long as they have room.
void Model::judge_priority(const Copy& copy, const Receiver& receiver) {
    if (ending_ || stopping_ || receiver.number == 0 || copy.queue->single_active || !hears_well(*receiver.session))
        return;
    for (const ReceiverPtr& each : receivers_[copy.queue]) {
        const bool first = each->number > 0 && each->priority > receiver.priority;
        if (!first || each->shared_window || each->cancel_sent || !hears_well(*each->session)) continue;
        if (each->credit_since == Receiver::no_credit) continue;
        if (world_.time() - std::max(each->credit_since, calm_since_) > wait_max + second)
            fail(copy, "is delivered to a consumer of priority " + std::to_string(receiver.priority) +
                           " though one of priority " + std::to_string(each->priority) + " has room");
    }
}

void Model::judge_waits(const QueueSpec& queue, std::int64_t since) {
    if (world_.time() - since <= wait_max) return;
    for (const auto& [id, copy] : copies_[&queue]) {
        const Message& m = *copy.message;
        if (m.fate != Fate::confirmed || m.delay_ms > 0 || copy.acked || copy.rejected || copy.holder) continue;
        if (world_.time() - std::max(m.answered_at, copy.free_since) <= wait_max) continue;
        ++world_.counts.waits_judged;
        if (may_have_died(copy) || may_be_lost(copy) || !survives_restarts(copy) || has_twin(copy)) continue;
        return fail(copy, "is ready and is not delivered to a consumer that has room for it");
    }
}

}  // namespace fantail::sim
