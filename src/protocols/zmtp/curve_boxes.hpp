// SPDX-License-Identifier: Apache-2.0
//! CURVE's boxes: libsodium's functions with the nonces of RFC 26.
#pragma once

#include <sodium.h>

#include <array>
#include <cstring>
#include <optional>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "protocols/zmtp/mechanism.hpp"

namespace fantail::zmtp {

inline constexpr std::size_t box_overhead = crypto_box_MACBYTES;
inline constexpr std::size_t short_nonce_size = 8;
inline constexpr std::size_t long_nonce_size = 16;
static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32 && crypto_box_NONCEBYTES == 24);

using Nonce = std::array<std::uint8_t, crypto_box_NONCEBYTES>;

/// A prefix of 16 characters and a number, or one of 8 characters and 16 bytes.
inline Nonce nonce_of(std::string_view prefix, ByteView rest) {
    FANTAIL_ASSERT(prefix.size() + rest.size() == crypto_box_NONCEBYTES);
    Nonce nonce;
    std::memcpy(nonce.data(), prefix.data(), prefix.size());
    std::memcpy(nonce.data() + prefix.size(), rest.data(), rest.size());
    return nonce;
}
inline std::array<std::uint8_t, short_nonce_size> short_nonce(std::uint64_t number) {
    std::array<std::uint8_t, short_nonce_size> bytes;
    store_be(bytes.data(), number);
    return bytes;
}
inline std::array<std::uint8_t, long_nonce_size> long_nonce() {
    std::array<std::uint8_t, long_nonce_size> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

struct KeyPair {
    CurveKey open;
    CurveKey secret;

    KeyPair() { FANTAIL_ASSERT(crypto_box_keypair(open.data(), secret.data()) == 0); }
    KeyPair(const KeyPair&) = delete;
    KeyPair& operator=(const KeyPair&) = delete;
    ~KeyPair() { sodium_memzero(secret.data(), secret.size()); }
};

/// Box [plain](from → to). An empty result: the receiver's key is not one.
inline Bytes seal_box(ByteView plain, const Nonce& nonce, const CurveKey& to, const CurveKey& from_secret) {
    Bytes box(plain.size() + box_overhead);
    if (crypto_box_easy(box.data(), plain.data(), plain.size(), nonce.data(), to.data(), from_secret.data()) != 0)
        return {};
    return box;
}
/// What is in it, or nothing if it was not made by `from` for us.
inline std::optional<Bytes> open_box(ByteView box, const Nonce& nonce, const CurveKey& from,
                                     const CurveKey& own_secret) {
    if (box.size() < box_overhead) return std::nullopt;
    Bytes plain(box.size() - box_overhead);
    if (crypto_box_open_easy(plain.data(), box.data(), box.size(), nonce.data(), from.data(), own_secret.data()) != 0)
        return std::nullopt;
    return plain;
}
inline CurveKey key_at(ByteView bytes, std::size_t at) {
    CurveKey key;
    std::memcpy(key.data(), bytes.subspan(at, key.size()).data(), key.size());
    return key;
}

}  // namespace fantail::zmtp
