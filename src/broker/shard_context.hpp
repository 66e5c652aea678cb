// SPDX-License-Identifier: Apache-2.0
//! What the queues of one shard share: the host, the clock of the turn, caches, and the turn's work lists.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "broker/consumer.hpp"
#include "broker/consumer_pace.hpp"
#include "broker/host.hpp"
#include "broker/queue_changes.hpp"
#include "broker/queue_rules.hpp"
#include "broker/stream_reader.hpp"
#include "broker/stream_tail.hpp"

namespace fantail::broker {

class Queue;

/// What a read was for: the answer may come when it is gone.
struct ReadPurpose {
    enum class For : std::uint8_t { level, dead_letters, cursor, log_read, time_search };
    For what = For::level;
    std::uint8_t level = 0;
    ConsumerKey key;        ///< cursor: whose; log_read: whose connection; else only the queue counts
    RequestId request{};    ///< log_read
    std::uint32_t place{};  ///< log_read: the slice
};

/// Offsets settled in this turn that the log holds, or (empty span) a level whose delivery watermark moved.
struct SettledSpan {
    Queue* queue;
    std::uint8_t level;
    OffsetSpan span;
};

struct ReturnedSpan {
    Queue* queue;
    std::uint8_t level;
    ReturnedRange range;
};

/// Owned by the Shard; lives as long as its queues.
struct ShardContext {
    explicit ShardContext(ShardHost& h) : host(h) {}

    /// Queues defined one after the other mostly have the same rules: they get one object.
    [[nodiscard]] std::shared_ptr<const QueueRules> share(QueueRules rules) {
        if (*last_rules != rules) last_rules = std::make_shared<const QueueRules>(std::move(rules));
        return last_rules;
    }
    /// Of a queue that is not defined yet (replay).
    const std::shared_ptr<const QueueRules> no_rules = std::make_shared<const QueueRules>();
    std::shared_ptr<const QueueRules> last_rules = no_rules;

    ShardHost& host;
    Now now;
    Lsn durable;
    bool replaying = false;  ///< between the first call of recovery and recovered()
    TailCache cache;
    ReadCache reads;
    std::map<ConsumerKey, std::unique_ptr<Consumer>> consumers;
    ConsumerPace pace;          ///< of this turn
    std::vector<Queue*> dirty;  ///< each once (Queue::dirty_)
    std::vector<SettledSpan> settled;
    std::vector<ReturnedSpan> returned;
    std::unordered_map<std::uint64_t, ReadPurpose> purposes;
    std::uint64_t tokens = 0;
    std::uint64_t consumer_order = 0;
    std::map<std::pair<MonoTime, QueueId>, Queue*> timers;

    /// Starts a read for `reader` at `from`.
    void read(StreamReader& reader, StreamId stream, std::uint64_t from, const ReadPurpose& purpose);
    /// Starts a read whose answer nobody keeps.
    void read(StreamId stream, std::uint64_t from, std::uint32_t bytes_max, const ReadPurpose& purpose);
};

}  // namespace fantail::broker
