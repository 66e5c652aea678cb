// SPDX-License-Identifier: Apache-2.0
//! How large and how old the parts of a log-like stream are, in a bounded number of pieces.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.hpp"

namespace fantail::broker {

/// Pieces of a stream, each some whole batches: limits::retention_entries_max at most, since neighbours are merged when
/// there are more. What is trimmed is therefore a piece at a time, never the last one.
class QueueRetention {
public:
    struct Piece {
        std::uint64_t end = 0;
        std::uint64_t bytes = 0;
        std::int64_t newest_ms = 0;
    };
    void add(std::uint64_t end, std::uint64_t bytes, std::int64_t newest_ms);
    struct Limits {
        std::int64_t bytes_max = -1;   ///< negative: none
        std::int64_t age_max_ms = -1;  ///< negative: none
        std::uint64_t end_max = 0;     ///< nothing from here on is trimmed: a crash may still take it back
    };
    /// One past the last offset to be trimmed, or nullopt.
    [[nodiscard]] std::optional<std::uint64_t> trim(const Limits& limits, std::int64_t now_ms);
    /// Forgets pieces that end at or before `offset`.
    void forget_below(std::uint64_t offset);
    /// When the oldest piece gets too old, if it may be trimmed at all.
    [[nodiscard]] std::optional<std::int64_t> next_trim_ms(const Limits& limits) const;
    /// An offset from which on a record at or after `time_ms` is found, starting from `head`.
    [[nodiscard]] std::uint64_t seek(std::uint64_t head, std::int64_t time_ms) const;
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t pieces() const { return pieces_.size(); }

    /// Appends uvarint granule, uvarint count, then per piece uvarint end, bytes and svarint newest time.
    void encode(Writer& out) const;
    void decode(Reader& in);

private:
    void halve();
    std::deque<Piece> pieces_;
    std::uint64_t bytes_ = 0;
    std::uint64_t granule_ = 1;  ///< bytes at which a piece is closed
};

}  // namespace fantail::broker
