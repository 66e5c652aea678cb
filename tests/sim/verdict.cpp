// SPDX-License-Identifier: Apache-2.0
//! Judges what is left at the end: nothing lost, nothing that should have gone.
#include <algorithm>

#include "sim/model.hpp"

namespace fantail::sim {

bool Model::survives_restarts(const Copy& copy) const {
    return restarts_ == copy.message->restarts_before || copy.message->persistent || copy.queue->kind != Kind::classic;
}

/// Whether the broker has taken it upon itself to keep the message.
bool Model::must_exist(const Copy& copy) const {
    const Message& m = *copy.message;
    if (m.fate == Fate::confirmed) return true;
    if (copy.queue->is_stream() && copy.seen) return true;  // it delivers only what is durable
    // A commit that was not answered is all or nothing in a queue, but for a crash in the middle of it, or a queue that is
    // full at one priority.
    if (copy.queue->length_rule == LengthRule::reject || copy.queue->length_rule == LengthRule::reject_and_dead_letter)
        return false;
    return restarts_ == m.restarts_before && m.transaction != 0 &&
           visible_transactions_.contains({m.transaction, copy.queue});
}

/// Whether it may have left its queue other than by an ack.
bool Model::may_have_died(const Copy& copy) const {
    const QueueSpec& queue = *copy.queue;
    if (copy.rejected || queue.drops_head() || may_have_expired(copy)) return true;
    return queue.delivery_limit > 0 && copy.returns + sessions_over_ >= queue.delivery_limit;
}

/// Whether it may have been delivered to somebody who acks on delivery and was not there any more.
bool Model::may_be_lost(const Copy& copy) const {
    // Shards on other cores learn of a channel's end a little after its client.
    constexpr std::int64_t word_takes = 6 * second;
    return std::ranges::any_of(unheard_, [&](const Unheard& gone) {
        const std::int64_t until = gone.answered ? gone.at + word_takes : gone.link->server_gone_at();
        return gone.queue == copy.queue && copy.message->sent_at <= until;
    });
}

/// Whether it may have been taken for a duplicate. Fails if what it would be a duplicate of is not there either.
bool Model::has_twin(const Copy& copy) const {
    const Message& m = *copy.message;
    if (m.dedup.empty() || copy.queue->dedup_window_ms == 0) return false;
    return std::ranges::any_of(copies_.at(copy.queue), [&](const auto& entry) {
        const Copy& other = entry.second;
        const Message& o = *other.message;
        if (o.id == m.id || o.dedup != m.dedup || o.sent_at > (m.answered_at > 0 ? m.answered_at : world_.time()))
            return false;
        if (taken_in(m).least - taken_in(o).most >= copy.queue->dedup_window_ms * ms) return false;
        return other.found || other.seen || other.acked || may_be_lost(other) || may_have_died(other) ||
               !survives_restarts(other);
    });
}

void Model::judge_queue(const QueueSpec& queue, const std::vector<Copy*>& found, std::uint64_t announced) {
    std::map<std::pair<std::uint64_t, std::uint8_t>, std::uint64_t> newest;
    std::uint8_t level = 255;
    for (Copy* copy : found) {
        const Message& m = *copy->message;
        const bool may_repeat = queue.takes_dead_letters && restarts_ != m.restarts_before;
        if (copy->found && !may_repeat) fail(*copy, "is there twice");
        copy->found = true;
        if (queue.is_stream() || queue.takes_dead_letters || m.delay_ms > 0) continue;
        std::uint64_t& before = newest[{m.session, level_of(queue, m)}];
        if (m.id < before) fail(*copy, "stands behind message " + std::to_string(before) + " of the same publisher");
        before = m.id;
        if (level_of(queue, m) > level) fail(*copy, "stands behind messages of lower priority");
        level = level_of(queue, m);
    }
    const bool steady =
        !queue.ttl_ms && std::ranges::none_of(found, [](const Copy* copy) { return copy->message->ttl_ms > 0; });
    if (!queue.is_stream() && steady && announced < found.size())
        world_.fail(queue.name + ": announced " + std::to_string(announced) + " messages and gave " +
                    std::to_string(found.size()));
    if (queue.drops_head() && announced > *queue.length_max)
        world_.fail(queue.name + ": holds " + std::to_string(announced) + " messages, at most " +
                    std::to_string(*queue.length_max) + " are allowed");
}

void Model::judge_losses() {
    for (const QueueSpec& queue : topology_.queues) {
        if (queue.takes_dead_letters) continue;
        for (auto& [id, copy] : copies_[&queue]) {
            if (world_.failed()) return;
            judge_loss(copy);
        }
        judge_length(queue);
    }
}

void Model::judge_loss(const Copy& copy) {
    const QueueSpec* grave = find_queue(topology_, copy.queue->dead_letters_to);
    const Copy* letter = nullptr;
    if (grave != nullptr) {
        const auto at = copies_[grave].find(copy.message->id);
        if (at != copies_[grave].end()) letter = &at->second;
    }
    if (copy.found && letter != nullptr && letter->seen && restarts_ == copy.message->restarts_before)
        fail(copy, "is still there, and is a dead letter too");
    if (copy.found || copy.acked || may_be_lost(copy) || !must_exist(copy) || !survives_restarts(copy)) return;
    if (has_twin(copy)) return;
    if (!may_have_died(copy)) {
        fail(copy, "is lost");
        return;
    }
    if (grave == nullptr) return;
    if (letter != nullptr && (letter->found || letter->acked || letter->rejected)) return;
    if (grave->kind == Kind::classic && !copy.message->persistent && restarts_ != copy.message->restarts_before) return;
    if (grave->delivery_limit > 0 && sessions_over_ >= grave->delivery_limit) return;
    fail(copy, "died, and its dead letter is lost");
}

/// A limit drops no more than it must, and the oldest first.
void Model::judge_length(const QueueSpec& queue) {
    if (!queue.drops_head()) return;
    std::uint64_t due = 0;
    std::uint64_t found = 0;
    bool consumed = false;
    std::map<std::pair<std::uint64_t, std::uint8_t>, const Copy*> dropped;
    for (auto at = copies_[&queue].rbegin(); at != copies_[&queue].rend(); ++at) {
        const Copy& copy = at->second;
        const Message& m = *copy.message;
        found += copy.found ? 1 : 0;
        consumed = consumed || copy.taken || may_be_lost(copy) || !survives_restarts(copy) || ttl_of(copy) > 0 ||
                   m.delay_ms > 0;
        if (copy.taken || may_be_lost(copy) || ttl_of(copy) > 0 || m.delay_ms > 0 || !must_exist(copy) ||
            !survives_restarts(copy) || has_twin(copy))
            continue;
        ++due;
        const Copy*& newer = dropped[{m.session, level_of(queue, m)}];
        if (!copy.found && newer == nullptr) newer = &copy;
        if (copy.found && newer != nullptr) fail(*newer, "was dropped before older message " + std::to_string(m.id));
    }
    if (!consumed && found < std::min(due, *queue.length_max))
        world_.fail(queue.name + ": holds " + std::to_string(found) + " messages though " + std::to_string(due) +
                    " came and " + std::to_string(*queue.length_max) + " are allowed");
}

}  // namespace fantail::sim
