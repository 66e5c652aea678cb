// SPDX-License-Identifier: Apache-2.0
//! Keys of CURVE, and Z85 (RFC 32): four bytes as five characters.
#include <cstring>

#include "protocols/zmtp/curve.hpp"
#include "protocols/zmtp/curve_boxes.hpp"

namespace fantail::zmtp {

static constexpr std::string_view digits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
static constexpr std::size_t z85_key_size = 40;

CurveKey curve_public_key(const CurveKey& secret) {
    CurveKey key;
    FANTAIL_ASSERT(crypto_scalarmult_base(key.data(), secret.data()) == 0);
    return key;
}

CurveKey curve_secret_key() { return KeyPair().secret; }

std::string to_z85(const CurveKey& key) {
    std::string text;
    for (std::size_t i = 0; i < key.size(); i += 4) {
        const std::uint32_t value = load_be<std::uint32_t>(key.data() + i);
        for (std::uint32_t divisor = 85 * 85 * 85 * 85; divisor > 0; divisor /= 85)
            text += digits[value / divisor % 85];
    }
    return text;
}

Result<CurveKey> curve_key(std::string_view text) {
    CurveKey key;
    if (text.size() == key.size()) {
        std::memcpy(key.data(), text.data(), key.size());
        return key;
    }
    if (text.size() != z85_key_size)
        return fail(ErrorCode::malformed, "a CURVE key has 32 bytes, or 40 characters of Z85");
    for (std::size_t i = 0; i < z85_key_size; i += 5) {
        std::uint64_t value = 0;
        for (const char c : text.substr(i, 5)) {
            const std::size_t digit = digits.find(c);
            if (digit == std::string_view::npos)
                return fail(ErrorCode::malformed, "a CURVE key with a character that is not Z85's");
            value = value * 85 + digit;
        }
        if (value > 0xFFFF'FFFF) return fail(ErrorCode::malformed, "a CURVE key that is not Z85");
        store_be(key.data() + i / 5 * 4, static_cast<std::uint32_t>(value));
    }
    return key;
}

}  // namespace fantail::zmtp
