// SPDX-License-Identifier: Apache-2.0
//! Wire bytes as the protocol's guide writes them, for tests: hexadecimal digits, and text in single quotes.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace fantail::kafka {

/// "0003 'abc'" is 00 03 61 62 63. Spaces do not matter outside of quotes.
[[nodiscard]] inline Bytes sample_bytes(std::string_view text) {
    Bytes out;
    std::string digits;
    bool quoted = false;
    for (const char c : text) {
        if (c == '\'') quoted = !quoted;
        else if (quoted) out.push_back(static_cast<std::uint8_t>(c));
        else if (c != ' ') digits += c;
        if (digits.size() == 2) {
            out.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
            digits.clear();
        }
    }
    return out;
}

/// Two digits a byte, to compare with in failures.
[[nodiscard]] inline std::string hex(ByteView bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace fantail::kafka
