// SPDX-License-Identifier: Apache-2.0
//! The engine's heart: one single-threaded state machine that holds some queues.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/bucket_walk.hpp"
#include "base/clock_step.hpp"
#include "broker/api.hpp"
#include "broker/exchange_memory.hpp"
#include "broker/groups/group_table.hpp"
#include "broker/host.hpp"
#include "broker/log_read.hpp"
#include "broker/queue.hpp"
#include "broker/shard_context.hpp"
#include "broker/transactions/transaction_table.hpp"

namespace fantail::broker {

/// Pure: commands, times and answers of the log come in, effects go out through the ShardHost. Effects never call back
/// into it from inside. Within a turn: any calls, then once end_of_turn().
///
/// Durable state is changed by Queue::apply_* and Level only, from commands and from replay alike.
class Shard final : private GroupHost, private TransactionHost {
public:
    /// `host` outlives the shard.
    Shard(ShardId id, ShardHost& host);
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;
    ~Shard() override;

    /// Carries out a command; commands for unknown queues are answered as api/events.hpp says.
    /// REQUIRES trait bits of an Append's batch set in its attributes (record/batch.hpp) as in Append::traits.
    void handle(const Origin& origin, ShardCommand&& command, const Now& now);
    /// The queue was created, declared again, or its options changed.
    void queue_put(const QueueDefinition& definition, const Now& now);
    void queue_removed(QueueId queue);
    /// The exchange was declared, or its definition changed.
    void exchange_put(const ExchangeDefinition& definition);
    void exchange_removed(ExchangeId exchange);
    /// These logs are gone, of whatever shard: groups forget what was committed for them.
    void logs_removed(std::span<const QueueId> logs);
    /// An answer to what this shard sent to another, or to itself.
    void on_event(Event&& event, const Now& now);
    /// Everything logged up to `lsn` is safe.
    void on_durable(Lsn lsn);
    void on_read(ReadToken token, Result<std::vector<StoredBatch>> batches);
    /// The letter is stored elsewhere or needs no place (safe), or found none: it is sent again after a pause.
    void dead_lettered(QueueId queue, std::uint8_t level, Offset offset, bool safe);
    /// Delivers, expires, drops, writes what was settled, and bounds memory.
    void end_of_turn(const Now& now);
    /// When end_of_turn() has something to do though nothing happens; never() if nothing waits for time.
    [[nodiscard]] MonoTime deadline() const;
    /// Whether end_of_turn() should run again without waiting: some queue used up its share of a turn.
    [[nodiscard]] bool busy() const {
        return !context_.dirty.empty() || !context_.settled.empty() || !context_.returned.empty();
    }

    /// How the consumers with windows did in the last turn.
    [[nodiscard]] const ConsumerPace& consumer_pace() const { return context_.pace; }

    // Recovery (shard_recovery.cpp), in this order: restore() at most once, replay_*(), queue_put(), exchange_put() and
    // covered() in any order, live(), recovered().
    /// Errors: corrupt.
    [[nodiscard]] Result<void> restore(ByteView snapshot);
    [[nodiscard]] Result<void> replay_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch);
    [[nodiscard]] Result<void> replay_change(ByteView change);
    void covered(StreamId stream, Offset first, Offset end);
    [[nodiscard]] std::uint64_t live(StreamId stream, Offset first, Offset end) const;
    /// Ends recovery: what is not settled is ready again; queues that were not put are forgotten, and so are exchanges that do not exist.
    /// \param exists whether a queue is declared, of whatever shard
    void recovered(const Now& now, const std::function<bool(QueueId)>& exists);
    /// All durable state; equal states give equal bytes.
    /// \param last nothing is delivered after it: what it calls undelivered is so, and needs no mark after the restart
    [[nodiscard]] Bytes snapshot(bool last = false) const;

    /// Appends the figures of every queue.
    void list(std::vector<QueueFigures>& out) const;
    /// The figures of some further queues of a walk.
    [[nodiscard]] BucketWalk::Progress list_some(BucketWalk& walk, std::size_t count,
                                                 const std::function<void(const QueueFigures&)>& fn) const;
    /// Nothing if there is no such queue here.
    [[nodiscard]] std::optional<QueueFigures> figures(QueueId queue) const;
    /// Message bytes in memory: tails and read caches.
    [[nodiscard]] std::uint64_t cached_bytes() const { return context_.cache.bytes() + context_.reads.bytes(); }
    /// Of them the tails, which set_tail_cache_limit() is about.
    [[nodiscard]] std::uint64_t tail_bytes() const { return context_.cache.bytes(); }
    void set_group_limits(const GroupLimits& limits) { groups_.set_limits(limits); }
    void set_transaction_limits(const TransactionLimits& limits) { transactions_.set_limits(limits); }
    /// For tests and small machines: another maximum than limits::tail_cache_bytes_max.
    void set_tail_cache_limit(std::uint64_t bytes_max) { context_.cache.set_limit(bytes_max); }

private:
    struct Confirm {
        ConnectionId connection;
        Appended answer;
        Lsn after;
    };
    struct Accepted {
        Queue* queue;
        std::uint8_t level;
        std::uint64_t base;
    };
    using Queues = std::unordered_map<QueueId, Queue>;

    void carry_out(const Origin& origin, Append& command);
    void carry_out(const Origin& origin, AppendOnce& command);
    void carry_out(const Origin& origin, AddConsumer& command);
    void carry_out(const Origin& origin, RemoveConsumer& command);
    void carry_out(const Origin& origin, SetFlow& command);
    void carry_out(const Origin& origin, Settle& command);
    void carry_out(const Origin& origin, Get& command);
    void carry_out(const Origin& origin, Purge& command);
    void carry_out(const Origin& origin, Inspect& command);
    void carry_out(const Origin& origin, CloseQueue& command);
    void carry_out(const Origin& origin, Detach& command);
    void carry_out(const Origin& origin, Remember& command);
    void carry_out(const Origin& origin, Recall& command);
    // Logs (shard_logs.cpp).
    void carry_out(const Origin& origin, AppendLog& command);
    void carry_out(const Origin& origin, ReadLogs& command);
    void carry_out(const Origin& origin, EndWait& command);
    void carry_out(const Origin& origin, EnlistInLog& command);
    void carry_out(const Origin& origin, EndInLog& command);
    void carry_out(const Origin& origin, FindOffset& command);
    void carry_out(const Origin& origin, TrimLog& command);
    void carry_out(const Origin& origin, DescribeLog& command);
    [[nodiscard]] Queue* find_log(QueueId id);
    [[nodiscard]] Lsn store(const AppendLog& command, Queue& log);
    using AppendAnswer = std::variant<LogAppended, LogMarked>;
    void answer_append(const Origin& origin, const AppendAnswer& answer, Lsn after);
    void logs_became_durable();
    void fill(LogRead& read, std::size_t place);
    void proceed(LogRead& read);
    void wait(LogRead& read);
    void stop_waiting(LogRead& read);
    void look_again(const std::vector<LogRead*>& reads, QueueId log);
    void finish(LogRead& read);
    void on_log_read(const ReadPurpose& purpose, Result<std::vector<StoredBatch>>&& batches);
    void end_log_reads(const Queue& log);
    void drop_log_reads(ConnectionId connection);
    void search(TimeSearch search);
    void on_time_search(ReadToken token, Result<std::vector<StoredBatch>>&& batches);

    // Cursor groups (shard_groups.cpp).
    void carry_out(const Origin& origin, GroupCommand& command);
    void carry_out(const Origin& origin, ListGroups& command);
    void answer(const Origin& to, GroupAnswer answer) override;
    Lsn persist(ByteView change, bool lazy) override;
    [[nodiscard]] std::uint64_t random() override { return context_.host.random(); }
    [[nodiscard]] const CatalogView& catalog() const override { return context_.host.catalog(); }

    // Transactions (shard_transactions.cpp).
    void carry_out(const Origin& origin, TransactionCommand& command);
    void carry_out(const Origin& origin, ListTransactions& command);
    void answer(const Origin& to, TransactionAnswer answer) override;
    RequestId ask(ShardId shard, ShardCommand command) override;
    void on_group_answer(const GroupAnswered& event);

    [[nodiscard]] Queue* find(QueueId id);
    /// Also null if it is closed.
    [[nodiscard]] Queue* find_open(QueueId id);
    [[nodiscard]] Queue& need(QueueId id);
    [[nodiscard]] Queue* caught_up(QueueId id);
    [[nodiscard]] Consumer* find_consumer(const Origin& origin, ConsumerId consumer, QueueId queue) const;
    [[nodiscard]] Appended admit(const Append& command);
    [[nodiscard]] Lsn store(const Append& command);
    void confirm(const Origin& origin, Appended answer, Lsn after);
    void pass(const Origin& origin, AppendOnce& command);
    [[nodiscard]] Lsn remember(const Passage& passage);
    void wake_due_queues();
    void flush_settled();
    void flush_group(std::size_t first, std::size_t end);
    void flush_returned();
    void forget_streams(const Queue& queue);
    void erase_from_turn(const Queue& queue);

    ShardId id_;
    ShardContext context_;
    Queues queues_;
    ExchangeMemory exchanges_;
    std::uint64_t asked_ = 0;  ///< questions of its own
    ClockStep wall_clock_;
    bool crashed_ = false;          ///< the former process's last deliveries are not known
    std::deque<Confirm> confirms_;  ///< lsns do not fall
    std::unordered_map<ConnectionId, std::uint32_t> unconfirmed_;  ///< of them, a connection
    std::vector<Queue*> awaiting_durable_;                         ///< streams deliver only what is safe; each once
    GroupTable groups_;
    TransactionTable transactions_;
    LogReads log_reads_;
    std::unordered_map<std::uint64_t, TimeSearch> time_searches_;  ///< by the token of the read under way
    struct AppendConfirm {
        ConnectionId connection;
        AppendAnswer answer;
        Lsn after;
    };
    std::deque<AppendConfirm> append_confirms_;        ///< in the order of `after`
    std::unordered_map<StreamId, OffsetSet> covered_;  ///< during recovery
    // Scratch, kept for their room.
    std::vector<Accepted> accepted_;
    std::vector<Target> targets_;
    std::vector<OffsetSpan> spans_;
    std::vector<ReturnedRange> ranges_;
    std::vector<Queue*> turn_;
    Bytes change_;
};

}  // namespace fantail::broker
