// SPDX-License-Identifier: Apache-2.0
//! What sessions are told: one closed set of events.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "broker/api/definitions.hpp"
#include "broker/api/group_commands.hpp"
#include "broker/api/log_commands.hpp"
#include "broker/api/transaction_commands.hpp"

namespace fantail::broker {

/// `count` consecutive records of one batch for one consumer, leased to it (or settled, if it asked for that).
struct Deliver {
    ConsumerId consumer;
    QueueId queue;
    std::uint8_t level = 0;
    Offset first;  ///< of the first record delivered
    std::uint32_t count = 0;
    std::uint32_t index = 0;  ///< the first record's place in the batch
    SharedBytes batch;
    bool redelivered = false;
    std::uint32_t delivery_count = 0;  ///< failed deliveries before this one; of all `count` records alike
    std::uint32_t acquired_count = 0;  ///< deliveries before this one, failed or released
};

/// The batch of an Append is stored in all its targets as durably as they ask, or (accepted = false) some target refused.
/// Answers of one shard to Append come in the order of the requests.
struct Appended {
    RequestId request;
    bool accepted = true;
    bool missed = false;  ///< every target was deleted before it came: it is stored nowhere in this shard
};

/// Answers AddConsumer.
struct ConsumerAdded {
    RequestId request;
    ConsumerId consumer;
    Result<void> outcome;
};

/// The consumer was removed by the broker: its queue is gone, or it held a message for too long.
struct ConsumerCancelled {
    ConsumerId consumer;
    QueueId queue;
    bool timed_out = false;
};

/// Answers Get: a Deliver with count 1, or count 0 if nothing was ready.
struct GetResult {
    RequestId request;
    Deliver message;
    std::uint64_t ready_left = 0;
    bool found = true;  ///< false: the queue is gone
};

/// Answers Inspect, Purge and CloseQueue.
struct QueueCounts {
    RequestId request;
    std::uint64_t ready = 0;
    std::uint64_t unsettled = 0;
    std::uint64_t purged = 0;
    std::uint32_t consumers = 0;
    bool found = true;
    bool closed = false;  ///< by this CloseQueue
};

/// Answers an AdminCommand.
struct AdminReply {
    RequestId request;
    Result<void> outcome;
    std::string name;             ///< DeclareQueue: the queue's name
    QueueId queue;                ///< DeclareQueue
    TopicId topic;                ///< CreateTopic
    std::uint64_t messages = 0;   ///< DeclareQueue, DeleteQueue: ready messages
    std::uint32_t consumers = 0;  ///< DeclareQueue
};

/// Answers Port::check_login. Errors: not_authenticated (wrong, or no such user), unavailable (too many logins at a time:
/// nothing was checked).
struct LoginChecked {
    RequestId request;
    Result<void> outcome;
};

/// A resource alarm began or ended: while on, publishers are held back.
struct Blocked {
    bool on = false;
    std::string reason;
};

/// The connection must go (administrator, shutdown): say so to the client and close.
struct CloseRequested {
    std::string reason;
};

struct Event : std::variant<Deliver, Appended, ConsumerAdded, ConsumerCancelled, GetResult, QueueCounts, AdminReply,
                            Blocked, CloseRequested, LogAppended, LogsRead, OffsetFound, LogTrimmed, LogDescribed,
                            GroupAnswered, LoginChecked, LogMarked, TransactionAnswered> {
    using variant::variant;
    Event(Event&& other) noexcept;
    Event& operator=(Event&& other) noexcept;
    ~Event();
};

/// Which command an event answers; 0 if it answers none.
[[nodiscard]] RequestId request_of(const Event& event);

}  // namespace fantail::broker
