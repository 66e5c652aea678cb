// SPDX-License-Identifier: Apache-2.0
//! How far the client of one connection is with logging in.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/sasl/scram_server.hpp"

namespace fantail::kafka {

/// Changed by the exchanges of SaslHandshake and SaslAuthenticate.
struct Login {
    enum class Stage : std::uint8_t {
        none,       ///< no mechanism is chosen
        chosen,     ///< by SaslHandshake
        under_way,  ///< a password is being checked, or the client's proof awaited
        over,       ///< logged in
    };
    Stage stage = Stage::none;
    std::optional<sasl::ScramServer> scram;  ///< nothing: PLAIN
};

}  // namespace fantail::kafka
