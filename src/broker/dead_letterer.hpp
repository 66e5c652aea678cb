// SPDX-License-Identifier: Apache-2.0
//! Carries messages that left their queue to the dead-letter exchange.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "broker/api.hpp"
#include "broker/host.hpp"
#include "record/deaths.hpp"

namespace fantail::broker {

/// Effects of the DeadLetterer; never calling back into it from inside.
class DeadLettererHost {
public:
    virtual ~DeadLettererHost() = default;
    /// Sends to a shard in the letterer's own name; the answer comes to DeadLetterer::on_event.
    virtual void send(ShardId shard, RequestId request, ShardCommand command) = 0;
    /// To be passed to Shard::dead_lettered of the shard that holds `queue`.
    virtual void done(QueueId queue, std::uint8_t level, Offset offset, bool safe) = 0;
};

/// One a core. Rewrites a letter (death history, exchange, key, no expiration), routes it and answers for it once all its
/// targets hold it. At most once: what finds no place is dropped. At least once: it is tried again, with doubling
/// pauses, at the places that do not have it yet; beyond limits::dead_letters_kept_max the source shard keeps it instead.
///
/// Invariant: each letter is in exactly one of `pending_` (answers are awaited) and `waiting_` (for its next try).
class DeadLetterer final {
public:
    /// Both outlive it.
    DeadLetterer(const CatalogView& catalog, DeadLettererHost& host) : catalog_(catalog), host_(host) {}

    void handle(DeadLetter&& letter, const Now& now);
    /// Takes the Appended that answers one of its requests; others are ignored.
    void on_event(Event&& event);
    /// Tries again what is due.
    void end_of_turn(const Now& now);
    [[nodiscard]] MonoTime deadline() const;
    /// Letters neither stored nor given up.
    [[nodiscard]] std::size_t open() const { return pending_.size() + waiting_.size(); }

private:
    struct Letter {
        DeadLetter source;
        bool keep = false;  ///< at least once
        std::uint32_t tries = 0;
        std::uint32_t answers_left = 0;
        bool refused = false;
        std::vector<QueueId> stored_in;
    };
    struct Question {
        std::uint64_t letter;
        std::vector<QueueId> targets;
    };
    /// The message as it is published again.
    struct Rewritten {
        SharedBytes batch;
        std::uint64_t body_bytes = 0;
        std::uint8_t priority = 0;
        bool transient = true;
        record::DeathHistory history;
    };

    void attempt(Letter&& letter);
    void finish(Letter&& letter);
    void retry_later(Letter&& letter);
    void send_to(std::uint64_t id, Letter& letter, std::vector<const QueueDefinition*> targets,
                 const Rewritten& message);
    void ask(std::uint64_t id, Letter& letter, std::span<const QueueDefinition* const> targets,
             const Rewritten& message);
    [[nodiscard]] Result<Rewritten> rewrite(const Letter& letter, const QueueDefinition& queue,
                                            std::vector<const QueueDefinition*>& targets);
    void drop_cycles(const Letter& letter, const record::DeathHistory& history,
                     std::vector<const QueueDefinition*>& targets) const;

    const CatalogView& catalog_;
    DeadLettererHost& host_;
    Now now_;
    std::uint64_t letters_ = 0;
    std::uint64_t requests_ = 0;
    std::unordered_map<std::uint64_t, Letter> pending_;
    std::unordered_map<RequestId, Question> questions_;
    std::multimap<MonoTime, Letter> waiting_;
    Route route_;
};

}  // namespace fantail::broker
