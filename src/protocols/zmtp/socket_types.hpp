// SPDX-License-Identifier: Apache-2.0
//! ZMTP's names of patterns, and which may talk to which.
#pragma once

#include <string_view>

#include "patterns/api.hpp"

namespace fantail::zmtp {

using patterns::Kind;

/// Whether ZMTP has that pattern.
[[nodiscard]] bool has_socket_type(Kind kind);
/// `PUSH`, `PULL` and so on, of those.
[[nodiscard]] std::string_view socket_type(Kind kind);
/// Whether the peer may be of type `theirs` (RFC 37, the Socket-Type property).
[[nodiscard]] bool may_talk(Kind ours, std::string_view theirs);
/// Whether it tells its routing id.
[[nodiscard]] bool has_identity(Kind kind);
/// Whether its peers subscribe.
[[nodiscard]] bool takes_subscriptions(Kind kind);
/// Whether one end joins groups and the other sends to them (RFC 48): JOIN and LEAVE instead of subscriptions.
[[nodiscard]] bool has_groups(Kind kind);
/// Whether its messages may have several parts (not: RFC 41).
[[nodiscard]] bool takes_parts(Kind kind);

}  // namespace fantail::zmtp
