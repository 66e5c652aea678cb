// SPDX-License-Identifier: Apache-2.0
//! What a log knows of the producers that number their batches: enough to store each batch once, in order.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "broker/api/log_commands.hpp"
#include "broker/api/transaction_commands.hpp"
#include "record/batch.hpp"

namespace fantail::broker {

/// How a batch is numbered; sequences count records and go on at 0 behind 2^31 - 1.
struct ProducerBatch {
    std::int64_t producer = -1;
    std::int16_t epoch = -1;
    std::int32_t first = -1;
    std::int32_t last = -1;
    bool transactional = false;

    /// REQUIRES at least record::batch_header_size bytes.
    [[nodiscard]] static ProducerBatch of(ByteView batch);
    [[nodiscard]] bool numbered() const { return producer >= 0; }
    [[nodiscard]] ProducerEpoch stamp() const { return {producer, epoch}; }
};

/// Follows from the batches in the log alone: live appends and replay both call note().
class LogProducers final {
public:
    /// As many of a producer's last batches are told from new ones: what clients keep in flight.
    static constexpr std::size_t remembered_batches = 5;

    struct Verdict {
        LogOutcome outcome = LogOutcome::ok;
        std::optional<Offset> duplicate_of;  ///< it is stored there already
    };
    [[nodiscard]] Verdict check(const ProducerBatch& batch) const;
    /// The batch stands at `base`.
    void note(const ProducerBatch& batch, Offset base, WallTime now);
    /// The producer's transaction ended. Lower epochs are fenced.
    void note_marker(ProducerEpoch producer, WallTime now);
    /// Forgets who has sent nothing since `before`.
    void expire(WallTime before);

    [[nodiscard]] bool empty() const { return producers_.empty(); }
    [[nodiscard]] std::size_t size() const { return producers_.size(); }
    [[nodiscard]] std::vector<ProducerFigures> figures() const;

    /// count uvarint, per producer: id u64, epoch u16, time svarint (wall ms), batches uvarint, each: first u32, last u32,
    /// base uvarint; ascending ids, oldest batch first.
    void encode(Writer& out) const;
    [[nodiscard]] bool decode(Reader& in);

private:
    struct Stored {
        std::int32_t first = -1;
        std::int32_t last = -1;
        Offset base;
    };
    struct Producer {
        std::int16_t epoch = -1;
        WallTime last_time;
        std::vector<Stored> batches;  ///< of this epoch; oldest first, at most remembered_batches
    };
    std::map<std::int64_t, Producer> producers_;
};

}  // namespace fantail::broker
