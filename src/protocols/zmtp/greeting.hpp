// SPDX-License-Identifier: Apache-2.0
//! The 64 bytes with which each end begins: version and security mechanism.
//
//   FF  padding (8)  7F  major (1)  minor (1)  mechanism (20, zero-padded)  as-server (1)  zeros (31)
#pragma once

#include <array>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::zmtp {

inline constexpr std::size_t greeting_size = 64;

struct Greeting {
    std::uint8_t major = 3;
    std::uint8_t minor = 1;
    std::string mechanism;  ///< up to 20 bytes
    bool as_server = false;

    [[nodiscard]] bool has_commands() const { return major > 3 || minor >= 1; }  ///< 3.0 has no SUBSCRIBE, no PING
};

[[nodiscard]] std::array<std::uint8_t, greeting_size> encode(const Greeting& greeting);

/// Whether `begin`, the first bytes of a connection (up to 64), can still become a greeting that we understand. Errors: malformed
/// (no ZMTP at all), unsupported (ZMTP 1.0 or 2.0).
[[nodiscard]] Result<void> check_begin(ByteView begin);

/// \param bytes greeting_size of them that check_begin() accepts
[[nodiscard]] Result<Greeting> decode_greeting(ByteView bytes);

}  // namespace fantail::zmtp
