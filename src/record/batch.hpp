// SPDX-License-Identifier: Apache-2.0
//! Record batches: the one form of messages on disk, in memory and in fetches (docs/formats/batch.md).
//
// Kafka record batch v2, big endian, byte exact:
//
//    0 base_offset i64          8 batch_length i32 (bytes after it)   12 leader_epoch i32    16 magic i8 (2)
//   17 crc u32 (CRC32C of 21…)  21 attributes i16                     23 last_offset_delta i32
//   27 base_timestamp i64      35 max_timestamp i64                   43 producer_id i64     51 producer_epoch i16
//   53 base_sequence i32       57 record_count i32                    61 records
//
//   record: length, attributes i8, timestamp_delta, offset_delta, key, value, header count, headers {key, value}
//           lengths, deltas and counts are zigzag varints; key and value are preceded by their length, -1 is null
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace fantail::record {

/// Places of the header's fields, in bytes from the batch's start.
namespace batch_at {
inline constexpr std::size_t base_offset = 0;
inline constexpr std::size_t batch_length = base_offset + 8;
inline constexpr std::size_t leader_epoch = batch_length + 4;
inline constexpr std::size_t magic = leader_epoch + 4;
inline constexpr std::size_t crc = magic + 1;
inline constexpr std::size_t attributes = crc + 4;
inline constexpr std::size_t last_offset_delta = attributes + 2;
inline constexpr std::size_t base_timestamp = last_offset_delta + 4;
inline constexpr std::size_t max_timestamp = base_timestamp + 8;
inline constexpr std::size_t producer_id = max_timestamp + 8;
inline constexpr std::size_t producer_epoch = producer_id + 8;
inline constexpr std::size_t base_sequence = producer_epoch + 2;
inline constexpr std::size_t record_count = base_sequence + 4;
inline constexpr std::size_t records = record_count + 4;
}  // namespace batch_at

inline constexpr std::size_t batch_header_size = 61;
/// The bytes that batch_length does not count: itself and base_offset.
inline constexpr std::size_t batch_length_excluded = 12;
inline constexpr std::uint8_t batch_magic = 2;
/// The largest batch the format's i32 length can state, in bytes.
inline constexpr std::size_t batch_size_max = std::numeric_limits<std::int32_t>::max();
/// The smallest record: its length, attributes, two deltas, null key, null value, no headers; one byte each.
inline constexpr std::size_t record_size_min = 7;
/// An upper bound of what a record of BatchBuilder::append_message() takes besides key, envelope and value.
inline constexpr std::size_t record_overhead_max = 40;
/// The key of the record header that holds the envelope (docs/formats/envelope.md).
inline constexpr std::string_view envelope_header_key = "e";

static_assert(batch_at::crc == 17 && batch_at::attributes == 21 && batch_at::producer_id == 43);
static_assert(batch_at::records == batch_header_size);

/// Bits of the attributes field.
namespace batch_attribute {
inline constexpr std::uint16_t compression_mask = 0x07;  ///< 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
inline constexpr std::uint16_t log_append_time = 0x08;   ///< every record's timestamp is max_timestamp
inline constexpr std::uint16_t transactional = 0x10;
inline constexpr std::uint16_t control = 0x20;  ///< transaction markers, not for applications
// Ours, in bits that Kafka leaves unused: what replay must look for in the records' envelopes.
inline constexpr std::uint16_t has_expiration = 0x100;     ///< some record has its own time to live
inline constexpr std::uint16_t has_due_time = 0x200;       ///< some record must be held until later
inline constexpr std::uint16_t has_deduplication = 0x400;  ///< some record has a deduplication id
inline constexpr std::uint16_t has_envelopes = 0x800;      ///< some record's first header is an envelope
}  // namespace batch_attribute

/// One header of a record to be encoded. Views are copied during the call.
struct HeaderParts {
    std::string_view key;
    ByteView value{};
    bool value_is_null = false;
};

/// A record to be encoded. Views are copied during the call; a null key or value must be empty.
struct RecordParts {
    WallTime timestamp;
    ByteView key{};
    bool key_is_null = false;
    ByteView value{};
    bool value_is_null = false;
    std::span<const HeaderParts> headers{};
};

/// What a batch says about its producer; the defaults are those of a producer without idempotence.
struct BatchStamp {
    std::int32_t leader_epoch = 0;
    std::uint16_t attributes = 0;  ///< batch_attribute bits; compression must be 0
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
};

/// Encodes records into one batch. Hot: one check of room per record, no allocation but the buffer's doubling.
///
/// Invariants: `used_ <= buffer_.size() <= batch_size_max` once something was appended, the vector's size is its room
/// and `used_` what is written; while a record is open, `value_at_` and `value_left_` bound the gap in it that waits
/// for bytes, and everything else of it is already in place.
/// Not thread safe. Callers bound sizes beforehand: `size() + record_overhead_max + key + envelope + value` must stay
/// within batch_size_max, and is asserted.
class BatchBuilder {
public:
    /// Appends any record. REQUIRES no open record.
    void append(const RecordParts& parts);

    /// Appends a message of ours: a record with a key that is never null, and the envelope as its only header.
    /// REQUIRES no open record.
    void append_message(WallTime timestamp, ByteView key, ByteView envelope, ByteView value);

    /// Opens a message whose value of `value_size` bytes arrives in pieces; an empty value needs no piece.
    /// REQUIRES no open record.
    void begin_message(WallTime timestamp, ByteView key, ByteView envelope, std::size_t value_size);
    /// Adds the next piece. REQUIRES piece.size() <= value_left(). Returns whether the value is now complete.
    bool append_value(ByteView piece);
    /// Takes the open record back as if it had never begun. REQUIRES open().
    void drop_message();

    /// Whether a record waits for bytes of its value.
    [[nodiscard]] bool open() const { return value_left_ != 0; }
    /// Bytes that the open record still waits for.
    [[nodiscard]] std::size_t value_left() const { return value_left_; }

    /// Records so far, the open one included.
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// Bytes the finished batch would have, header included; 0 when empty.
    [[nodiscard]] std::size_t size() const { return count_ == 0 ? 0 : used_; }

    /// Completes the batch, checksum included, and starts the next one. The builder keeps no buffer when the batch
    /// filled most of it; else the result is an exact copy and the buffer is used again.
    /// REQUIRES !empty() and no open record.
    [[nodiscard]] Bytes finish(Offset base, const BatchStamp& stamp = {});

    /// Forgets the records of this batch. `release` also gives the buffer back, as an idle stream should.
    void clear(bool release = false);

private:
    std::uint8_t* claim(std::size_t size);
    void grow(std::size_t need);
    std::uint8_t* put_head(WallTime timestamp, std::size_t body_size_rest);
    std::uint8_t* open_record(WallTime timestamp, ByteView key, ByteView envelope, std::size_t value_size);
    void write_header(Offset base, const BatchStamp& stamp);

    Bytes buffer_;
    std::size_t used_ = batch_header_size;
    std::uint32_t count_ = 0;
    bool has_envelopes_ = false;
    WallTime base_timestamp_;
    WallTime max_timestamp_;
    std::size_t size_hint_ = 0;
    std::size_t value_at_ = 0;
    std::size_t value_left_ = 0;
    std::size_t record_at_ = 0;
    WallTime max_timestamp_before_;
};

/// One header of a decoded record; views into the batch.
struct HeaderView {
    std::string_view key;
    ByteView value{};
    bool value_is_null = false;
};

/// Walks the headers of one record.
class HeaderCursor {
public:
    HeaderCursor(ByteView headers, std::uint32_t count)
        : at_(headers.data()), end_(headers.data() + headers.size()), left_(count) {}
    /// Decodes the next header. False at the end and on bad bytes, which failed() tells apart.
    [[nodiscard]] bool next(HeaderView& out);
    [[nodiscard]] bool failed() const { return failed_; }

private:
    bool stop(bool bad);
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::uint32_t left_;
    bool failed_ = false;
};

/// A decoded record; every view points into the batch and lives as long as its bytes.
struct RecordView {
    std::uint32_t offset_delta = 0;
    bool key_is_null = false;
    bool value_is_null = false;
    std::uint32_t header_count = 0;
    WallTime timestamp;
    ByteView key{};
    ByteView value{};
    ByteView headers{};   ///< encoded headers, to be walked by header_cursor()
    ByteView envelope{};  ///< value of the first header if its key is "e", else empty

    [[nodiscard]] HeaderCursor header_cursor() const { return {headers, header_count}; }
    /// The first header with this key, if any comes before bad bytes.
    [[nodiscard]] std::optional<HeaderView> find_header(std::string_view name) const;
};

/// Walks the records of an uncompressed batch. Hot. Bad bytes end it with failed(); it never reads out of bounds.
/// Headers behind the first are not checked (HeaderCursor does, and BatchView::check_records()).
class RecordCursor {
public:
    /// Decodes the next record. False at the end and on bad bytes.
    [[nodiscard]] bool next(RecordView& out);
    /// Passes over `n` records, reading only their lengths. False when there are fewer or on bad bytes.
    [[nodiscard]] bool skip(std::uint32_t n);
    /// Records not yet passed.
    [[nodiscard]] std::uint32_t left() const { return left_; }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    friend class BatchView;
    RecordCursor(ByteView records, std::uint32_t count, WallTime base, std::optional<WallTime> append_time)
        : at_(records.data()),
          end_(records.data() + records.size()),
          left_(count),
          base_(base),
          append_time_(append_time) {}
    bool stop(bool bad);
    bool read_body(const std::uint8_t* at, const std::uint8_t* end, RecordView& out) const;

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::uint32_t left_;
    bool failed_ = false;
    WallTime base_;
    std::optional<WallTime> append_time_;
};

/// A batch in borrowed bytes, its header checked for sense.
class BatchView {
public:
    /// Looks at the batch that `bytes` starts with; more may follow it.
    /// Checks lengths, magic and counts, not the checksum. A compressed batch is accepted.
    /// Errors: malformed (cut off or senseless), unsupported (another magic).
    [[nodiscard]] static Result<BatchView> parse(ByteView bytes);

    /// Whether the stored CRC32C is that of the bytes.
    [[nodiscard]] bool verify_crc() const;
    /// Decodes everything, headers included: what a batch from outside must pass before it is stored.
    /// Demands offset deltas 0, 1, 2 … up to last_offset_delta. Errors: malformed, unsupported (compressed).
    [[nodiscard]] Result<void> check_records() const;
    /// A cursor before the first record. Errors: unsupported (compressed).
    [[nodiscard]] Result<RecordCursor> records() const;

    /// The batch's own bytes, total_size() of them.
    [[nodiscard]] ByteView bytes() const { return bytes_; }
    [[nodiscard]] std::size_t total_size() const { return bytes_.size(); }
    [[nodiscard]] Offset base_offset() const { return Offset(get<std::uint64_t>(batch_at::base_offset)); }
    /// The offset of the last record the batch had, compacted away or not.
    [[nodiscard]] Offset last_offset() const { return base_offset().plus(last_offset_delta()); }
    [[nodiscard]] std::uint32_t record_count() const { return get<std::uint32_t>(batch_at::record_count); }
    [[nodiscard]] std::uint32_t last_offset_delta() const { return get<std::uint32_t>(batch_at::last_offset_delta); }
    [[nodiscard]] std::int32_t leader_epoch() const { return get<std::int32_t>(batch_at::leader_epoch); }
    [[nodiscard]] std::uint32_t crc() const { return get<std::uint32_t>(batch_at::crc); }
    [[nodiscard]] std::uint16_t attributes() const { return get<std::uint16_t>(batch_at::attributes); }
    [[nodiscard]] unsigned compression() const { return attributes() & batch_attribute::compression_mask; }
    [[nodiscard]] WallTime base_timestamp() const { return {get<std::int64_t>(batch_at::base_timestamp)}; }
    [[nodiscard]] WallTime max_timestamp() const { return {get<std::int64_t>(batch_at::max_timestamp)}; }
    [[nodiscard]] std::int64_t producer_id() const { return get<std::int64_t>(batch_at::producer_id); }
    [[nodiscard]] std::int16_t producer_epoch() const { return get<std::int16_t>(batch_at::producer_epoch); }
    [[nodiscard]] std::int32_t base_sequence() const { return get<std::int32_t>(batch_at::base_sequence); }

    /// Gives a batch its place in a stream; outside the checksum. REQUIRES at least batch_header_size bytes.
    static void set_base_offset(MutableBytes batch, Offset base);

private:
    explicit BatchView(ByteView bytes) : bytes_(bytes) {}
    template <class T>
    [[nodiscard]] T get(std::size_t at) const {
        return load_be<T>(bytes_.data() + at);
    }

    ByteView bytes_;
};

}  // namespace fantail::record
