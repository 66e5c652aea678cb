// SPDX-License-Identifier: Apache-2.0
//! Logging in by SASL.
#pragma once

#include "protocols/kafka/exchange.hpp"

namespace fantail::kafka {

/// Whether a client may ask for it before it has logged in.
[[nodiscard]] bool is_allowed_before_login(ApiKey api);

}  // namespace fantail::kafka
