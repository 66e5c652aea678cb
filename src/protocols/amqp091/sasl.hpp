// SPDX-License-Identifier: Apache-2.0
//! SASL as AMQP 0-9-1 uses it: who a client says it is, and whether that is so.
#pragma once

#include <optional>
#include <string>

#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

struct Credentials {
    std::string user;
    std::string password;
};

/// PLAIN (RFC 4616): authorization id, NUL, user, NUL, password. Nothing if it is not that.
[[nodiscard]] std::optional<Credentials> parse_plain(std::string_view response);
/// AMQPLAIN: a field table, without its length, with LOGIN and PASSWORD. Nothing if it is not that.
[[nodiscard]] std::optional<Credentials> parse_amqplain(std::string_view response);

/// The mechanisms to offer on this connection, separated by blanks.
[[nodiscard]] std::string offered_mechanisms(const Link& link);

/// Who the client says it is, and by what.
struct Claim {
    std::string mechanism;
    std::string user;
    std::optional<std::string> password;  ///< still to be checked; without one, the claim is good
};

/// Errors: 503 (a mechanism that is not offered), 403 (refused without looking at a password).
[[nodiscard]] Replied<Claim> read_claim(const Link& link, std::string_view mechanism, std::string_view response);

}  // namespace fantail::amqp091
