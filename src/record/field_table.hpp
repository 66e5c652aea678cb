// SPDX-License-Identifier: Apache-2.0
//! Typed key-value tables in the wire encoding of AMQP 0-9-1 as RabbitMQ speaks it (docs/formats/envelope.md).
//
// Big endian. A table's content is entries back to back: name (u8 length + bytes), tag u8, payload.
// Integer tags mean what RabbitMQ makes of them, not what the specification's grammar says ('s' is a short integer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::record {

/// How deep tables and arrays may nest; the outermost table has depth 1.
inline constexpr unsigned field_table_depth_max = 32;
/// The longest name of an entry, in bytes.
inline constexpr std::size_t field_name_size_max = 255;
/// The longest payload or content that the u32 length can state, in bytes.
inline constexpr std::size_t field_payload_size_max = 0xFFFF'FFFF;

/// The tag bytes of the wire. Payloads: the fixed ones are big endian, the others are preceded by a u32 length.
enum class FieldTag : std::uint8_t {
    boolean = 't',
    int8 = 'b',
    uint8 = 'B',
    int16 = 's',
    uint16 = 'u',
    int32 = 'I',
    uint32 = 'i',
    int64 = 'l',
    int64_alias = 'L',  ///< another spelling of int64, kept as it came
    float32 = 'f',
    float64 = 'd',
    decimal = 'D',  ///< u8 scale, u32 digits
    text = 'S',
    binary = 'x',
    array = 'A',
    timestamp = 'T',  ///< u64 seconds since 1970
    table = 'F',
    nothing = 'V',
};

class FieldTableView;
class FieldArrayView;

/// digits / 10^scale
struct Decimal {
    std::uint8_t scale = 0;
    std::uint32_t digits = 0;
    bool operator==(const Decimal&) const = default;
};

/// One value: its tag and its payload, without the length that may precede it. Views borrow the input's bytes.
/// Getters answer nullopt when the value is of another kind.
class FieldValueView {
public:
    FieldValueView() = default;
    /// REQUIRES a payload of the size that the tag fixes.
    FieldValueView(FieldTag tag, ByteView payload);

    [[nodiscard]] FieldTag tag() const { return tag_; }
    [[nodiscard]] ByteView payload() const { return payload_; }

    [[nodiscard]] bool is_nothing() const { return tag_ == FieldTag::nothing; }
    /// Any integer kind, of any width and sign; not timestamps.
    [[nodiscard]] std::optional<std::int64_t> as_int() const;
    [[nodiscard]] std::optional<bool> as_bool() const;
    /// Either floating kind.
    [[nodiscard]] std::optional<double> as_double() const;
    [[nodiscard]] std::optional<Decimal> as_decimal() const;
    /// Seconds since 1970.
    [[nodiscard]] std::optional<std::uint64_t> as_timestamp() const;
    [[nodiscard]] std::optional<std::string_view> as_text() const;
    [[nodiscard]] std::optional<ByteView> as_binary() const;
    [[nodiscard]] std::optional<FieldTableView> as_table() const;
    [[nodiscard]] std::optional<FieldArrayView> as_array() const;

    /// Equality as RabbitMQ compares header values: numbers (integers, floats, timestamps) by value whatever their
    /// width, text and binary by their bytes, everything else only within its own kind. NaN equals nothing.
    [[nodiscard]] bool equals(const FieldValueView& other) const;

private:
    FieldTag tag_ = FieldTag::nothing;
    ByteView payload_{};
};

/// One entry of a table.
struct FieldEntry {
    std::string_view name;
    FieldValueView value;
};

/// Walks the entries of a table. False at the end and on bad bytes, which failed() tells apart.
class FieldCursor {
public:
    explicit FieldCursor(ByteView content) : in_(content) {}
    [[nodiscard]] bool next(FieldEntry& out);
    [[nodiscard]] bool failed() const { return in_.failed(); }
    /// The bytes not yet walked.
    [[nodiscard]] ByteView rest() const { return in_.rest(); }

private:
    Reader in_;
};

/// Walks the values of an array. False at the end and on bad bytes, which failed() tells apart.
class FieldArrayCursor {
public:
    explicit FieldArrayCursor(ByteView content) : in_(content) {}
    [[nodiscard]] bool next(FieldValueView& out);
    [[nodiscard]] bool failed() const { return in_.failed(); }

private:
    Reader in_;
};

/// A table's content: the bytes behind its u32 length. Borrowed.
class FieldTableView {
public:
    FieldTableView() = default;
    explicit FieldTableView(ByteView content) : content_(content) {}

    [[nodiscard]] ByteView bytes() const { return content_; }
    [[nodiscard]] bool empty() const { return content_.empty(); }
    [[nodiscard]] FieldCursor entries() const { return FieldCursor(content_); }
    /// The first entry of this name; names are compared byte by byte.
    [[nodiscard]] std::optional<FieldValueView> find(std::string_view name) const;

private:
    ByteView content_{};
};

/// An array's content: the bytes behind its u32 length. Borrowed.
class FieldArrayView {
public:
    FieldArrayView() = default;
    explicit FieldArrayView(ByteView content) : content_(content) {}

    [[nodiscard]] ByteView bytes() const { return content_; }
    [[nodiscard]] FieldArrayCursor values() const { return FieldArrayCursor(content_); }

private:
    ByteView content_{};
};

/// Checks every entry at every depth.
/// Errors: malformed (cut off, unknown tag), too_large (nested deeper than depth_max, which counts `table` as 1).
[[nodiscard]] Result<void> validate(FieldTableView table, unsigned depth_max = field_table_depth_max);

/// Builds the content of an array. REQUIRES payloads up to field_payload_size_max.
class FieldArrayBuilder {
public:
    void add(const FieldValueView& value);
    void add_text(std::string_view v);
    void add_int(std::int64_t v);
    void add_table(FieldTableView v);
    /// Valid until the next change.
    [[nodiscard]] FieldArrayView view() const { return FieldArrayView(content_); }

private:
    Bytes content_;
};

/// Builds or edits a table's content. A set replaces the entry of that name, if any, and puts the new one last.
/// REQUIRES names up to field_name_size_max and payloads up to field_payload_size_max. Arguments must not be views
/// into the builder's own bytes.
class FieldTableBuilder {
public:
    FieldTableBuilder() = default;
    /// Starts from a copy of a valid table.
    explicit FieldTableBuilder(FieldTableView from) : content_(from.bytes().begin(), from.bytes().end()) {}

    void set(std::string_view name, const FieldValueView& value);
    void set_text(std::string_view name, std::string_view v);
    void set_binary(std::string_view name, ByteView v);
    void set_int(std::string_view name, std::int64_t v);  ///< tag int64
    void set_bool(std::string_view name, bool v);
    void set_double(std::string_view name, double v);
    void set_timestamp(std::string_view name, std::uint64_t seconds);
    void set_nothing(std::string_view name);
    void set_table(std::string_view name, FieldTableView v);
    void set_array(std::string_view name, FieldArrayView v);
    /// Sets every entry of a valid table, in its order.
    void copy(FieldTableView from);
    /// Removes all entries of this name. Returns whether there was one.
    bool erase(std::string_view name);
    void clear() { content_.clear(); }

    /// Valid until the next change.
    [[nodiscard]] FieldTableView view() const { return FieldTableView(content_); }
    /// The content; the builder is empty afterwards.
    [[nodiscard]] Bytes take();
    /// Appends the u32 length and the content.
    void encode(Bytes& out) const;

private:
    Bytes content_;
};

}  // namespace fantail::record
