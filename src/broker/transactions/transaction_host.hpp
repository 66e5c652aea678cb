// SPDX-License-Identifier: Apache-2.0
//! What the coordinator of transactions may ask of its shard.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "broker/api/commands.hpp"

namespace fantail::broker {

/// Effects of a shard's named producers. Carried out at once and never calling back into them from inside.
class TransactionHost {
public:
    virtual ~TransactionHost() = default;
    /// Tells the session that sent the command.
    virtual void answer(const Origin& to, TransactionAnswer answer) = 0;
    /// Stores a change that TransactionTable::apply() understands; TransactionTable::on_durable() tells when it is safe. The Lsns
    /// given do not fall. \param lazy it needs no write of its own
    virtual Lsn persist(ByteView change, bool lazy) = 0;
    /// For ids of producers.
    [[nodiscard]] virtual std::uint64_t random() = 0;
    /// Sends to a log or a group, of this shard or another; TransactionTable::answered() gets its answer, later.
    virtual RequestId ask(ShardId shard, ShardCommand command) = 0;
};

}  // namespace fantail::broker
