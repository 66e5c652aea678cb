// SPDX-License-Identifier: Apache-2.0
//! LEB128 and zigzag on raw pointers, for encoders that have checked their room once and decoders that are hot.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace fantail::record {

/// Maps signed to unsigned so that small magnitudes stay small (Kafka's varint and varlong).
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t v) {
    return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
/// The inverse of zigzag().
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t v) {
    return static_cast<std::int64_t>((v >> 1) ^ (0 - (v & 1)));
}

/// Bytes that the unsigned LEB128 of `v` takes, 1 to 10.
[[nodiscard]] constexpr std::size_t uvarint_size(std::uint64_t v) {
    return (static_cast<std::size_t>(std::bit_width(v | 1)) * 9 + 64) / 64;
}
/// Bytes that a length takes in Kafka's zigzag form.
[[nodiscard]] constexpr std::size_t length_size(std::size_t n) {
    return uvarint_size(static_cast<std::uint64_t>(n) << 1);
}

/// Writes `v` at `at`. REQUIRES uvarint_size(v) bytes of room. Returns the place behind it.
[[gnu::always_inline]] inline std::uint8_t* put_uvarint(std::uint8_t* at, std::uint64_t v) {
    while (v >= 0x80) {
        *at++ = static_cast<std::uint8_t>(v | 0x80);
        v >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(v);
    return at;
}
/// Writes a length in Kafka's zigzag form. REQUIRES length_size(n) bytes of room.
inline std::uint8_t* put_length(std::uint8_t* at, std::size_t n) {
    return put_uvarint(at, static_cast<std::uint64_t>(n) << 1);
}

/// Copies `v` to `at`, which may be anything when `v` is empty. Returns the place behind it.
inline std::uint8_t* put_bytes(std::uint8_t* at, ByteView v) {
    if (!v.empty()) std::memcpy(at, v.data(), v.size());
    return at + v.size();
}

/// Reads an unsigned LEB128 of any length up to 64 bits. Returns the place behind it, null when it is cut off or too long.
/// Takes and gives its pointer by value: a reference would keep the hot caller's pointer out of a register.
[[nodiscard, gnu::noinline]] inline const std::uint8_t* get_long_uvarint(const std::uint8_t* at,
                                                                         const std::uint8_t* end, std::uint64_t* v) {
    *v = 0;
    for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
        const std::uint8_t b = *at++;
        *v |= static_cast<std::uint64_t>(b & 0x7F) << shift;
        if (b < 0x80) return shift < 63 || b <= 1 ? at : nullptr;
    }
    return nullptr;
}
/// Reads an unsigned LEB128 and moves `at` behind it; inlined for the one and two byte forms that nearly all lengths have.
/// False when it is cut off or longer than 64 bits; `at` is then of no use.
[[nodiscard, gnu::always_inline]] inline bool get_uvarint(const std::uint8_t*& at, const std::uint8_t* end,
                                                          std::uint64_t& v) {
    if (end - at >= 2) [[likely]] {
        const std::uint8_t low = at[0];
        if (low < 0x80) {
            v = low;
            at += 1;
            return true;
        }
        const std::uint8_t high = at[1];
        if (high < 0x80) {
            v = (low & 0x7Fu) | (static_cast<std::uint32_t>(high) << 7);
            at += 2;
            return true;
        }
    }
    std::uint64_t long_value;
    at = get_long_uvarint(at, end, &long_value);
    v = long_value;
    return at != nullptr;
}

}  // namespace fantail::record
