// SPDX-License-Identifier: Apache-2.0
//! SCRAM's credentials and the functions that they are made by (RFC 5802 §3, RFC 7677).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace fantail::sasl {

/// The numbers are those of stored credentials, and never change.
enum class ScramMechanism : std::uint8_t { sha_256 = 1, sha_512 = 2 };
inline constexpr ScramMechanism scram_mechanisms[] = {ScramMechanism::sha_256, ScramMechanism::sha_512};

/// Fewer rounds are refused by clients (RFC 7677 §4).
inline constexpr std::uint32_t scram_iterations_min = 4096;
/// Bytes of a salt.
inline constexpr std::size_t scram_salt_size_max = 255;

/// As clients choose it: "SCRAM-SHA-256".
[[nodiscard]] std::string_view name_of(ScramMechanism mechanism);
[[nodiscard]] std::optional<ScramMechanism> scram_mechanism(std::string_view name);
/// Bytes of the mechanism's hash, and so of its keys.
[[nodiscard]] std::size_t digest_size(ScramMechanism mechanism);

/// What a server keeps of a password: enough to recognise who knows it, and to prove to him that the server does.
struct ScramCredential {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    std::uint32_t iterations = 0;
    Bytes salt;        ///< 1 … scram_salt_size_max bytes
    Bytes stored_key;  ///< digest_size() bytes, as is the next
    Bytes server_key;

    bool operator==(const ScramCredential&) const = default;
};

/// A password after PBKDF2. Whoever has it can log in as if he knew the password.
struct SaltedPassword {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    std::uint32_t iterations = 0;
    ByteView salt;
    ByteView bytes;  ///< digest_size() of them
};
[[nodiscard]] ScramCredential scram_credential(const SaltedPassword& password);

/// How a password is salted.
struct Salting {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    std::uint32_t iterations = 0;  ///< from 1; a thousand take about a millisecond
    ByteView salt;
};
/// PBKDF2 of the password as it is: no SASLprep, as in Kafka.
[[nodiscard]] Bytes salt_password(std::string_view password, const Salting& salting);

[[nodiscard]] Bytes scram_hash(ScramMechanism mechanism, ByteView text);
[[nodiscard]] Bytes scram_hmac(ScramMechanism mechanism, ByteView key, std::string_view text);
/// What a client proves its knowledge by: HMAC(SaltedPassword, "Client Key"); its hash is the StoredKey.
[[nodiscard]] Bytes scram_client_key(ScramMechanism mechanism, ByteView salted_password);
/// Compares in a time that depends on the sizes alone.
[[nodiscard]] bool same_secret(ByteView a, ByteView b);

}  // namespace fantail::sasl
