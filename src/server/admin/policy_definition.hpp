// SPDX-License-Identifier: Apache-2.0
//! A policy's definition: {"max-length": 1000, …} as QueueOptions.
#pragma once

#include <boost/json/fwd.hpp>

#include "base/result.hpp"
#include "broker/api/definitions.hpp"

namespace fantail::server {

/// Fills `options`, `alternate_exchange` and `keys` of the policy. An operator policy may only set limits.
/// Errors: malformed (unknown key, wrong value), naming the key.
[[nodiscard]] Result<void> read_policy_definition(const boost::json::object& definition,
                                                  broker::PolicyDefinition& policy);

[[nodiscard]] std::string_view target_name(broker::PolicyTarget target);
[[nodiscard]] std::optional<broker::PolicyTarget> target_of(std::string_view name);

}  // namespace fantail::server
