// SPDX-License-Identifier: Apache-2.0
//! What a user may log in by, as `UserDefinition::password_hash` holds it.
//
//   stored:  nothing                                                  nobody logs in by a password or by SCRAM
//          | form u8 = 1 | iterations u32 | salt 16 | PBKDF2 32       a password, as SCRAM's SaltedPassword: read, not written
//          | form u8 = 2 | salt 4 | SHA-256 of salt and password      a password, from RabbitMQ
//          | form u8 = 3 | salt 4 | SHA-512 of salt and password      a password, from RabbitMQ
//          | form u8 = 4 | iterations u32 | salt 16 | StoredKey 32    a password
//          | form u8 = 5 | entry*                                     a set
//   entry:   kind u8 | size u16 | body                                each kind at most once, in rising order
//     kind 0: a password in one of the forms 1 … 4
//     kind 1: a credential of SCRAM-SHA-256, kind 2: of SCRAM-SHA-512
//             iterations u32 | salt_size u8 | salt | StoredKey | ServerKey
//
// Numbers are big endian. docs/formats/catalog.md#credentials.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "protocols/sasl/scram.hpp"

namespace fantail::server {

enum class PasswordForm : std::uint8_t {
    salted_password = 1,
    rabbit_sha256 = 2,
    rabbit_sha512 = 3,
    stored_key = 4,
};

/// Invariant: at most one credential a mechanism, in their order.
struct CredentialSet {
    Bytes password;  ///< in one of the forms; empty: none
    std::vector<sasl::ScramCredential> scram;

    [[nodiscard]] const sasl::ScramCredential* find(sasl::ScramMechanism mechanism) const;
    /// Puts it in the place of one of the same mechanism.
    void put(sasl::ScramCredential credential);
    void remove(sasl::ScramMechanism mechanism);
};

/// Reads what is stored. The set of a bare form 1 has the credential of SCRAM-SHA-256 that follows from it, if clients take
/// that many iterations. Nothing: bytes of no form.
[[nodiscard]] std::optional<CredentialSet> read_credentials(ByteView stored);
/// Empty for an empty set, else form 5.
[[nodiscard]] Bytes write_credentials(const CredentialSet& set);

/// The fields of the forms 1 and 4.
struct Pbkdf2Hash {
    std::uint32_t iterations = 0;  ///< 1 … 10,000,000
    ByteView salt;
    ByteView hash;  ///< SaltedPassword or StoredKey
};
inline constexpr std::size_t password_salt_size = 16;
/// Nothing: other forms, and absurd iterations. Views into `password`.
[[nodiscard]] std::optional<Pbkdf2Hash> read_pbkdf2(ByteView password);

}  // namespace fantail::server
