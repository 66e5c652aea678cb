// SPDX-License-Identifier: Apache-2.0
//! ZMTP 3.1's frames and commands (RFC 37), big endian.
//
//   frame    flags (1)  size (1, or 8 with LONG)  body
//   flags    bit 0 MORE   bit 1 LONG   bit 2 COMMAND   bits 3–7 zero
//   command  the body of a COMMAND frame: size of name (1)  name  data
//   READY    *( size (1) name  size (4) value )          ERROR      size (1) reason
//   PING     ttl (2, tenths of a second) context (0–16)  PONG       context
//   SUBSCRIBE, CANCEL  prefix
//   A subscription to a 3.0 peer is a message: 1 (add) or 0 (remove), then the prefix.
#pragma once

#include "base/bytes.hpp"
#include "patterns/output_queue.hpp"

namespace fantail::zmtp {

inline constexpr std::uint8_t flag_more = 1;
inline constexpr std::uint8_t flag_long = 2;
inline constexpr std::uint8_t flag_command = 4;

inline constexpr std::size_t short_body_max = 255;
inline constexpr std::size_t header_size_max = 9;
inline constexpr std::size_t command_size_max = 64u << 10;  ///< bytes of a command's body; more ends the connection
inline constexpr std::size_t part_overhead = 64;            ///< counted a part against the limit of a message
inline constexpr std::size_t gathered_body_max = 8u << 10;  ///< larger bodies are read straight to their place

using patterns::OutputQueue;

/// Writes a frame's header to `at`, which has header_size_max bytes of room. Returns its size.
inline std::size_t put_header(std::uint8_t* at, std::uint8_t flags, std::uint64_t size) {
    if (size <= short_body_max) {
        at[0] = flags;
        at[1] = static_cast<std::uint8_t>(size);
        return 2;
    }
    at[0] = flags | flag_long;
    store_be(at + 1, size);
    return header_size_max;
}

/// Appends a COMMAND frame.
inline void put_command(OutputQueue& out, std::string_view name, ByteView data) {
    const std::size_t size = 1 + name.size() + data.size();
    out.commit(put_header(out.room(header_size_max), flag_command, size));
    const auto name_size = static_cast<std::uint8_t>(name.size());
    out.append({&name_size, 1});
    out.append(as_bytes(name));
    out.append(data);
}

struct Command {
    std::string_view name;
    ByteView data;
};
/// The command in a frame's body; an empty name if it is malformed.
[[nodiscard]] inline Command parse_command(ByteView body) {
    Reader in(body);
    const std::string_view name = in.text(in.u8());
    return in.failed() ? Command{} : Command{name, in.rest()};
}

}  // namespace fantail::zmtp
