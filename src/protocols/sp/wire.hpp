// SPDX-License-Identifier: Apache-2.0
//! SP's bytes on a stream (sp-tcp-mapping-01, sp-ipc-mapping-01), big endian.
//
//   greeting  00 'S' 'P' 00  protocol (2)  00 00                   each end sends one, unprompted
//   TCP       size (8)  message
//   unix      01  size (8)  message
//   message   header  body
//   header    of PAIR v1: hops (4), 1 to 255
//             of REQ, REP, SURVEYOR, RESPONDENT: words (4 each), the last one alone with its high bit set
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "protocols/sp/protocols.hpp"

namespace fantail::sp {

inline constexpr std::size_t greeting_size = 8;
inline constexpr std::size_t frame_header_max = 9;
inline constexpr std::size_t word_size = 4;
inline constexpr std::size_t words_max = 255;               ///< of a message
inline constexpr std::size_t gathered_size_max = 8u << 10;  ///< larger messages are read straight to their place
inline constexpr std::uint8_t ipc_message = 1;              ///< the one type of frames on unix sockets

[[nodiscard]] inline std::array<std::uint8_t, greeting_size> encode_greeting(Protocol protocol) {
    const auto number = static_cast<std::uint16_t>(protocol);
    return {0, 'S', 'P', 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xFF), 0, 0};
}

}  // namespace fantail::sp
