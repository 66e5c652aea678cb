// SPDX-License-Identifier: Apache-2.0
//! Passwords: salted hashes and the check of a login.
#pragma once

#include <mutex>
#include <string_view>
#include <unordered_set>

#include "base/bytes.hpp"
#include "broker/api/definitions.hpp"
#include "protocols/sasl/scram.hpp"
#include "protocols/session.hpp"
#include "runtime/login_checks.hpp"

namespace fantail::server {

/// Rounds of the hash: about 20 ms of one core.
inline constexpr std::uint32_t password_iterations = 20'000;
/// For passwords that everybody knows, such as the default one: there is nothing to protect, and a first start is faster.
/// SCRAM's clients refuse so few.
inline constexpr std::uint32_t known_password_iterations = 1;
/// Rounds of the SCRAM credential that is made along with a hash of `iterations`: of SHA-512 half as many, as each is twice
/// the work or more.
[[nodiscard]] std::uint32_t scram_iterations(sasl::ScramMechanism mechanism,
                                             std::uint32_t iterations = password_iterations);

/// Makes what is stored of a password (credential_set.hpp): PBKDF2-HMAC-SHA256 with a random salt, as SCRAM's StoredKey,
/// which nobody can log in by who has read it; and the credentials of both SCRAM mechanisms, unless clients would refuse
/// so few rounds. Takes twice as long as a check.
[[nodiscard]] Bytes hash_password(std::string_view password, std::uint32_t iterations = password_iterations);
/// Compares in constant time. False for a hash of another form, for one without a password, and for an empty password,
/// whatever its hash.
[[nodiscard]] bool verify_password(ByteView hash, std::string_view password);

/// A hash as definitions carry it.
struct PasswordHashText {
    std::string text;  ///< base64
    std::string algorithm;
};
[[nodiscard]] PasswordHashText password_hash_text(ByteView hash);
/// Reads one that password_hash_text() wrote, or RabbitMQ (salt 4, SHA-256 or SHA-512 of salt and password). An empty one
/// is kept: nobody logs in by it. Errors: malformed, unsupported (another algorithm).
[[nodiscard]] Result<Bytes> read_password_hash(std::string_view text, std::string_view algorithm);

/// Decides logins. Thread-safe: cores ask at any time.
class Authenticator {
public:
    /// \param guest_loopback_only the user `guest` may come from this machine only
    explicit Authenticator(bool guest_loopback_only) : guest_loopback_only_(guest_loopback_only) {}
    /// What is left to calculate needs neither `user` nor `peer` any more, but the Authenticator.
    /// \param user null if there is none of that name
    [[nodiscard]] runtime::LoginCheck check(const broker::UserDefinition* user, std::string_view password,
                                            const protocols::PeerInfo& peer);

private:
    [[nodiscard]] bool remembers(std::uint64_t login);
    void remember(std::uint64_t login);

    static constexpr std::size_t remembered_max = 4096;
    bool guest_loopback_only_;
    std::mutex mutex_;
    /// Logins that were right before, as keyed digests of hash and password: a storm of reconnects must not pay for the
    /// slow hash each time. A changed password changes the hash and so the digest.
    std::unordered_set<std::uint64_t> remembered_;
};

}  // namespace fantail::server
