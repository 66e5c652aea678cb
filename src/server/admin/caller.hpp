// SPDX-License-Identifier: Apache-2.0
//! Who asks the administration port, and what the tags of RabbitMQ's management let them do.
#pragma once

#include <optional>
#include <string>

#include "broker/api/definitions.hpp"

namespace fantail::server {

/// What a request needs; each but `policymaker` includes those above it, `administrator` all.
enum class Need : std::uint8_t {
    nothing,        ///< no login
    management,     ///< any of the tags: one's own connections, and vhosts that one may enter
    monitoring,     ///< to see all of the broker
    policymaker,    ///< to set policies in vhosts that one may enter
    administrator,  ///< everything
};

struct Caller {
    std::string name;
    bool management = false;
    bool monitoring = false;
    bool policymaker = false;
    bool administrator = false;
};

[[nodiscard]] Caller caller_of(const broker::UserDefinition& user);
/// Why the caller may not, in RabbitMQ's words; nothing if they may.
[[nodiscard]] std::optional<std::string> lacks(const Caller& caller, Need need);

}  // namespace fantail::server
