// SPDX-License-Identifier: Apache-2.0
//! The server's side of one SCRAM login (RFC 5802 §5), without channel binding.
#pragma once

#include <string>

#include "base/result.hpp"
#include "protocols/sasl/scram.hpp"

namespace fantail::sasl {

/// Bytes of a client's message: names and nonces are short.
inline constexpr std::size_t scram_message_size_max = 4096;

/// Called in this order: begin(), challenge(), finish(); each once. After an error it is of no further use.
///
///     client-first:  n,[a=AUTHZID],n=USER,r=NONCE[,extensions]
///     server-first:  r=NONCE+OURS,s=SALT,i=ITERATIONS
///     client-final:  c=BASE64(n,[a=AUTHZID],),r=NONCE+OURS[,extensions],p=PROOF
///     server-final:  v=SIGNATURE
class ScramServer final {
public:
    explicit ScramServer(ScramMechanism mechanism) : mechanism_(mechanism) {}

    /// Reads client-first. Errors: malformed; too_large; unsupported (channel binding, delegation tokens, mandatory
    /// extensions); access_refused (to act as another user).
    [[nodiscard]] Result<void> begin(std::string_view client_first);
    [[nodiscard]] ScramMechanism mechanism() const { return mechanism_; }
    /// Who wants to log in, his name decoded.
    [[nodiscard]] const std::string& user() const { return user_; }

    /// Makes server-first.
    /// \param credential of user() and mechanism(); for who has none one that nobody can prove, so that he learns nothing
    /// \param nonce printable ASCII without commas, which nobody can foretell
    [[nodiscard]] std::string challenge(ScramCredential credential, std::string_view nonce);

    /// Reads client-final; makes server-final if the client knows the password. Errors: malformed; too_large;
    /// not_authenticated (also for a nonce that is not ours).
    [[nodiscard]] Result<std::string> finish(std::string_view client_final) const;

private:
    [[nodiscard]] bool proves(std::string_view auth_message, ByteView proof) const;

    ScramMechanism mechanism_;
    std::string user_;
    std::string gs2_header_;  ///< as the client sent it, to its second comma
    std::string first_bare_;  ///< client-first behind it
    std::string nonce_;       ///< of the client; from challenge() on the whole one
    std::string server_first_;
    ScramCredential credential_;
};

}  // namespace fantail::sasl
