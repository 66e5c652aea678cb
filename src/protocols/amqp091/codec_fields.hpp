// SPDX-License-Identifier: Apache-2.0
//! The field types of AMQP 0-9-1 on the wire: what the generated method codec is made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace fantail::amqp091 {

/// Who may send a method.
enum class Direction : std::uint8_t { to_server, to_client, both };

/// A field's type in methods.schema. The underscores keep clear of C++'s own words.
enum class FieldKind : std::uint8_t { bit_, octet_, short_, long_, longlong_, timestamp_, shortstr_, longstr_, table_ };

/// Longest shortstr in bytes: its length is one octet.
inline constexpr std::size_t shortstr_size_max = 255;

/// The longest beginning of `text` that fits a shortstr and does not cut a UTF-8 character in two.
[[nodiscard]] constexpr std::string_view clip_shortstr(std::string_view text) {
    if (text.size() <= shortstr_size_max) return text;
    std::size_t size = shortstr_size_max;
    while (size > shortstr_size_max - 4 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    return text.substr(0, size);
}

/// Readers and writers of single fields. A store_x writes at `p`, where the caller has made room, and returns the end.
namespace fields {

inline std::uint8_t read_octet(Reader& in) { return in.u8(); }
inline std::uint16_t read_short(Reader& in) { return in.u16(); }
inline std::uint32_t read_long(Reader& in) { return in.u32(); }
inline std::uint64_t read_longlong(Reader& in) { return in.u64(); }
inline std::uint64_t read_timestamp(Reader& in) { return in.u64(); }
inline std::string_view read_shortstr(Reader& in) { return in.text(in.u8()); }
inline std::string_view read_longstr(Reader& in) { return in.text(in.u32()); }
inline ByteView read_table(Reader& in) { return in.take(in.u32()); }

template <std::integral T>
inline std::uint8_t* store(std::uint8_t* p, T v) {
    store_be(p, v);
    return p + sizeof v;
}
inline std::uint8_t* store_octet(std::uint8_t* p, std::uint8_t v) { return store(p, v); }
inline std::uint8_t* store_short(std::uint8_t* p, std::uint16_t v) { return store(p, v); }
inline std::uint8_t* store_long(std::uint8_t* p, std::uint32_t v) { return store(p, v); }
inline std::uint8_t* store_longlong(std::uint8_t* p, std::uint64_t v) { return store(p, v); }
inline std::uint8_t* store_timestamp(std::uint8_t* p, std::uint64_t v) { return store(p, v); }

inline std::uint8_t* store_raw(std::uint8_t* p, ByteView v) {
    // An empty view may be null, which memcpy forbids.
    if (!v.empty()) std::memcpy(p, v.data(), v.size());
    return p + v.size();
}
inline std::uint8_t* store_shortstr(std::uint8_t* p, std::string_view v) {
    FANTAIL_ASSERT(v.size() <= shortstr_size_max);
    *p = static_cast<std::uint8_t>(v.size());
    return store_raw(p + 1, as_bytes(v));
}
inline std::uint8_t* store_table(std::uint8_t* p, ByteView v) {
    FANTAIL_ASSERT(v.size() <= std::numeric_limits<std::uint32_t>::max());
    return store_raw(store_long(p, static_cast<std::uint32_t>(v.size())), v);
}
inline std::uint8_t* store_longstr(std::uint8_t* p, std::string_view v) { return store_table(p, as_bytes(v)); }

}  // namespace fields
}  // namespace fantail::amqp091
