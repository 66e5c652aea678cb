// SPDX-License-Identifier: Apache-2.0
//! The greeting's codec, and the recognition of older peers.
#include "protocols/zmtp/greeting.hpp"

#include <algorithm>

namespace fantail::zmtp {

static constexpr std::size_t signature_size = 10;
static constexpr std::size_t mechanism_at = 12;
static constexpr std::size_t mechanism_size = 20;
static constexpr std::size_t as_server_at = 32;

std::array<std::uint8_t, greeting_size> encode(const Greeting& greeting) {
    std::array<std::uint8_t, greeting_size> out{};
    out[0] = 0xFF;
    out[9] = 0x7F;
    out[10] = greeting.major;
    out[11] = greeting.minor;
    std::ranges::copy(greeting.mechanism.substr(0, mechanism_size), out.begin() + mechanism_at);
    out[as_server_at] = greeting.as_server ? 1 : 0;
    return out;
}

Result<void> check_begin(ByteView begin) {
    if (begin.empty()) return {};
    // ZMTP 1.0 begins with its identity as a frame: a short size, or FF, eight bytes of size and flags with bit 0 clear.
    const bool signed_begin = begin[0] == 0xFF && (begin.size() < signature_size || (begin[9] & 1) == 1);
    if (!signed_begin) return fail(ErrorCode::malformed, "the peer does not begin as ZMTP 2.0 or later does");
    if (begin.size() > signature_size && begin[signature_size] < 3) {
        return fail(ErrorCode::unsupported, "the peer speaks ZMTP 2.0; 3.0 is the oldest that is spoken here");
    }
    return {};
}

Result<Greeting> decode_greeting(ByteView bytes) {
    FANTAIL_CHECK(check_begin(bytes));
    Greeting greeting{.major = bytes[10], .minor = bytes[11]};
    const std::string_view field = as_text(bytes.subspan(mechanism_at, mechanism_size));
    greeting.mechanism = std::string(field.substr(0, field.find('\0')));
    const auto is_legal = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '+';
    };
    if (greeting.mechanism.empty() || !std::ranges::all_of(greeting.mechanism, is_legal)) {
        return fail(ErrorCode::malformed, "the greeting's mechanism is not a name");
    }
    greeting.as_server = bytes[as_server_at] == 1;
    return greeting;
}

}  // namespace fantail::zmtp
