// SPDX-License-Identifier: Apache-2.0
//! The state changes that a shard writes to its log besides batches.
//
// Big endian; every value is absolute, so that a change may be applied twice.
//
//   kind u8 | queue or exchange u64 | the kind's fields
//   progress (1): level u8, next uvarint (everything below was delivered at least once, or is settled),
//                 settled ranges: uvarint count, each uvarint gap from the last one's end and uvarint length
//   counts   (2): level u8, uvarint count, each: first uvarint, length uvarint, failed uvarint, acquired uvarint,
//                 due svarint (wall ms until which it is held back; 0: not)
//   removed  (3): nothing: the queue and its streams are gone
//   opened   (4): nothing, queue 0: a process begins to serve the shard
//   passed   (5): time svarint (wall ms), window uvarint (ms), id string: such a message went through the exchange
//   forgotten(6): nothing: the exchange is gone
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "broker/lease_counts.hpp"
#include "broker/offset_set.hpp"

namespace fantail::broker {

/// What one returned range counts, and until when it is held back.
struct ReturnedRange {
    OffsetSpan span;
    LeaseCounts counts;
    std::int64_t due_ms = 0;
};

struct ProgressChange {
    QueueId queue;
    std::uint8_t level = 0;
    std::uint64_t next = 0;
    std::vector<OffsetSpan> settled;  ///< ascending, disjoint
};
struct CountsChange {
    QueueId queue;
    std::uint8_t level = 0;
    std::vector<ReturnedRange> ranges;
};
struct RemovedChange {
    QueueId queue;
};
/// A process has taken the shard over: whatever it delivered may not be written here.
struct OpenedChange {};
/// A message with this id went through an exchange that lets no duplicate pass.
struct PassedChange {
    ExchangeId exchange;
    std::int64_t at_ms = 0;
    std::int64_t window_ms = 0;
    std::string id;
};
struct ForgottenChange {
    ExchangeId exchange;
};
using QueueChange =
    std::variant<ProgressChange, CountsChange, RemovedChange, OpenedChange, PassedChange, ForgottenChange>;

/// The most ranges one change holds: keeps it below limits::change_size_max.
inline constexpr std::size_t change_ranges_max = 16'384;

/// These replace what `out` held. REQUIRES at most change_ranges_max ranges.
void encode_progress(Bytes& out, QueueId queue, std::uint8_t level, std::uint64_t next,
                     std::span<const OffsetSpan> settled);
void encode_counts(Bytes& out, QueueId queue, std::uint8_t level, std::span<const ReturnedRange> ranges);
void encode_removed(Bytes& out, QueueId queue);
void encode_opened(Bytes& out);
void encode_passed(Bytes& out, const PassedChange& passed);
void encode_forgotten(Bytes& out, ExchangeId exchange);

/// Errors: corrupt (cut off, unknown kind, ranges out of order).
[[nodiscard]] Result<QueueChange> decode_queue_change(ByteView bytes);

}  // namespace fantail::broker
