// SPDX-License-Identifier: Apache-2.0
//! The transactions in a log: who takes part, up to where all is decided, and what was aborted.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "broker/api/log_commands.hpp"
#include "broker/api/transaction_commands.hpp"

namespace fantail::broker {

/// What is durable of it follows from the batches in the log alone: live appends and replay both call note_*(). Who is enlisted and
/// has not appended yet is known to the coordinators, which say so again after a restart.
///
/// Invariant: `aborted_` ascends by `last`, and what ends behind an entry begins at or behind its `stable`.
class LogTransactions final {
public:
    void enlist(ProducerEpoch producer);
    /// Whether the producer may append as part of a transaction.
    [[nodiscard]] LogOutcome check(ProducerEpoch producer) const;
    /// Where the producer's open transaction begins; nothing if it has appended nothing.
    [[nodiscard]] std::optional<Offset> start_of(std::int64_t producer) const;

    /// Records of a transaction stand at `base`.
    void note_records(ProducerEpoch producer, std::uint64_t base);
    /// The marker that ends the producer's transaction stands at `offset`.
    void note_marker(std::int64_t producer, bool commit, std::uint64_t offset);
    /// Takes the producer off the list; it has appended nothing.
    void dismiss(std::int64_t producer);
    /// The log begins at `head` now.
    void trim(std::uint64_t head);

    /// Below it nothing is undecided. An end counts when its marker is below `high_watermark`.
    [[nodiscard]] std::uint64_t stable_end(std::uint64_t high_watermark) const;
    /// The high watermark has risen.
    void became_durable(std::uint64_t high_watermark);
    /// Aborted transactions with records in [first, end).
    void collect_aborted(std::uint64_t first, std::uint64_t end, std::vector<AbortedSpan>& out) const;
    /// Whether the producer's records at `offset` were aborted. REQUIRES an offset below stable_end().
    [[nodiscard]] bool aborted(std::int64_t producer, std::uint64_t offset) const;

    /// open ones: count uvarint, each: id u64, epoch u16, first uvarint; aborted: count uvarint, each: id u64, first, last, stable
    /// uvarint. Ascending ids, ascending `last`.
    void encode(Writer& out) const;
    [[nodiscard]] bool decode(Reader& in);

private:
    struct Member {
        std::int16_t epoch = -1;
        std::optional<std::uint64_t> first;  ///< record of its open transaction
    };
    struct Aborted {
        std::int64_t producer = -1;
        std::uint64_t first = 0;
        std::uint64_t last = 0;    ///< the marker
        std::uint64_t stable = 0;  ///< up to where all was decided behind the marker
    };
    struct Ended {
        std::uint64_t first = 0;
        std::uint64_t marker = 0;
    };
    [[nodiscard]] std::uint64_t first_open(std::uint64_t end) const;

    std::map<std::int64_t, Member> members_;
    std::deque<Aborted> aborted_;
    std::vector<Ended> ended_;  ///< their markers may not be durable yet
};

}  // namespace fantail::broker
