// SPDX-License-Identifier: Apache-2.0
//! Reads and writes the field types of the Kafka protocol.
#include "protocols/kafka/wire.hpp"

#include <algorithm>
#include <limits>

namespace fantail::kafka {

namespace {

// Room that is made at a time: messages without records mostly fit.
constexpr std::size_t growth_min = 512;
constexpr std::size_t short_string_max = std::numeric_limits<std::int16_t>::max();

}  // namespace

void Decoder::fail(std::string_view fault) {
    if (!in_.failed()) fault_ = fault;
    in_.fail();
}

std::uint32_t Decoder::uvarint() {
    const std::uint64_t v = in_.uvarint();
    if (v <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(v);
    fail("has a number of more than 32 bits");
    return 0;
}

std::int64_t Decoder::string_size() { return flexible_ ? std::int64_t{uvarint()} - 1 : in_.be<std::int16_t>(); }
std::int64_t Decoder::bytes_size() { return flexible_ ? std::int64_t{uvarint()} - 1 : in_.be<std::int32_t>(); }

Uuid Decoder::uuid() {
    Uuid v;
    const ByteView raw = in_.take(v.bytes.size());
    if (!raw.empty()) std::memcpy(v.bytes.data(), raw.data(), v.bytes.size());
    return v;
}

std::string_view Decoder::string() {
    const std::int64_t size = string_size();
    if (size >= 0) [[likely]]
        return in_.text(static_cast<std::size_t>(size));
    fail("has a null string where none may be");
    return {};
}

std::optional<std::string_view> Decoder::nullable_string(bool null_allowed) {
    if (!null_allowed) return string();
    const std::int64_t size = string_size();
    if (size < 0 || failed()) return std::nullopt;
    return in_.text(static_cast<std::size_t>(size));
}

ByteView Decoder::bytes() {
    const std::int64_t size = bytes_size();
    if (size >= 0) [[likely]]
        return in_.take(static_cast<std::size_t>(size));
    fail("has null bytes where none may be");
    return {};
}

std::optional<ByteView> Decoder::nullable_bytes(bool null_allowed) {
    if (!null_allowed) return bytes();
    const std::int64_t size = bytes_size();
    if (size < 0 || failed()) return std::nullopt;
    return in_.take(static_cast<std::size_t>(size));
}

ByteView Decoder::records() {
    const std::int64_t size = bytes_size();
    return size < 0 ? ByteView{} : in_.take(static_cast<std::size_t>(size));
}

bool Decoder::present() { return in_.be<std::int8_t>() >= 0 && !failed(); }

std::int64_t Decoder::array_size(std::size_t wire_size_min, std::size_t memory_size, bool null_allowed) {
    const std::int64_t count = bytes_size();
    if (failed()) return -1;
    if (count < 0) {
        if (!null_allowed) fail("has a null array where none may be");
        return -1;
    }
    const auto elements = static_cast<std::size_t>(count);
    if (elements > in_.left() / wire_size_min) {
        fail("has an array with more elements than bytes for them");
        return -1;
    }
    if (elements > memory_left_ / memory_size) {
        fail("has more elements than one message may have");
        return -1;
    }
    memory_left_ -= elements * memory_size;
    return count;
}

std::uint32_t Decoder::tag_count() {
    if (!flexible_) return 0;
    const std::uint32_t count = uvarint();
    if (count <= in_.left() / 2) [[likely]]
        return count;
    fail("has more tagged fields than bytes for them");
    return 0;
}

Decoder::Tag Decoder::begin_tag() {
    Tag tag;
    tag.id = uvarint();
    const std::size_t size = uvarint();
    if (size > in_.left()) fail("has a tagged field that is cut off");
    tag.left_behind = failed() ? 0 : in_.left() - size;
    return tag;
}

void Decoder::skip_tag(const Tag& tag) { (void)in_.take(in_.left() - tag.left_behind); }

void Decoder::end_tag(const Tag& tag) {
    if (in_.left() != tag.left_behind) fail("has a tagged field of another size than it says");
}

void Decoder::skip_tags() {
    for (std::uint32_t n = tag_count(); n > 0 && !failed(); --n) skip_tag(begin_tag());
}

void Encoder::finish() {
    out_.resize(size());
    end_ = at_;
}

void Encoder::grow(std::size_t n) {
    const std::size_t used = size();
    out_.resize(used);
    const std::size_t more = std::max(n, growth_min);
    reserve_more(out_, more);
    out_.resize(used + more);
    at_ = out_.data() + used;
    end_ = at_ + more;
}

void Encoder::raw(ByteView v) {
    if (v.empty()) return;
    need(v.size());
    std::memcpy(at_, v.data(), v.size());
    at_ += v.size();
}

void Encoder::uvarint(std::uint32_t v) {
    need(5);
    while (v >= 0x80) {
        *at_++ = static_cast<std::uint8_t>(v | 0x80);
        v >>= 7;
    }
    *at_++ = static_cast<std::uint8_t>(v);
}

void Encoder::string(std::string_view v) {
    if (flexible_) {
        uvarint(static_cast<std::uint32_t>(v.size() + 1));
    } else {
        v = v.substr(0, short_string_max);
        number(static_cast<std::int16_t>(v.size()));
    }
    raw(as_bytes(v));
}

void Encoder::nullable_string(const std::optional<std::string_view>& v, bool null_allowed) {
    if (v || !null_allowed) return string(v.value_or(""));
    if (flexible_) uvarint(0);
    else number<std::int16_t>(-1);
}

void Encoder::bytes_size(std::size_t n) {
    if (flexible_) uvarint(static_cast<std::uint32_t>(n + 1));
    else number(static_cast<std::int32_t>(n));
}

void Encoder::bytes(ByteView v) {
    bytes_size(v.size());
    raw(v);
}

void Encoder::nullable_bytes(const std::optional<ByteView>& v, bool null_allowed) {
    if (v || !null_allowed) return bytes(v.value_or(ByteView{}));
    null_array(true);
}

void Encoder::records(const Pieces& v) {
    const std::size_t total = v.size();
    bytes_size(total);
    need(total);
    raw(v.first);
    for (const ByteView piece : v.more) raw(piece);
}

void Encoder::array_size(std::size_t count) { bytes_size(count); }

void Encoder::null_array(bool null_allowed) {
    if (!null_allowed) return array_size(0);
    if (flexible_) uvarint(0);
    else number<std::int32_t>(-1);
}

void Encoder::write_all(const std::vector<std::string_view>& v) {
    array_size(v.size());
    for (const std::string_view element : v) string(element);
}

void Encoder::tag_count(std::uint32_t count) {
    if (flexible_) uvarint(count);
    else FANTAIL_ASSERT(count == 0);
}

std::size_t Encoder::begin_tag(std::uint32_t tag) {
    uvarint(tag);
    // One byte for the size: most fields need no more, and end_tag() moves those that do.
    number<std::uint8_t>(0);
    return size();
}

void Encoder::end_tag(std::size_t at) {
    const std::size_t field_size = size() - at;
    std::size_t more = 0;
    for (std::size_t v = field_size; v >= 0x80; v >>= 7) ++more;
    need(5);
    std::uint8_t* const field = out_.data() + at;
    if (more > 0) std::memmove(field + more, field, field_size);
    at_ = field - 1;
    uvarint(static_cast<std::uint32_t>(field_size));
    at_ += field_size;
}

}  // namespace fantail::kafka
