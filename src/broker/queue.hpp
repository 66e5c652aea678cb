// SPDX-License-Identifier: Apache-2.0
//! One queue of a shard: its levels, consumers and rules.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "broker/api.hpp"
#include "broker/consumer.hpp"
#include "broker/deduplication.hpp"
#include "broker/log.hpp"
#include "broker/queue_level.hpp"
#include "broker/queue_retention.hpp"
#include "broker/queue_rules.hpp"
#include "broker/ready_ring.hpp"
#include "broker/shard_context.hpp"
#include "record/envelope.hpp"

namespace fantail::broker {

/// Figures of a queue, for lists and metrics; counters since it was created or recovered.
struct QueueFigures {
    QueueId queue;
    std::uint64_t ready = 0;
    std::uint64_t unsettled = 0;   ///< leased, being dead-lettered, or held back until later
    std::uint64_t body_bytes = 0;  ///< of both
    std::uint32_t consumers = 0;
    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    std::uint64_t redelivered = 0;
    std::uint64_t settled = 0;
};

enum class Admission : std::uint8_t { store, refuse, duplicate };

/// Work of one queue is done in two steps: commands change sets at once; turn() hands out what is ready.
/// The functions named apply_* are the only ones that change durable state besides Level, and replay uses them too.
class Queue final {
public:
    Queue(QueueId id, ShardContext& context) : id_(id), context_(context), rules_(context.no_rules) {}
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    ~Queue();

    [[nodiscard]] QueueId id() const { return id_; }
    [[nodiscard]] const QueueRules& rules() const { return *rules_; }
    [[nodiscard]] bool defined() const { return defined_; }
    /// Takes a new or changed definition; counts as use.
    void define(const QueueDefinition& definition);
    /// The level, made if need be. Its address does not change.
    [[nodiscard]] Level& level(std::uint8_t number);
    /// REQUIRES number < levels().
    [[nodiscard]] const Level& level(std::uint8_t number) const { return existing(number); }
    [[nodiscard]] std::size_t levels() const { return more_levels_ ? 1 + more_levels_->size() : 1; }

    // Publishing (queue_append.cpp).
    [[nodiscard]] Admission admit(const Append& append);
    /// Whether such a batch must be in the log before it is confirmed.
    [[nodiscard]] bool logs(bool transient) const {
        return rules_->durable && (!transient || rules_->kind != QueueKind::classic);
    }
    void append(std::uint8_t level, std::uint64_t base, const Append& append);
    void refuse(std::uint8_t level, const Append& append);
    void apply_batch(std::uint8_t level, std::uint64_t base, std::uint32_t count, std::uint64_t bytes, ByteView batch);

    // Consumers (queue_consumers.cpp).
    [[nodiscard]] Result<void> add_consumer(const AddConsumer& command, ConnectionId connection);
    void remove_consumer(Consumer& consumer);
    void set_flow(Consumer& consumer, const SetFlow& command);
    /// Removes the consumer and returns what it holds; it may be freed by this.
    void detach(Consumer& consumer);
    void get(const Origin& origin, const Get& command);
    /// An unused queue's time begins anew.
    void touch() { used_at_ = context_.now.mono; }
    /// Whether what was reported as unused still is. If not, it will be reported again in time.
    [[nodiscard]] bool confirm_unused();
    /// It is about to be deleted: delivers nothing any more. The shard lets nothing in.
    void close() { closed_ = true; }
    [[nodiscard]] bool closed() const { return closed_; }
    /// Tells and frees all consumers: the queue is going.
    void dismiss();
    [[nodiscard]] std::uint32_t attached() const { return attached_; }

    // Settling (queue_settle.cpp).
    void settle(Consumer& consumer, const Settle& command);
    [[nodiscard]] std::uint64_t purge();
    void dead_lettered(std::uint8_t level, std::uint64_t offset, bool safe);
    void apply_progress(const ProgressChange& change);
    void apply_counts(const CountsChange& change);

    // The turn (queue.cpp).
    void turn();
    /// Does what a turn would for the commands so far: for those whose answer shows what became of the ones before.
    void catch_up() {
        if (dirty_) work();
    }
    void mark_dirty();
    void on_read(ReadToken token, const ReadPurpose& purpose, Result<std::vector<StoredBatch>>&& batches);
    [[nodiscard]] QueueFigures figures() const;
    [[nodiscard]] std::uint64_t ready() const;

    // As a log (queue_log.cpp). REQUIRES rules().is_stream().
    [[nodiscard]] Log& log();
    [[nodiscard]] std::uint64_t log_start() const { return first_.head; }
    [[nodiscard]] std::uint64_t high_watermark() const { return log_ ? log_->high_watermark(first_.end) : first_.end; }
    /// Up to where every transaction is decided, as far as durable.
    [[nodiscard]] std::uint64_t stable_end() const;
    /// The end of what a reader may see.
    [[nodiscard]] std::uint64_t readable_end(bool committed_only) const {
        return committed_only ? stable_end() : high_watermark();
    }
    /// What a producer's number says about a batch; a duplicate was stored at the offset.
    [[nodiscard]] LogProducers::Verdict check_producer(const ProducerBatch& batch);
    /// What was appended at `base` is safe when `lsn` is. Returns whether nothing else waits.
    bool await_durable(Lsn lsn, std::uint64_t base);
    /// Returns whether something still waits.
    bool became_durable();
    /// Fills a slice from memory, `bytes_max` at most but a batch at least.
    /// \return where the disk must be read for the slice; nothing if it is not needed
    [[nodiscard]] std::optional<std::uint64_t> fill(LogSlice& slice, Offset from, std::uint64_t bytes_max,
                                                    bool committed_only) const;
    /// Brings the slice's bounds up to date before it is given, and adds what was aborted of its batches.
    void conclude(LogSlice& slice, Offset from, bool committed_only) const;
    [[nodiscard]] std::vector<ProducerFigures> producers() const;
    /// The batch that holds `offset`, if it is durable and in memory.
    [[nodiscard]] BatchRef durable_in_memory(std::uint64_t offset) const;
    /// The first offset at or behind `offset` whose batch is in memory; the end if there is none.
    [[nodiscard]] std::uint64_t next_in_memory(std::uint64_t offset) const;
    void trim_log(std::uint64_t before);
    /// Where to begin to look for a time.
    [[nodiscard]] std::uint64_t seek_time(WallTime time);

    // Recovery (queue_recovery.cpp).
    void encode(Writer& out) const;
    enum class Logs : std::uint8_t { unknown, without_transactions, whole };
    /// \param logs what the snapshot knows of them
    [[nodiscard]] bool decode(Reader& in, Logs logs);
    void finish_replay(const std::function<const OffsetSet&(StreamId)>& covered, bool crashed);

private:
    enum class Find : std::uint8_t { found, none, waiting };
    /// The next messages to be delivered, alike in everything Deliver says.
    struct Head {
        std::uint8_t number = 0;
        Level* level = nullptr;
        OffsetSpan span;
        BatchRef batch;
        LeaseCounts counts;
        bool redelivered = false;
    };
    struct WaitingGet {
        Origin origin;
        ConsumerKey key;
        bool settled_on_delivery;
    };
    struct Dying {
        std::uint8_t level;
        OffsetSpan span;
        DeathReason reason;
        MonoTime not_before;
    };
    using Levels = std::vector<std::unique_ptr<Level>>;
    /// What few queues need.
    struct Rare {
        explicit Rare(ReadCache& cache) : letter_reader(cache) {}
        std::deque<WaitingGet> gets;
        std::deque<Dying> dying;      ///< to be handed to the dead letterer
        std::deque<Dying> in_flight;  ///< handed over, one offset each
        std::deque<Dying> retries;
        StreamReader letter_reader;
        std::uint8_t letter_level = 0;  ///< the level that letter_reader reads
        Deduplication seen;
        QueueRetention retention;
        std::uint64_t last_base = 0;  ///< of a stream's last batch
        std::uint64_t redelivered = 0;
        std::uint32_t timed_members = 0;  ///< with a time-out
    };

    [[nodiscard]] Rare& rare();
    [[nodiscard]] bool has_timed_members() const { return rare_ && rare_->timed_members > 0; }
    [[nodiscard]] Level& existing(std::size_t number) { return number == 0 ? first_ : *(*more_levels_)[number - 1]; }
    [[nodiscard]] const Level& existing(std::size_t number) const {
        return number == 0 ? first_ : *(*more_levels_)[number - 1];
    }
    [[nodiscard]] StreamId stream(std::uint8_t level) const { return level_stream(id_, level); }
    [[nodiscard]] std::uint64_t ready_bytes() const;

    void work();

    // queue_append.cpp
    void hold_not_due(std::uint8_t level, std::uint64_t base, ByteView batch);
    void remember_ids(std::uint8_t level, std::uint64_t base, ByteView batch);
    [[nodiscard]] bool is_duplicate(ByteView batch);
    [[nodiscard]] Deduplication::Windows windows_of(const record::EnvelopeView& envelope) const;

    // queue_dispatch.cpp
    void dispatch();
    [[nodiscard]] Find find_head(Head& out);
    [[nodiscard]] BatchRef locate(Level& level, std::uint8_t number, std::uint64_t offset, bool ahead);
    [[nodiscard]] BatchRef locate_by(StreamReader& reader, Level& level, std::uint64_t offset, bool ahead,
                                     const ReadPurpose& purpose);
    [[nodiscard]] Deliver take(const Head& head, std::uint64_t count, ConsumerId consumer);
    void deliver(Consumer& consumer, const Head& head, std::uint64_t count);
    [[nodiscard]] bool serve_gets();
    void answer_get(const WaitingGet& get, const Head* head);
    void skip_lost(Level& level, std::uint8_t number, std::uint64_t asked, const std::vector<StoredBatch>& batches);

    // queue_expiry.cpp
    [[nodiscard]] bool may_expire(const Level& level) const { return rules_->message_ttl_ms >= 0 || level.may_expire; }
    [[nodiscard]] std::int64_t expires_ms(Level& level, const BatchRef& batch, std::uint64_t offset);
    [[nodiscard]] bool expire_front(Level& level, std::uint8_t number, OffsetSpan span, const BatchRef& batch);
    [[nodiscard]] std::uint64_t unexpired_end(Level& level, OffsetSpan span, const BatchRef& batch);
    void expire();
    void expire_level(Level& level, std::uint8_t number);
    void drop_over_length();
    [[nodiscard]] bool drop_one(std::uint64_t most);
    void release_due();
    void time_out_consumers();
    void note_unused();
    [[nodiscard]] bool expired() const;
    [[nodiscard]] MonoTime wake_time();
    [[nodiscard]] MonoTime at_wall(std::int64_t ms) const;
    void set_wake();

    // queue_settle.cpp
    void finish(std::uint8_t level, OffsetSpan span, Outcome outcome);
    void settle_span(std::uint8_t level, OffsetSpan span);
    void put_back_unseen(std::uint8_t number, OffsetSpan span);
    void give_back(std::uint8_t level, OffsetSpan span, bool failed);
    void give_back_run(std::uint8_t level, OffsetSpan span, LeaseCounts before, bool failed);
    void die(std::uint8_t level, OffsetSpan span, DeathReason reason);
    void send_letters();
    [[nodiscard]] bool send_letter(Dying& dying);
    [[nodiscard]] std::uint64_t size_of(const Level& level, OffsetSpan span) const;
    void note_watermarks();

    // queue_stream.cpp
    void dispatch_stream();
    void feed(Consumer& consumer);
    [[nodiscard]] std::uint64_t feed_batch(Consumer& consumer, const BatchRef& batch);
    [[nodiscard]] OffsetSpan matching_run(StreamCursor& cursor, const BatchRef& batch, std::uint64_t most) const;
    [[nodiscard]] bool is_hidden(const BatchRef& batch) const;
    void start_cursor(Consumer& consumer, const AddConsumer& command);
    [[nodiscard]] QueueRetention::Limits retention_limits() const;
    void trim();

    // queue_log.cpp
    void note_in_log(std::uint64_t base, ByteView batch);

    // queue_consumers.cpp
    [[nodiscard]] Result<void> may_consume(const AddConsumer& command) const;
    [[nodiscard]] Consumer& member(const ConsumerKey& key);
    void unsubscribe(Consumer& consumer);
    [[nodiscard]] Consumer* first_in_line() const;
    void choose_active();
    void drop_gets(const Consumer& consumer);
    void return_leases(Consumer& consumer);
    void free_if_idle(Consumer& consumer);

    QueueId id_;
    ShardContext& context_;
    std::shared_ptr<const QueueRules> rules_;  ///< shared with queues that have the same
    Level first_;
    std::unique_ptr<Levels> more_levels_;  ///< few queues have any
    ReadyRing ring_;
    std::vector<Consumer*> members_;  ///< consumers and lease holders
    std::unique_ptr<Rare> rare_;
    MonoTime wake_at_ = MonoTime::never();
    MonoTime used_at_;
    std::unique_ptr<Log> log_;
    std::uint64_t published_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t settled_ = 0;
    std::uint32_t attached_ = 0;
    bool defined_ = false;
    bool dirty_ = false;
    bool unused_told_ = false;
    bool closed_ = false;
};

}  // namespace fantail::broker
