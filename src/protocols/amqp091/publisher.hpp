// SPDX-License-Identifier: Apache-2.0
//! Publisher: routes one connection's messages and gathers them into batches, one append a shard and batch.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "protocols/amqp091/route_cache.hpp"
#include "record/batch.hpp"

namespace fantail::amqp091 {

/// What became of a message, as far as is known at once.
enum class Fate : std::uint8_t {
    queued,       ///< will be appended; the answer comes later if anybody waits
    no_route,     ///< no queue takes it
    remembered,   ///< no queue takes it, but an exchange remembers it; the answer comes later if anybody waits
    handed_over,  ///< given to a direct reply consumer: done
};

/// Publishes that were answered.
struct PublishAnswer {
    std::uint16_t channel = 0;
    std::uint32_t serial = 0;
    SequenceRange range;
};

/// Messages of one target set on their way into one batch.
struct GatheredBatch {
    std::uint64_t number = 0;                   ///< unique among open batches; 0: closed
    std::vector<broker::AppendTarget> targets;  ///< ascending
    broker::BatchTraits traits;
    std::uint64_t body_bytes = 0;
    record::BatchBuilder builder;
    std::vector<PublishAnswer> waiting;  ///< who is told when it is stored
    /// For an exchange that lets no duplicate pass: everything but the append.
    std::unique_ptr<broker::AppendOnce> once;
    /// For exchanges that remember messages: everything but the batch.
    std::vector<broker::Remember> histories;
};

/// Order per queue holds because no two open batches share a queue level: a batch that would is preceded by flushing
/// the other. Invariants: `open_` are the batches with a number, `spare_` keeps closed ones for their buffers.
class Publisher final {
public:
    explicit Publisher(Link& link) : link_(link), inspector_(link), routes_(link) {}

    /// Takes a whole message. Hot. Errors: those of Inspector::inspect and RouteCache::find; nothing was taken then.
    [[nodiscard]] Replied<Fate> publish(const Publication& message);
    /// Checks as publish does and takes nothing: for transactions.
    [[nodiscard]] Handled check(const Publication& message);

    /// A message whose body comes in pieces straight into a batch of its own; null if it has no queue to go to (then
    /// gather it and publish()). `message.body` is ignored.
    [[nodiscard]] Replied<std::unique_ptr<GatheredBatch>> begin_large(const Publication& message,
                                                                      std::uint64_t body_size);
    /// Sends it, behind everything that was published before.
    void finish_large(std::unique_ptr<GatheredBatch> batch, const PublisherRef& from);

    /// Sends all open batches.
    void flush();
    [[nodiscard]] bool empty() const { return open_.empty(); }
    /// Gives back the buffers kept for speed: the connection has been idle.
    void release_buffers() { spare_.clear(); }

    /// Notes an answer; appends to `out` what is answered by it as a whole.
    void on_appended(const broker::Appended& event, std::vector<PublishAnswer>& out);
    /// Batches sent whose answers are awaited.
    [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

private:
    struct InFlight {
        std::uint32_t shards_left = 0;
        bool accepted = true;
        bool missed = true;  ///< by every shard so far
        std::vector<PublishAnswer> waiting;
    };

    [[nodiscard]] bool hand_over(const Publication& message, const Draft& draft);
    void encode_envelope(const Publication& message, const Draft& draft, const PublishRoute& route,
                         broker::BatchTraits& traits);
    [[nodiscard]] std::unique_ptr<GatheredBatch> single_batch(const Publication& message, const Draft& draft,
                                                              const PublishRoute& route, std::uint64_t body_size);
    [[nodiscard]] std::optional<ByteView> deduplication_id(const Draft& draft);
    GatheredBatch& batch_for(PublishRoute& route, const Draft& draft, broker::BatchTraits traits, std::size_t room);
    GatheredBatch& open_batch(broker::BatchTraits traits);
    void collect_targets(const PublishRoute& route, std::uint8_t priority);
    [[nodiscard]] GatheredBatch* find_open(bool transient);
    void flush_overlapping(const std::vector<broker::AppendTarget>& targets);
    void send(GatheredBatch& batch);
    void remember(GatheredBatch& batch, RequestId request, const broker::Append& append);
    void send_to_shards(const std::vector<broker::AppendTarget>& targets, RequestId request,
                        const broker::Append& append);
    void close_at(std::size_t index);

    Link& link_;
    Inspector inspector_;
    RouteCache routes_;
    std::vector<std::unique_ptr<GatheredBatch>> open_;
    std::vector<std::unique_ptr<GatheredBatch>> spare_;
    std::uint64_t batches_opened_ = 0;
    std::vector<broker::AppendTarget> targets_;
    Bytes envelope_;
    Bytes deduplication_;
    std::deque<InFlight> in_flight_;
    std::uint64_t in_flight_base_ = 1;  ///< request counter of in_flight_.front()
};

}  // namespace fantail::amqp091
