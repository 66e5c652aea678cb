// SPDX-License-Identifier: Apache-2.0
//! `fantail serve`: runs a broker in the foreground until it is told to stop.
#pragma once

#include "server/config/settings.hpp"

namespace fantail::server {

/// Starts the broker, writes the `ready ` line to stdout, and blocks until SIGTERM or SIGINT. SIGHUP reloads certificates.
/// \return the process's exit code: 0 after a clean stop, 1 if it could not start (the reason is on stderr)
int serve(const Settings& settings);

}  // namespace fantail::server
