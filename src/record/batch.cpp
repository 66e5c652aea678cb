// SPDX-License-Identifier: Apache-2.0
//! Reads record batches: header checks, record and header cursors.
#include "record/batch.hpp"

#include "base/crc32c.hpp"
#include "record/varint.hpp"

namespace fantail::record {

namespace {

/// Reads a length that must not reach beyond `end`.
[[gnu::always_inline]] inline bool get_length(const std::uint8_t*& at, const std::uint8_t* end, std::size_t& n) {
    std::uint64_t raw;
    if (!get_uvarint(at, end, raw)) return false;
    n = raw >> 1;
    return (raw & 1) == 0 && n <= static_cast<std::size_t>(end - at);
}

/// Reads length-prefixed bytes; a length of -1 is null.
[[gnu::always_inline]] inline bool get_nullable(const std::uint8_t*& at, const std::uint8_t* end, ByteView& out,
                                                bool& is_null) {
    std::uint64_t raw;
    if (!get_uvarint(at, end, raw)) return false;
    is_null = raw == 1;
    if (is_null) {
        out = {};
        return true;
    }
    const std::size_t n = raw >> 1;
    if ((raw & 1) != 0 || n > static_cast<std::size_t>(end - at)) return false;
    out = {at, n};
    at += n;
    return true;
}

WallTime time_plus(WallTime base, std::int64_t delta) {
    return {static_cast<std::int64_t>(static_cast<std::uint64_t>(base.ms) + static_cast<std::uint64_t>(delta))};
}

}  // namespace

bool HeaderCursor::stop(bool bad) {
    failed_ = failed_ || bad;
    left_ = 0;
    at_ = end_;
    return false;
}

bool HeaderCursor::next(HeaderView& out) {
    if (left_ == 0) return stop(at_ != end_);
    std::size_t key_size;
    if (!get_length(at_, end_, key_size)) return stop(true);
    out.key = as_text({at_, key_size});
    at_ += key_size;
    if (!get_nullable(at_, end_, out.value, out.value_is_null)) return stop(true);
    --left_;
    return true;
}

std::optional<HeaderView> RecordView::find_header(std::string_view name) const {
    HeaderCursor cursor = header_cursor();
    HeaderView header;
    while (cursor.next(header)) {
        if (header.key == name) return header;
    }
    return std::nullopt;
}

bool RecordCursor::stop(bool bad) {
    failed_ = failed_ || bad;
    left_ = 0;
    at_ = end_;
    return false;
}

inline bool RecordCursor::read_body(const std::uint8_t* at, const std::uint8_t* end, RecordView& out) const {
    std::uint64_t time, offset, headers;
    if (at == end) return false;
    ++at;  // the record's attributes are unused
    if (!get_uvarint(at, end, time) || !get_uvarint(at, end, offset)) return false;
    if (!get_nullable(at, end, out.key, out.key_is_null)) return false;
    if (!get_nullable(at, end, out.value, out.value_is_null)) return false;
    if (!get_uvarint(at, end, headers)) return false;
    const std::size_t size = static_cast<std::size_t>(end - at);
    // Odd means negative; a header takes two bytes at least, so its doubled count cannot exceed the bytes.
    if (((offset | headers) & 1) != 0 || offset > 0xFFFF'FFFEu || headers > size) return false;
    out.offset_delta = static_cast<std::uint32_t>(offset >> 1);
    out.header_count = static_cast<std::uint32_t>(headers >> 1);
    out.timestamp = append_time_ ? *append_time_ : time_plus(base_, unzigzag(time));
    out.headers = {at, size};
    out.envelope = {};
    if (headers == 0) return size == 0;
    if (size < 3 || at[0] != 2 || at[1] != static_cast<std::uint8_t>(envelope_header_key[0])) return true;
    at += 2;
    bool is_null;
    return get_nullable(at, end, out.envelope, is_null);
}

bool RecordCursor::next(RecordView& out) {
    if (left_ == 0) return stop(at_ != end_);
    const std::uint8_t* at = at_;
    std::size_t size;
    if (!get_length(at, end_, size)) return stop(true);
    if (!read_body(at, at + size, out)) return stop(true);
    at_ = at + size;
    --left_;
    return true;
}

bool RecordCursor::skip(std::uint32_t n) {
    if (n > left_) return stop(failed_);
    const std::uint8_t* at = at_;
    for (std::uint32_t i = 0; i < n; ++i) {
        std::size_t size;
        if (!get_length(at, end_, size)) return stop(true);
        at += size;
    }
    at_ = at;
    left_ -= n;
    return true;
}

Result<BatchView> BatchView::parse(ByteView bytes) {
    if (bytes.size() < batch_header_size) return fail(ErrorCode::malformed, "record batch: header is cut off");
    const BatchView view(bytes);
    if (bytes[batch_at::magic] != batch_magic) return fail(ErrorCode::unsupported, "record batch: magic is not 2");
    const auto length = view.get<std::int32_t>(batch_at::batch_length);
    if (length < static_cast<std::int32_t>(batch_header_size - batch_length_excluded)) {
        return fail(ErrorCode::malformed, "record batch: length is less than a header");
    }
    const std::size_t total = static_cast<std::size_t>(length) + batch_length_excluded;
    if (total > bytes.size()) return fail(ErrorCode::malformed, "record batch: records are cut off");
    const auto count = view.get<std::int32_t>(batch_at::record_count);
    const auto last = view.get<std::int32_t>(batch_at::last_offset_delta);
    if (count < 0 || last < 0 || last < count - 1)
        return fail(ErrorCode::malformed, "record batch: senseless record count");
    const std::size_t count_max = (total - batch_header_size) / record_size_min;
    if (view.compression() == 0 && static_cast<std::size_t>(count) > count_max) {
        return fail(ErrorCode::malformed, "record batch: more records than bytes for them");
    }
    if (view.get<std::int64_t>(batch_at::base_offset) < 0)
        return fail(ErrorCode::malformed, "record batch: negative offset");
    return BatchView(bytes.first(total));
}

bool BatchView::verify_crc() const { return crc32c(bytes_.subspan(batch_at::attributes)) == crc(); }

Result<RecordCursor> BatchView::records() const {
    if (compression() != 0) return fail(ErrorCode::unsupported, "record batch: compression is not supported");
    std::optional<WallTime> append_time;
    if ((attributes() & batch_attribute::log_append_time) != 0) append_time = max_timestamp();
    return RecordCursor(bytes_.subspan(batch_at::records), record_count(), base_timestamp(), append_time);
}

Result<void> BatchView::check_records() const {
    FANTAIL_TRY(RecordCursor cursor, records());
    RecordView record;
    std::uint32_t expected = 0;
    while (cursor.next(record)) {
        if (record.offset_delta != expected++)
            return fail(ErrorCode::malformed, "record batch: offsets are not 0, 1, 2 …");
        HeaderCursor headers = record.header_cursor();
        HeaderView header;
        while (headers.next(header)) {}
        if (headers.failed()) return fail(ErrorCode::malformed, "record batch: bad record header");
    }
    if (cursor.failed()) return fail(ErrorCode::malformed, "record batch: bad record");
    if (expected == 0 || expected - 1 != last_offset_delta()) {
        return fail(ErrorCode::malformed, "record batch: last offset is not that of the last record");
    }
    return {};
}

void BatchView::set_base_offset(MutableBytes batch, Offset base) {
    FANTAIL_ASSERT(batch.size() >= batch_header_size);
    store_be(batch.data() + batch_at::base_offset, base.value);
}

}  // namespace fantail::record
