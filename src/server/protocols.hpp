// SPDX-License-Identifier: Apache-2.0
//! The list of protocols: which listener speaks what.
#pragma once

#include <memory>
#include <vector>

#include "runtime/listener_config.hpp"
#include "server/admin/backend.hpp"
#include "server/config/settings.hpp"

namespace fantail::server {

/// The listeners that the settings ask for, with the protocols each may speak.
/// \param tls for TLS listeners; null if there are none
[[nodiscard]] std::vector<runtime::ListenerConfig> make_listeners(const Settings& settings, AdminBackend& admin,
                                                                  const std::shared_ptr<runtime::TlsSlot>& tls);

/// Reads the certificates of the settings. Errors: malformed (what is wrong with which file).
[[nodiscard]] Result<std::shared_ptr<const sys::TlsContext>> load_certificates(const Settings& settings);

}  // namespace fantail::server
