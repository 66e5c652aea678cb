// SPDX-License-Identifier: Apache-2.0
//! Encodes record batches; the hot half of record/batch.hpp.
#include <algorithm>

#include "base/crc32c.hpp"
#include "record/batch.hpp"
#include "record/varint.hpp"

namespace fantail::record {

namespace {

constexpr std::size_t buffer_size_min = 512;
constexpr std::uint8_t null_length = 1;  // zigzag(-1)
// The header count of one and the envelope's header key, as encoded: zigzag(1), zigzag(1), 'e'.
constexpr std::uint8_t envelope_header_head[] = {2, 2, 'e'};
static_assert(envelope_header_key == "e");

/// A difference of wall times that wraps instead of overflowing, for peers may send any 64 bits.
std::int64_t time_delta(WallTime a, WallTime b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a.ms) - static_cast<std::uint64_t>(b.ms));
}

std::size_t nullable_size(ByteView v) { return length_size(v.size()) + v.size(); }

std::uint8_t* put_nullable(std::uint8_t* at, ByteView v, bool is_null) {
    if (is_null) {
        *at++ = null_length;
        return at;
    }
    return put_bytes(put_length(at, v.size()), v);
}

std::size_t headers_size(std::span<const HeaderParts> headers) {
    std::size_t size = length_size(headers.size());
    for (const HeaderParts& h : headers) size += nullable_size(as_bytes(h.key)) + nullable_size(h.value);
    return size;
}

}  // namespace

inline std::uint8_t* BatchBuilder::claim(std::size_t size) {
    if (used_ + size > buffer_.size()) [[unlikely]]
        grow(used_ + size);
    std::uint8_t* at = buffer_.data() + used_;
    used_ += size;
    return at;
}

void BatchBuilder::grow(std::size_t need) {
    FANTAIL_ASSERT(need <= batch_size_max);
    std::size_t size = std::max({need, buffer_size_min, size_hint_});
    if (!buffer_.empty()) size = std::max(size, buffer_.size() * 2);
    size = std::min(size, batch_size_max);
    reserve_more(buffer_, size - buffer_.size());
    buffer_.resize(size);
}

/// Claims a whole record and writes it up to and including the offset delta.
/// \param body_size_rest bytes of the record from the key's length on.
[[gnu::always_inline]] inline std::uint8_t* BatchBuilder::put_head(WallTime timestamp, std::size_t body_size_rest) {
    FANTAIL_ASSERT(value_left_ == 0);
    if (count_ == 0) {
        base_timestamp_ = timestamp;
        max_timestamp_ = timestamp;
    }
    const std::uint64_t delta = zigzag(time_delta(timestamp, base_timestamp_));
    const std::uint64_t offset = static_cast<std::uint64_t>(count_) << 1;
    const std::size_t body = 1 + uvarint_size(delta) + uvarint_size(offset) + body_size_rest;
    std::uint8_t* at = claim(length_size(body) + body);
    at = put_length(at, body);
    *at++ = 0;
    at = put_uvarint(at, delta);
    at = put_uvarint(at, offset);
    ++count_;
    max_timestamp_before_ = max_timestamp_;
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    return at;
}

/// Writes a message but for its value, and returns the value's place.
[[gnu::always_inline]] inline std::uint8_t* BatchBuilder::open_record(WallTime timestamp, ByteView key,
                                                                      ByteView envelope, std::size_t value_size) {
    const std::size_t rest = nullable_size(key) + length_size(value_size) + value_size + sizeof envelope_header_head +
                             nullable_size(envelope);
    std::uint8_t* at = put_head(timestamp, rest);
    has_envelopes_ = true;
    at = put_bytes(put_length(at, key.size()), key);
    std::uint8_t* const value_at = put_length(at, value_size);
    at = value_at + value_size;
    std::memcpy(at, envelope_header_head, sizeof envelope_header_head);
    put_bytes(put_length(at + sizeof envelope_header_head, envelope.size()), envelope);
    return value_at;
}

void BatchBuilder::append_message(WallTime timestamp, ByteView key, ByteView envelope, ByteView value) {
    put_bytes(open_record(timestamp, key, envelope, value.size()), value);
}

void BatchBuilder::begin_message(WallTime timestamp, ByteView key, ByteView envelope, std::size_t value_size) {
    FANTAIL_ASSERT(value_size <= batch_size_max);
    const std::size_t before = used_;
    const std::uint8_t* value_at = open_record(timestamp, key, envelope, value_size);
    record_at_ = before;
    value_at_ = static_cast<std::size_t>(value_at - buffer_.data());
    value_left_ = value_size;
}

bool BatchBuilder::append_value(ByteView piece) {
    FANTAIL_ASSERT(piece.size() <= value_left_);
    put_bytes(buffer_.data() + value_at_, piece);
    value_at_ += piece.size();
    value_left_ -= piece.size();
    return value_left_ == 0;
}

void BatchBuilder::drop_message() {
    FANTAIL_ASSERT(open());
    used_ = record_at_;
    value_left_ = 0;
    --count_;
    max_timestamp_ = max_timestamp_before_;
}

void BatchBuilder::append(const RecordParts& parts) {
    FANTAIL_ASSERT(parts.key.empty() || !parts.key_is_null);
    FANTAIL_ASSERT(parts.value.empty() || !parts.value_is_null);
    std::uint8_t* at =
        put_head(parts.timestamp, nullable_size(parts.key) + nullable_size(parts.value) + headers_size(parts.headers));
    at = put_nullable(at, parts.key, parts.key_is_null);
    at = put_nullable(at, parts.value, parts.value_is_null);
    at = put_length(at, parts.headers.size());
    for (const HeaderParts& h : parts.headers) {
        FANTAIL_ASSERT(h.value.empty() || !h.value_is_null);
        at = put_nullable(at, as_bytes(h.key), false);
        at = put_nullable(at, h.value, h.value_is_null);
    }
}

void BatchBuilder::write_header(Offset base, const BatchStamp& stamp) {
    FANTAIL_ASSERT((stamp.attributes & batch_attribute::compression_mask) == 0);
    std::uint8_t* const at = buffer_.data();
    store_be(at + batch_at::base_offset, base.value);
    store_be(at + batch_at::batch_length, static_cast<std::uint32_t>(used_ - batch_length_excluded));
    store_be(at + batch_at::leader_epoch, stamp.leader_epoch);
    at[batch_at::magic] = batch_magic;
    const unsigned ours = has_envelopes_ ? batch_attribute::has_envelopes : 0u;
    store_be(at + batch_at::attributes, static_cast<std::uint16_t>(stamp.attributes | ours));
    store_be(at + batch_at::last_offset_delta, count_ - 1);
    store_be(at + batch_at::base_timestamp, base_timestamp_.ms);
    store_be(at + batch_at::max_timestamp, max_timestamp_.ms);
    store_be(at + batch_at::producer_id, stamp.producer_id);
    store_be(at + batch_at::producer_epoch, stamp.producer_epoch);
    store_be(at + batch_at::base_sequence, stamp.base_sequence);
    store_be(at + batch_at::record_count, count_);
    const ByteView covered{at + batch_at::attributes, used_ - batch_at::attributes};
    store_be(at + batch_at::crc, crc32c(covered));
}

Bytes BatchBuilder::finish(Offset base, const BatchStamp& stamp) {
    FANTAIL_ASSERT(count_ != 0);
    FANTAIL_ASSERT(value_left_ == 0);
    write_header(base, stamp);
    size_hint_ = used_;
    // Handing the buffer on saves a copy, but must not pin much more memory than the batch needs.
    const bool hand_on = used_ >= buffer_.size() - buffer_.size() / 4;
    Bytes batch;
    if (hand_on) {
        buffer_.resize(used_);
        batch = std::move(buffer_);
        buffer_ = Bytes();
    } else {
        batch = to_bytes({buffer_.data(), used_});
    }
    clear();
    return batch;
}

void BatchBuilder::clear(bool release) {
    used_ = batch_header_size;
    count_ = 0;
    has_envelopes_ = false;
    value_left_ = 0;
    if (!release) return;
    buffer_ = Bytes();
    size_hint_ = 0;
}

}  // namespace fantail::record
