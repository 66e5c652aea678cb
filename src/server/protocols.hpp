// SPDX-License-Identifier: Apache-2.0
//! The list of protocols: which listener speaks what.
#pragma once

#include <vector>

#include "runtime/listener_config.hpp"
#include "server/settings.hpp"

namespace fantail::runtime {
class Node;
}

namespace fantail::server {

struct AdminContext;

/// The listeners that the settings ask for, with the protocols each may speak. Errors: malformed (TLS without certificate …).
[[nodiscard]] Result<std::vector<runtime::ListenerConfig>> make_listeners(const Settings& settings, AdminContext& admin);

}  // namespace fantail::server
