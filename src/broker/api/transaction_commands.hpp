// SPDX-License-Identifier: Apache-2.0
//! Transactions: what a named producer appends to several logs, and the offsets it commits to groups, count together or not at all.
//
// A named producer's transactions are coordinated in the shard that shard_of_group() (port.hpp) names for its name. A log or
// group takes part once the coordinator has enlisted the producer there; it ends there with a marker of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace fantail::broker {

/// A producer in one of its lives: a higher epoch fences the lower ones.
struct ProducerEpoch {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    bool operator==(const ProducerEpoch&) const = default;
};

enum class TransactionOutcome : std::uint8_t {
    ok,
    invalid_name,      ///< empty, or too long
    unknown_producer,  ///< the name has no producer, or another id
    fenced,            ///< the producer has a newer epoch
    concurrent,        ///< too much waits for an earlier step: try again
    invalid_state,     ///< there is no transaction to be ended so
    full,              ///< as many producers, logs or groups as there may be
};

enum class TransactionState : std::uint8_t {
    empty,  ///< the producer was opened, and has begun nothing
    ongoing,
    prepare_commit,  ///< decided, not yet told everywhere
    prepare_abort,
    complete_commit,
    complete_abort
};

/// Opens a producer: makes it or gives it a new epoch, which fences former ones; their open transaction is aborted first.
/// Answered by ProducerOpened.
struct OpenProducer {
    std::int32_t timeout_ms = 60'000;       ///< after which an open transaction is aborted
    std::optional<ProducerEpoch> expected;  ///< what the producer was until now; another one's epoch is not touched
};

struct TransactionGroup {
    std::string name;
    ShardId shard;  ///< that it lives in
};

/// Has logs and groups take part; begins a transaction if none is open. Answered by TransactionDone, when they know.
struct AddToTransaction {
    ProducerEpoch producer;
    std::vector<QueueId> logs;
    std::vector<TransactionGroup> groups;
};

/// Answered by TransactionEnded, when the end is known and durable everywhere. Repeated, it is answered alike.
struct EndTransaction {
    ProducerEpoch producer;
    bool commit = true;
    bool next_epoch =
        false;  ///< the producer goes on with a new epoch, so that nothing late gets into its next transaction
};

/// Answered by TransactionDescribed.
struct DescribeTransaction {};

using TransactionAction = std::variant<OpenProducer, AddToTransaction, EndTransaction, DescribeTransaction>;

/// Sent to the shard of the name; answered by TransactionAnswered. Actions of one name take effect in the order they come.
struct TransactionCommand {
    std::string name;
    std::unique_ptr<TransactionAction> action;  ///< never null
};

/// Every named producer of a shard; answered by TransactionsListed.
struct ListTransactions {};

// ---------------------------------------------------------------- from a coordinator to logs; groups: group_commands.hpp

/// The producer may append to the log, as part of a transaction, until that ends. Answered by LogMarked.
struct EnlistInLog {
    QueueId log;
    ProducerEpoch producer;
};

/// Writes the marker that ends the producer's transaction in the log, if it has one open there. Answered by LogMarked, when
/// that is durable.
struct EndInLog {
    QueueId log;
    ProducerEpoch producer;  ///< its epoch fences lower ones from now on
    bool commit = true;
};

// ---------------------------------------------------------------- answers

struct ProducerOpened {
    TransactionOutcome outcome = TransactionOutcome::ok;
    ProducerEpoch producer;
};
struct TransactionDone {
    TransactionOutcome outcome = TransactionOutcome::ok;
};
struct TransactionEnded {
    TransactionOutcome outcome = TransactionOutcome::ok;
    ProducerEpoch producer;  ///< as it goes on
};
struct TransactionDescribed {
    TransactionOutcome outcome = TransactionOutcome::ok;
    TransactionState state = TransactionState::empty;
    ProducerEpoch producer;
    std::int32_t timeout_ms = 0;
    std::optional<WallTime> started;  ///< of an open one
    std::vector<QueueId> logs;
};
struct TransactionListing {
    std::string name;
    std::int64_t producer_id = -1;
    TransactionState state = TransactionState::empty;
    std::optional<WallTime> started;  ///< of an open one
};
struct TransactionsListed {
    std::vector<TransactionListing> transactions;
};

using TransactionAnswer =
    std::variant<ProducerOpened, TransactionDone, TransactionEnded, TransactionDescribed, TransactionsListed>;

/// On the heap: it is larger than most other events.
struct TransactionAnswered {
    RequestId request;
    std::unique_ptr<TransactionAnswer> answer;  ///< never null
};

}  // namespace fantail::broker
