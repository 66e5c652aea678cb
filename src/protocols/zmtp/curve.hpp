// SPDX-License-Identifier: Apache-2.0
//! CURVE (RFC 25 and 26): both sides' handshakes and the encryption of messages.
#pragma once

#include "protocols/zmtp/mechanism.hpp"

namespace fantail::zmtp {

[[nodiscard]] std::unique_ptr<Mechanism> make_curve(const CurveClient& client, Bytes own_metadata);
[[nodiscard]] std::unique_ptr<Mechanism> make_curve(const CurveServer& server, Bytes own_metadata);

/// The public key that belongs to a secret one.
[[nodiscard]] CurveKey curve_public_key(const CurveKey& secret);
/// A new secret key.
[[nodiscard]] CurveKey curve_secret_key();

/// A key as people write it: 40 characters of Z85 (RFC 32).
[[nodiscard]] std::string to_z85(const CurveKey& key);
/// From 40 characters of Z85 or 32 bytes. Errors: malformed.
[[nodiscard]] Result<CurveKey> curve_key(std::string_view text);

}  // namespace fantail::zmtp
