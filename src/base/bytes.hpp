// SPDX-License-Identifier: Apache-2.0
//! Byte views, big- and little-endian reading and writing with bounds, and shared immutable buffers.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"

namespace fantail {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// Leaves new bytes uninitialised where a vector would zero them: buffers are overwritten at once, and the zeroing shows
/// in profiles.
template <class T>
struct UninitializedAllocator : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = UninitializedAllocator<U>;
    };
    template <class U>
    void construct(U* p) noexcept {
        ::new (static_cast<void*>(p)) U;
    }
    template <class U, class... Args>
    void construct(U* p, Args&&... args) {
        ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
    }
};

/// Owned bytes. `resize` leaves the new ones undefined: write them before reading them.
using Bytes = std::vector<std::uint8_t, UninitializedAllocator<std::uint8_t>>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Makes room for `more` bytes behind the present ones, growing geometrically, by one memcpy. A vector's own growth, insert
/// and assign move byte by byte with this allocator: in hot paths use this, append() and to_bytes() instead.
inline void reserve_more(Bytes& buffer, std::size_t more) {
    const std::size_t size = buffer.size();
    if (buffer.capacity() - size >= more) return;
    Bytes larger;
    larger.reserve(std::max(size + more, buffer.capacity() * 2));
    larger.resize(size);
    if (size > 0) std::memcpy(larger.data(), buffer.data(), size);
    buffer.swap(larger);
}

/// Appends by one memcpy.
inline void append(Bytes& to, ByteView bytes) {
    if (bytes.empty()) return;
    const std::size_t at = to.size();
    reserve_more(to, bytes.size());
    to.resize(at + bytes.size());
    std::memcpy(to.data() + at, bytes.data(), bytes.size());
}
/// An owned copy.
[[nodiscard]] inline Bytes to_bytes(ByteView bytes) {
    Bytes copy;
    append(copy, bytes);
    return copy;
}

/// Converts between the machine's order and big endian (its own inverse).
template <std::integral T>
[[nodiscard]] constexpr T big_endian(T v) {
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) return v;
    else return std::byteswap(v);
}

template <std::integral T>
[[nodiscard]] inline T load_be(const std::uint8_t* p) {
    T v;
    std::memcpy(&v, p, sizeof v);
    return big_endian(v);
}
template <std::integral T>
inline void store_be(std::uint8_t* p, T v) {
    v = big_endian(v);
    std::memcpy(p, &v, sizeof v);
}

/// Reads forward over borrowed bytes. A read past the end gives zero or empty and sets `failed()` for good, so that
/// a decoder reads a whole structure and checks once. Never reads out of bounds.
class Reader {
public:
    explicit Reader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] bool done() const { return !failed_ && at_ == end_; }
    /// The unread bytes; a view that lives as long as the input.
    [[nodiscard]] ByteView rest() const { return {at_, left()}; }

    template <std::integral T>
    T be() {
        if (!need(sizeof(T))) return T{};
        T v = load_be<T>(at_);
        at_ += sizeof(T);
        return v;
    }
    std::uint8_t u8() { return be<std::uint8_t>(); }
    std::uint16_t u16() { return be<std::uint16_t>(); }
    std::uint32_t u32() { return be<std::uint32_t>(); }
    std::uint64_t u64() { return be<std::uint64_t>(); }

    /// `n` bytes as a view into the input.
    ByteView take(std::size_t n) {
        if (!need(n)) return {};
        ByteView v{at_, n};
        at_ += n;
        return v;
    }
    std::string_view text(std::size_t n) { return as_text(take(n)); }
    /// Unsigned LEB128, at most 64 bits (docs/formats/batch.md).
    std::uint64_t uvarint() {
        std::uint64_t v = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t b = u8();
            v |= static_cast<std::uint64_t>(b & 0x7F) << shift;
            if (b < 0x80) return v;
        }
        failed_ = true;
        return 0;
    }
    /// Zigzag LEB128, as Kafka's varint and varlong.
    std::int64_t svarint() {
        const std::uint64_t v = uvarint();
        return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
    }
    void fail() {
        failed_ = true;
        at_ = end_;
    }

private:
    bool need(std::size_t n) {
        if (left() >= n) [[likely]]
            return true;
        fail();
        return false;
    }
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool failed_ = false;
};

/// Appends to a growing vector. Amortised growth only; hot paths write into arenas instead.
class Writer {
public:
    explicit Writer(Bytes& out) : out_(out) {}

    template <std::integral T>
    void be(T v) {
        const std::size_t at = out_.size();
        reserve_more(out_, sizeof(T));
        out_.resize(at + sizeof(T));
        store_be(out_.data() + at, v);
    }
    void u8(std::uint8_t v) { out_.push_back(v); }
    void u16(std::uint16_t v) { be(v); }
    void u32(std::uint32_t v) { be(v); }
    void u64(std::uint64_t v) { be(v); }
    void raw(ByteView v) { append(out_, v); }
    void raw(std::string_view v) { raw(as_bytes(v)); }
    void uvarint(std::uint64_t v) {
        while (v >= 0x80) {
            out_.push_back(static_cast<std::uint8_t>(v | 0x80));
            v >>= 7;
        }
        out_.push_back(static_cast<std::uint8_t>(v));
    }
    void svarint(std::int64_t v) {
        uvarint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
    }
    /// Length-prefixed (uvarint) text: the form of every string in our own formats.
    void string(std::string_view v) {
        uvarint(v.size());
        raw(v);
    }
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    [[nodiscard]] Bytes& bytes() { return out_; }

private:
    Bytes& out_;
};

/// Length-prefixed (uvarint) text, the inverse of Writer::string.
[[nodiscard]] inline std::string_view read_string(Reader& in) { return in.text(in.uvarint()); }

/// An immutable byte buffer shared between cores; freed when the last holder lets go. The only shared_ptr in hot paths,
/// and only once per batch, never per message.
using SharedBytes = std::shared_ptr<const Bytes>;

}  // namespace fantail
