// SPDX-License-Identifier: Apache-2.0
//! Decodes, compares, validates and builds field tables.
#include "record/field_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

namespace fantail::record {

namespace {

constexpr std::int8_t tag_unknown = -1;
constexpr std::int8_t tag_sized = -2;

/// Payload size by tag byte, or one of the two marks above.
constexpr std::array<std::int8_t, 256> payload_sizes = [] {
    std::array<std::int8_t, 256> sizes{};
    sizes.fill(tag_unknown);
    const auto set = [&](FieldTag tag, std::int8_t size) { sizes[static_cast<std::uint8_t>(tag)] = size; };
    set(FieldTag::nothing, 0);
    for (const FieldTag tag : {FieldTag::boolean, FieldTag::int8, FieldTag::uint8}) set(tag, 1);
    for (const FieldTag tag : {FieldTag::int16, FieldTag::uint16}) set(tag, 2);
    for (const FieldTag tag : {FieldTag::int32, FieldTag::uint32, FieldTag::float32}) set(tag, 4);
    set(FieldTag::decimal, 5);
    for (const FieldTag tag : {FieldTag::int64, FieldTag::int64_alias, FieldTag::float64, FieldTag::timestamp})
        set(tag, 8);
    for (const FieldTag tag : {FieldTag::text, FieldTag::binary, FieldTag::array, FieldTag::table}) set(tag, tag_sized);
    return sizes;
}();

std::int8_t payload_size(FieldTag tag) { return payload_sizes[static_cast<std::uint8_t>(tag)]; }

bool read_value(Reader& in, FieldValueView& out) {
    const FieldTag tag{in.u8()};
    const std::int8_t size = payload_size(tag);
    if (size == tag_unknown) in.fail();
    const ByteView payload =
        in.take(size == tag_sized ? in.u32() : static_cast<std::size_t>(std::max<std::int8_t>(size, 0)));
    if (in.failed()) return false;
    out = FieldValueView(tag, payload);
    return true;
}

enum class Verdict : std::uint8_t { good, bad, too_deep };

Verdict check_content(ByteView content, bool named, unsigned depth_left);

Verdict check_nested(const FieldValueView& value, unsigned depth_left) {
    const bool is_table = value.tag() == FieldTag::table;
    if (!is_table && value.tag() != FieldTag::array) return Verdict::good;
    return check_content(value.payload(), is_table, depth_left);
}

/// Recursion is bounded by depth_left.
Verdict check_content(ByteView content, bool named, unsigned depth_left) {
    if (depth_left == 0) return Verdict::too_deep;
    Reader in(content);
    FieldValueView value;
    while (in.left() != 0) {
        if (named) in.take(in.u8());
        if (!read_value(in, value)) return Verdict::bad;
        if (const Verdict nested = check_nested(value, depth_left - 1); nested != Verdict::good) return nested;
    }
    return in.failed() ? Verdict::bad : Verdict::good;
}

/// A number of any kind in the form in which it can be compared without loss.
struct Number {
    enum class Kind : std::uint8_t { none, integer, above_int64, real } kind = Kind::none;
    std::int64_t integer = 0;
    std::uint64_t above = 0;
    double real = 0;
};

Number from_double(double v) {
    // Both bounds are exact as doubles; within them an integral double converts without loss.
    if (v >= -0x1p63 && v < 0x1p63 && v == std::trunc(v))
        return {Number::Kind::integer, static_cast<std::int64_t>(v), 0, 0};
    if (v >= 0x1p63 && v < 0x1p64) return {Number::Kind::above_int64, 0, static_cast<std::uint64_t>(v), 0};
    return {Number::Kind::real, 0, 0, v};
}

Number number_of(const FieldValueView& v) {
    if (const auto i = v.as_int()) return {Number::Kind::integer, *i, 0, 0};
    if (const auto d = v.as_double()) return from_double(*d);
    const auto t = v.as_timestamp();
    if (!t) return {};
    if (*t > static_cast<std::uint64_t>(INT64_MAX)) return {Number::Kind::above_int64, 0, *t, 0};
    return {Number::Kind::integer, static_cast<std::int64_t>(*t), 0, 0};
}

bool equal_numbers(const Number& a, const Number& b) {
    return a.kind == b.kind && a.integer == b.integer && a.above == b.above && a.real == b.real;
}

bool is_bytes(FieldTag tag) { return tag == FieldTag::text || tag == FieldTag::binary; }

bool equal_arrays(FieldArrayView a, FieldArrayView b) {
    FieldArrayCursor left = a.values(), right = b.values();
    FieldValueView x, y;
    while (left.next(x)) {
        if (!right.next(y) || !x.equals(y)) return false;
    }
    return !left.failed() && !right.next(y) && !right.failed();
}

bool equal_tables(FieldTableView a, FieldTableView b) {
    FieldCursor left = a.entries(), right = b.entries();
    FieldEntry x, y;
    while (left.next(x)) {
        if (!right.next(y) || x.name != y.name || !x.value.equals(y.value)) return false;
    }
    return !left.failed() && !right.next(y) && !right.failed();
}

void put_value(Bytes& out, FieldTag tag, ByteView payload) {
    FANTAIL_ASSERT(payload.size() <= field_payload_size_max);
    Writer w(out);
    w.u8(static_cast<std::uint8_t>(tag));
    if (payload_size(tag) == tag_sized) w.u32(static_cast<std::uint32_t>(payload.size()));
    w.raw(payload);
}

/// The big-endian bytes of a fixed-size payload, kept alive while a FieldValueView points at them.
template <class T>
struct Payload {
    std::uint8_t bytes[sizeof(T)];
    explicit Payload(T v) { store_be(bytes, v); }
};

}  // namespace

FieldValueView::FieldValueView(FieldTag tag, ByteView payload) : tag_(tag), payload_(payload) {
    const std::int8_t size = payload_size(tag);
    FANTAIL_ASSERT(size == tag_sized || static_cast<std::size_t>(size) == payload.size());
}

std::optional<std::int64_t> FieldValueView::as_int() const {
    const std::uint8_t* at = payload_.data();
    switch (tag_) {
        case FieldTag::int8: return load_be<std::int8_t>(at);
        case FieldTag::uint8: return load_be<std::uint8_t>(at);
        case FieldTag::int16: return load_be<std::int16_t>(at);
        case FieldTag::uint16: return load_be<std::uint16_t>(at);
        case FieldTag::int32: return load_be<std::int32_t>(at);
        case FieldTag::uint32: return load_be<std::uint32_t>(at);
        case FieldTag::int64:
        case FieldTag::int64_alias: return load_be<std::int64_t>(at);
        case FieldTag::boolean:
        case FieldTag::float32:
        case FieldTag::float64:
        case FieldTag::decimal:
        case FieldTag::text:
        case FieldTag::binary:
        case FieldTag::array:
        case FieldTag::timestamp:
        case FieldTag::table:
        case FieldTag::nothing: return std::nullopt;
    }
    return std::nullopt;
}

std::optional<bool> FieldValueView::as_bool() const {
    if (tag_ != FieldTag::boolean) return std::nullopt;
    return payload_[0] != 0;
}

std::optional<double> FieldValueView::as_double() const {
    if (tag_ == FieldTag::float32) return std::bit_cast<float>(load_be<std::uint32_t>(payload_.data()));
    if (tag_ == FieldTag::float64) return std::bit_cast<double>(load_be<std::uint64_t>(payload_.data()));
    return std::nullopt;
}

std::optional<Decimal> FieldValueView::as_decimal() const {
    if (tag_ != FieldTag::decimal) return std::nullopt;
    return Decimal{payload_[0], load_be<std::uint32_t>(payload_.data() + 1)};
}

std::optional<std::uint64_t> FieldValueView::as_timestamp() const {
    if (tag_ != FieldTag::timestamp) return std::nullopt;
    return load_be<std::uint64_t>(payload_.data());
}

std::optional<std::string_view> FieldValueView::as_text() const {
    if (tag_ != FieldTag::text) return std::nullopt;
    return fantail::as_text(payload_);
}

std::optional<ByteView> FieldValueView::as_binary() const {
    if (tag_ != FieldTag::binary) return std::nullopt;
    return payload_;
}

std::optional<FieldTableView> FieldValueView::as_table() const {
    if (tag_ != FieldTag::table) return std::nullopt;
    return FieldTableView(payload_);
}

std::optional<FieldArrayView> FieldValueView::as_array() const {
    if (tag_ != FieldTag::array) return std::nullopt;
    return FieldArrayView(payload_);
}

bool FieldValueView::equals(const FieldValueView& other) const {
    if (const Number n = number_of(*this); n.kind != Number::Kind::none) return equal_numbers(n, number_of(other));
    if (is_bytes(tag_)) return is_bytes(other.tag_) && std::ranges::equal(payload_, other.payload_);
    if (tag_ != other.tag_) return false;
    if (tag_ == FieldTag::boolean) return as_bool() == other.as_bool();
    if (tag_ == FieldTag::table) return equal_tables(*as_table(), *other.as_table());
    if (tag_ == FieldTag::array) return equal_arrays(*as_array(), *other.as_array());
    return std::ranges::equal(payload_, other.payload_);
}

bool FieldCursor::next(FieldEntry& out) {
    if (in_.left() == 0) return false;
    out.name = in_.text(in_.u8());
    return read_value(in_, out.value);
}

bool FieldArrayCursor::next(FieldValueView& out) { return in_.left() != 0 && read_value(in_, out); }

std::optional<FieldValueView> FieldTableView::find(std::string_view name) const {
    FieldCursor cursor = entries();
    FieldEntry entry;
    while (cursor.next(entry)) {
        if (entry.name == name) return entry.value;
    }
    return std::nullopt;
}

Result<void> validate(FieldTableView table, unsigned depth_max) {
    switch (check_content(table.bytes(), true, depth_max)) {
        case Verdict::good: return {};
        case Verdict::bad: return fail(ErrorCode::malformed, "field table: cut off or unknown type tag");
        case Verdict::too_deep:
            return fail(ErrorCode::too_large, "field table: nested deeper than " + std::to_string(depth_max));
    }
    return fail(ErrorCode::internal, "field table: no verdict");
}

void FieldArrayBuilder::add(const FieldValueView& value) { put_value(content_, value.tag(), value.payload()); }
void FieldArrayBuilder::add_text(std::string_view v) { put_value(content_, FieldTag::text, as_bytes(v)); }
void FieldArrayBuilder::add_int(std::int64_t v) { put_value(content_, FieldTag::int64, Payload(v).bytes); }
void FieldArrayBuilder::add_table(FieldTableView v) { put_value(content_, FieldTag::table, v.bytes()); }

void FieldTableBuilder::set(std::string_view name, const FieldValueView& value) {
    FANTAIL_ASSERT(name.size() <= field_name_size_max);
    erase(name);
    Writer w(content_);
    w.u8(static_cast<std::uint8_t>(name.size()));
    w.raw(name);
    put_value(content_, value.tag(), value.payload());
}

void FieldTableBuilder::set_text(std::string_view name, std::string_view v) {
    set(name, {FieldTag::text, as_bytes(v)});
}
void FieldTableBuilder::set_binary(std::string_view name, ByteView v) { set(name, {FieldTag::binary, v}); }
void FieldTableBuilder::set_int(std::string_view name, std::int64_t v) {
    set(name, {FieldTag::int64, Payload(v).bytes});
}
void FieldTableBuilder::set_bool(std::string_view name, bool v) {
    set(name, {FieldTag::boolean, Payload(static_cast<std::uint8_t>(v)).bytes});
}
void FieldTableBuilder::set_double(std::string_view name, double v) {
    set(name, {FieldTag::float64, Payload(std::bit_cast<std::uint64_t>(v)).bytes});
}
void FieldTableBuilder::set_timestamp(std::string_view name, std::uint64_t seconds) {
    set(name, {FieldTag::timestamp, Payload(seconds).bytes});
}
void FieldTableBuilder::set_nothing(std::string_view name) { set(name, {FieldTag::nothing, {}}); }
void FieldTableBuilder::set_table(std::string_view name, FieldTableView v) { set(name, {FieldTag::table, v.bytes()}); }
void FieldTableBuilder::set_array(std::string_view name, FieldArrayView v) { set(name, {FieldTag::array, v.bytes()}); }

void FieldTableBuilder::copy(FieldTableView from) {
    FieldCursor cursor = from.entries();
    FieldEntry entry;
    while (cursor.next(entry)) set(entry.name, entry.value);
}

bool FieldTableBuilder::erase(std::string_view name) {
    bool found = false;
    std::size_t start = 0;
    while (start < content_.size()) {
        FieldCursor cursor(ByteView(content_).subspan(start));
        FieldEntry entry;
        if (!cursor.next(entry)) break;
        const std::size_t end = content_.size() - cursor.rest().size();
        if (entry.name != name) {
            start = end;
            continue;
        }
        found = true;
        content_.erase(content_.begin() + static_cast<std::ptrdiff_t>(start),
                       content_.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return found;
}

Bytes FieldTableBuilder::take() { return std::exchange(content_, {}); }

void FieldTableBuilder::encode(Bytes& out) const {
    FANTAIL_ASSERT(content_.size() <= field_payload_size_max);
    Writer w(out);
    w.u32(static_cast<std::uint32_t>(content_.size()));
    w.raw(content_);
}

}  // namespace fantail::record
