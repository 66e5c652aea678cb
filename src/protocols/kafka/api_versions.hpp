// SPDX-License-Identifier: Apache-2.0
//! What the broker tells clients that it speaks.
#pragma once

#include "protocols/kafka/exchange.hpp"

namespace fantail::kafka {

/// Answers an ApiVersions of a version that is not known, in version 0 and with the versions that are (KIP-511).
[[nodiscard]] std::unique_ptr<Exchange> refuse_api_versions(Link& link, const RequestHeader& header);

}  // namespace fantail::kafka
