// SPDX-License-Identifier: Apache-2.0
//! What a shard keeps of its named producers across restarts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "broker/transactions/transaction_changes.hpp"

namespace fantail::broker {

struct KeptProducer {
    ProducerEpoch producer;
    std::int16_t last_epoch = -1;
    std::int64_t previous_id = -1;
    std::int32_t timeout_ms = 0;
    TransactionState state = TransactionState::empty;
    WallTime updated;
    WallTime started;        ///< of the open transaction
    std::set<QueueId> logs;  ///< that take part in it
    std::map<std::string, ShardId, std::less<>> groups;

    [[nodiscard]] bool open() const { return state == TransactionState::ongoing; }
    /// It is decided how it ends, and somebody may not know yet.
    [[nodiscard]] bool ending() const {
        return state == TransactionState::prepare_commit || state == TransactionState::prepare_abort;
    }
};

/// Changed by apply() only, live and in replay alike.
class TransactionStore final {
public:
    using Producers = std::map<std::string, KeptProducer, std::less<>>;

    void apply(const TransactionChange& change);
    /// Null: there is none of that name. Valid until it is gone.
    [[nodiscard]] const KeptProducer* find(std::string_view name) const;
    [[nodiscard]] const Producers& producers() const { return producers_; }

    /// docs/formats/transactions.md; equal states give equal bytes.
    void encode(Writer& out) const;
    /// False: cut off or senseless.
    [[nodiscard]] bool decode(Reader& in);

private:
    void carry_out(const ProducerOpenedChange& change);
    void carry_out(const TransactionGrownChange& change);
    void carry_out(const TransactionEndingChange& change);
    void carry_out(const TransactionEndedChange& change);
    void carry_out(const ProducerGoneChange& change);

    Producers producers_;
};

}  // namespace fantail::broker
