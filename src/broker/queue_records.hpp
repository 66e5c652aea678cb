// SPDX-License-Identifier: Apache-2.0
//! What a queue looks for inside batches: envelopes, expiry times, body sizes, filter values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "broker/api/transaction_commands.hpp"
#include "record/batch.hpp"
#include "record/envelope.hpp"

namespace fantail::broker {

inline constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();

/// Bits of the batch's attributes (record::batch_attribute). REQUIRES a whole batch header.
[[nodiscard]] std::uint16_t batch_flags(ByteView batch);
[[nodiscard]] WallTime batch_time(ByteView batch);
/// Whether it is a marker, which no reader of messages sees.
[[nodiscard]] inline bool is_control(ByteView batch) {
    return (batch_flags(batch) & record::batch_attribute::control) != 0;
}
/// What a marker says. REQUIRES is_control().
[[nodiscard]] bool is_commit(ByteView marker);
/// The marker that ends a producer's transaction (docs/formats/batch.md).
[[nodiscard]] SharedBytes make_marker(ProducerEpoch producer, bool commit, WallTime now);
/// Bytes of all values; the batch's size if it is compressed.
[[nodiscard]] std::uint64_t body_bytes(ByteView batch);
/// Bytes of the values of `count` records from `index` on.
[[nodiscard]] std::uint64_t body_bytes(ByteView batch, std::uint32_t index, std::uint32_t count);
/// Calls `see` with the index and envelope of every record that has one; unreadable ones are passed over.
void for_each_envelope(ByteView batch, const std::function<void(std::uint32_t, const record::EnvelopeView&)>& see);
/// For each record, when its own time to live ends; never_ms without one.
[[nodiscard]] std::vector<std::int64_t> expiry_times(ByteView batch);
/// The text of the header "x-stream-filter-value", if the record has it.
[[nodiscard]] std::optional<std::string_view> filter_value(const record::RecordView& record);

}  // namespace fantail::broker
