// SPDX-License-Identifier: Apache-2.0
//! Whether traffic should be sent here.
#pragma once

#include "server/admin/backend.hpp"

namespace fantail::server {

/// Why it should not; empty if it may.
[[nodiscard]] std::string unready_reason(const ProcessReport& process, const std::vector<CoreReport>& cores);

}  // namespace fantail::server
