// SPDX-License-Identifier: Apache-2.0
//! Checks batches and stamps them.
#include "protocols/kafka/record_set.hpp"

#include "base/crc32c.hpp"
#include "record/compression.hpp"

namespace fantail::kafka {

namespace {

namespace at = record::batch_at;
namespace bits = record::batch_attribute;

/// Bits that a producer may set.
constexpr std::uint16_t attributes_of_producers = bits::compression_mask | bits::log_append_time | bits::transactional;
constexpr unsigned compression_max = 4;

/// Kafka's errors, by its broker 4.1: what is no batch of today's form is invalid, what none could be is corrupt. Clients send
/// the corrupt again, not the invalid.
Refusal check_head(ByteView records) {
    if (records.size() <= at::magic) return {ApiError::invalid_record, "no record batch"};
    if (load_be<std::int32_t>(&records[at::batch_length]) < 0) return {ApiError::corrupt_message, "a negative length"};
    if (records[at::magic] < record::batch_magic)
        return {ApiError::invalid_record, "record batches of version 2 alone are taken"};
    if (records[at::magic] > record::batch_magic) return {ApiError::corrupt_message, "an unknown form of records"};
    return {};
}

Refusal check_form(const record::BatchView& batch, bool transactional) {
    if ((batch.attributes() & bits::control) != 0)
        return {ApiError::invalid_record, "a producer cannot write control records"};
    if ((batch.attributes() & ~attributes_of_producers) != 0) return {ApiError::invalid_record, "unknown attributes"};
    if (batch.compression() > compression_max) return {ApiError::unsupported_compression_type, "unknown compression"};
    if (batch.record_count() == 0 || batch.last_offset_delta() + 1 != batch.record_count())
        return {ApiError::invalid_record, "the records are not numbered from 0 without gaps"};
    if (((batch.attributes() & bits::transactional) != 0) != transactional)
        return {ApiError::invalid_txn_state, "transactional records come in transactional requests alone"};
    if (batch.producer_id() >= 0 && batch.producer_epoch() < 0)
        return {ApiError::invalid_record, "a producer id without an epoch"};
    if (batch.producer_id() >= 0 && batch.base_sequence() < 0)
        return {ApiError::invalid_record, "a producer id without a sequence"};
    return {};
}

Refusal check_times(const record::BatchView& batch, const broker::LogOptions& options, WallTime now) {
    if (options.append_time) return {};
    const std::int64_t time = batch.max_timestamp().ms;
    if (options.older_max_ms && time < now.ms - *options.older_max_ms && time >= 0)
        return {ApiError::invalid_timestamp, "the timestamp is too long ago"};
    if (options.newer_max_ms && time > now.ms && time - now.ms > *options.newer_max_ms)
        return {ApiError::invalid_timestamp, "the timestamp is too far in the future"};
    return {};
}

Refusal check_contents(const record::BatchView& batch, const broker::LogOptions& options);

/// What cannot be unpacked is refused before it is a consumer's trouble.
Refusal check_compressed(const record::BatchView& batch, const broker::LogOptions& options) {
    const auto unpacked = record::decompress_batch(batch, record::unpacked_size_max);
    if (!unpacked && unpacked.error().code == ErrorCode::too_large)
        return {ApiError::message_too_large, "the records take more than 64 MiB when they are unpacked"};
    if (!unpacked) return {ApiError::corrupt_message, "the records cannot be unpacked"};
    const auto view = record::BatchView::parse(*unpacked);
    return view ? check_contents(*view, options) : Refusal{ApiError::corrupt_message, "the batch is senseless"};
}

Refusal check_contents(const record::BatchView& batch, const broker::LogOptions& options) {
    if (batch.compression() != 0) return check_compressed(batch, options);
    if (!batch.check_records()) return {ApiError::invalid_record, "the records cannot be read"};
    if (!options.compact) return {};
    auto records = *batch.records();
    record::RecordView record;
    while (records.next(record))
        if (record.key_is_null) return {ApiError::invalid_record, "a compacted topic takes no record without a key"};
    return {};
}

}  // namespace

Refusal check_records(ByteView records, const broker::LogOptions& options, bool transactional, WallTime now) {
    if (Refusal refusal = check_head(records); refusal.error != ApiError::none) return refusal;
    const auto batch = record::BatchView::parse(records);
    if (!batch) return {ApiError::invalid_record, "the batch is cut off, or has fewer records than it says"};
    if (batch->total_size() != records.size()) return {ApiError::invalid_record, "one batch a partition is taken"};
    if (batch->total_size() > options.batch_bytes_max.value_or(batch_bytes_default))
        return {ApiError::message_too_large, "the batch is larger than max.message.bytes"};
    if (!batch->verify_crc()) return {ApiError::corrupt_message, "the checksum is wrong"};
    Refusal refusal = check_form(*batch, transactional);
    if (refusal.error == ApiError::none) refusal = check_times(*batch, options, now);
    if (refusal.error == ApiError::none) refusal = check_contents(*batch, options);
    return refusal;
}

Bytes stored_form(ByteView batch, const broker::LogOptions& options, WallTime now) {
    Bytes bytes = to_bytes(batch);
    store_be<std::int32_t>(bytes.data() + at::leader_epoch, 0);
    const auto attributes = load_be<std::uint16_t>(bytes.data() + at::attributes);
    if (!options.append_time && (attributes & bits::log_append_time) == 0) return bytes;
    const auto stamped = static_cast<std::uint16_t>(options.append_time ? attributes | bits::log_append_time
                                                                        : attributes & ~bits::log_append_time);
    store_be(bytes.data() + at::attributes, stamped);
    if (options.append_time) store_be(bytes.data() + at::max_timestamp, now.ms);
    store_be(bytes.data() + at::crc, crc32c(ByteView(bytes).subspan(at::attributes)));
    return bytes;
}

}  // namespace fantail::kafka
