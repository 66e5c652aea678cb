// SPDX-License-Identifier: Apache-2.0
//! The field types of the Kafka protocol on the wire: what the generated message codec is made of.
//
// Big endian. Each API version is flexible or not:
//
//             not flexible                       flexible
//   string    i16 length, -1 null                uvarint length + 1, 0 null
//   bytes     i32 length, -1 null                uvarint length + 1, 0 null
//   array     i32 count, -1 null                 uvarint count + 1, 0 null
//   struct    its fields                         its fields, uvarint count of tagged fields, {uvarint tag, uvarint size, field}
//
// A struct that may be null is preceded by an i8: -1 null, 1 present. uvarints have at most 32 bits.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "protocols/kafka/errors.hpp"

namespace fantail::kafka {

/// 16 bytes that name a topic or a directory; all zero is none.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};
    friend bool operator==(const Uuid&, const Uuid&) = default;
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// Record batches to be sent: one piece, or one and more that follow it. Views; the bytes must live until encoded.
struct Pieces {
    ByteView first{};
    std::span<const ByteView> more{};

    [[nodiscard]] std::size_t size() const {
        std::size_t total = first.size();
        for (const ByteView piece : more) total += piece.size();
        return total;
    }
};

/// The versions of a message that this codec speaks, and from which on they are flexible (flexible_never: none).
struct VersionRange {
    std::int16_t min = 0;
    std::int16_t max = 0;
    std::int16_t first_flexible = 0;

    [[nodiscard]] constexpr bool contains(std::int16_t version) const { return min <= version && version <= max; }
    [[nodiscard]] constexpr bool flexible(std::int16_t version) const { return version >= first_flexible; }
};
inline constexpr std::int16_t flexible_never = 0x7FFF;

/// Most memory, in bytes, that the arrays of one decoded message may take: an element can be larger than its encoding.
inline constexpr std::size_t decoded_size_max = 32u << 20;

/// Reads the fields of one message. Like Reader: what is not there reads as zero or empty, and sets `failed()` for good.
/// Never reads out of bounds; views live as long as the input.
class Decoder {
public:
    /// A tagged field that is being read.
    struct Tag {
        std::uint32_t id = 0;
        std::size_t left_behind = 0;  ///< bytes that follow the field
    };

    Decoder(ByteView message, std::int16_t version, bool flexible)
        : in_(message), version_(version), flexible_(flexible) {}

    [[nodiscard]] std::int16_t version() const { return version_; }
    [[nodiscard]] bool failed() const { return in_.failed(); }
    [[nodiscard]] std::size_t left() const { return in_.left(); }
    [[nodiscard]] ByteView rest() const { return in_.rest(); }
    /// What is wrong, for people. REQUIRES failed().
    [[nodiscard]] std::string_view fault() const { return fault_.empty() ? "ends early" : fault_; }

    template <std::integral T>
    T number() {
        return in_.be<T>();
    }
    bool boolean() { return in_.u8() != 0; }
    ApiError error() { return ApiError{number<std::int16_t>()}; }
    double float64() { return std::bit_cast<double>(in_.u64()); }
    Uuid uuid();

    std::string_view string();
    /// Null where the version has no null is malformed; the same holds below.
    std::optional<std::string_view> nullable_string(bool null_allowed);
    ByteView bytes();
    std::optional<ByteView> nullable_bytes(bool null_allowed);
    /// Bytes, where null is the same as none.
    ByteView records();

    /// Whether a struct that may be null is there.
    bool present();

    /// Makes `out` as long as the array that follows, whose elements take at least `wire_size_min` bytes each.
    template <class T>
    void array(std::vector<T>& out, std::size_t wire_size_min) {
        make(out, array_size(wire_size_min, sizeof(T), false));
    }
    /// The same of an array that may be null. Returns whether it is not.
    template <class T>
    bool nullable_array(std::optional<std::vector<T>>& out, std::size_t wire_size_min, bool null_allowed) {
        const std::int64_t count = array_size(wire_size_min, sizeof(T), null_allowed);
        if (count < 0) return false;
        make(out.emplace(), count);
        return true;
    }
    template <std::integral T>
    void read_all(std::vector<T>& out) {
        for (T& element : out) element = number<T>();
    }
    void read_all(std::vector<std::string_view>& out) {
        for (std::string_view& element : out) element = string();
    }

    /// How many tagged fields follow; none in versions that are not flexible.
    std::uint32_t tag_count();
    Tag begin_tag();
    /// Passes over a tagged field that is not known.
    void skip_tag(const Tag& tag);
    /// Checks that the field took the bytes it said.
    void end_tag(const Tag& tag);
    void skip_tags();

private:
    template <class T>
    static void make(std::vector<T>& out, std::int64_t count) {
        if (count <= 0) return;
        std::vector<T> fresh(static_cast<std::size_t>(count));
        out.swap(fresh);
    }
    void fail(std::string_view fault);
    std::uint32_t uvarint();
    std::int64_t string_size();
    std::int64_t bytes_size();
    std::int64_t array_size(std::size_t wire_size_min, std::size_t memory_size, bool null_allowed);

    Reader in_;
    std::int16_t version_;
    bool flexible_;
    std::size_t memory_left_ = decoded_size_max;
    std::string_view fault_;
};

/// Appends the fields of one message. The bytes are complete when it is gone or finish() was called; until then nobody
/// else may touch the buffer.
class Encoder {
public:
    Encoder(Bytes& out, std::int16_t version, bool flexible)
        : out_(out), version_(version), flexible_(flexible), at_(out.data() + out.size()), end_(at_) {}
    ~Encoder() { finish(); }
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    [[nodiscard]] std::int16_t version() const { return version_; }
    /// Bytes in the buffer, those before this message included.
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - out_.data()); }
    /// Cuts the buffer to what was written.
    void finish();

    template <std::integral T>
    void number(T v) {
        need(sizeof v);
        store_be(at_, v);
        at_ += sizeof v;
    }
    void boolean(bool v) { number<std::uint8_t>(v ? 1 : 0); }
    void error(ApiError v) { number(static_cast<std::int16_t>(v)); }
    void float64(double v) { number(std::bit_cast<std::uint64_t>(v)); }
    void uuid(const Uuid& v) { raw(v.bytes); }

    /// Longer than 32767 bytes is cut where the version's length field demands it.
    void string(std::string_view v);
    /// Null where the version has no null is written as empty; the same holds below.
    void nullable_string(const std::optional<std::string_view>& v, bool null_allowed);
    void bytes(ByteView v);
    void nullable_bytes(const std::optional<ByteView>& v, bool null_allowed);
    void records(ByteView v) { bytes(v); }
    void records(const Pieces& v);

    void present(bool v) { number<std::int8_t>(v ? 1 : -1); }

    void array_size(std::size_t count);
    void null_array(bool null_allowed);
    template <std::integral T>
    void write_all(const std::vector<T>& v) {
        array_size(v.size());
        for (const T element : v) number(element);
    }
    void write_all(const std::vector<std::string_view>& v);

    /// Opens the list of tagged fields; nothing in versions that are not flexible, where `count` must be 0.
    void tag_count(std::uint32_t count);
    /// Returns what end_tag() wants.
    std::size_t begin_tag(std::uint32_t tag);
    void end_tag(std::size_t at);

    void uvarint(std::uint32_t v);
    void raw(ByteView v);

private:
    void need(std::size_t n) {
        if (static_cast<std::size_t>(end_ - at_) < n) [[unlikely]]
            grow(n);
    }
    void grow(std::size_t n);
    void bytes_size(std::size_t n);

    Bytes& out_;
    std::int16_t version_;
    bool flexible_;
    std::uint8_t* at_;
    std::uint8_t* end_;
};

}  // namespace fantail::kafka
