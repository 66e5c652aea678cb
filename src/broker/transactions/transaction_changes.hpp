// SPDX-License-Identifier: Apache-2.0
//! The state changes of named producers that a shard writes to its log (docs/formats/transactions.md).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "broker/api/transaction_commands.hpp"

namespace fantail::broker {

/// The producer was made, or has a new epoch; no transaction is open.
struct ProducerOpenedChange {
    std::string name;
    ProducerEpoch producer;
    std::int16_t last_epoch = -1;   ///< what its opener had, who may ask again; -1: none
    std::int64_t previous_id = -1;  ///< of the same name, whose epochs are used up; -1: none
    std::int32_t timeout_ms = 0;
    WallTime at;
};
/// Logs and groups were added; the first ones begin the transaction.
struct TransactionGrownChange {
    std::string name;
    WallTime at;
    std::vector<QueueId> logs;
    std::vector<TransactionGroup> groups;
};
/// It is decided how the transaction ends.
struct TransactionEndingChange {
    std::string name;
    bool commit = true;
    ProducerEpoch producer;  ///< of the markers
    WallTime at;
};
/// The markers are written everywhere.
struct TransactionEndedChange {
    std::string name;
    ProducerEpoch producer;         ///< as it goes on
    std::int64_t previous_id = -1;  ///< as ProducerOpenedChange has it
    WallTime at;
};
struct ProducerGoneChange {
    std::string name;
};
using TransactionChange = std::variant<ProducerOpenedChange, TransactionGrownChange, TransactionEndingChange,
                                       TransactionEndedChange, ProducerGoneChange>;

/// Logs that one change holds at most: keeps it below limits::change_size_max.
inline constexpr std::size_t change_logs_max = 65'536;
/// Groups that one change holds at most.
inline constexpr std::size_t change_groups_max = 128;

/// True if the first byte says that decode_transaction_change() should take it: no other changes have their kinds.
[[nodiscard]] bool is_transaction_change(ByteView change);

/// Replaces what `out` held.
void encode_transaction_change(const TransactionChange& change, Bytes& out);
/// Errors: corrupt (cut off, unknown kind, numbers out of range).
[[nodiscard]] Result<TransactionChange> decode_transaction_change(ByteView bytes);

/// The parts that changes and snapshots share. Reading fails the reader.
void encode_producer(Writer& out, ProducerEpoch producer);
[[nodiscard]] ProducerEpoch read_producer(Reader& in);
void encode_participants(Writer& out, const std::vector<QueueId>& logs, const std::vector<TransactionGroup>& groups);
void read_participants(Reader& in, std::vector<QueueId>& logs, std::vector<TransactionGroup>& groups);
[[nodiscard]] std::int32_t read_timeout(Reader& in);

}  // namespace fantail::broker
