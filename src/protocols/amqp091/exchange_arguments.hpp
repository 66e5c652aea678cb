// SPDX-License-Identifier: Apache-2.0
//! The type and arguments of exchange.declare.
#pragma once

#include "base/limits.hpp"
#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// The exchange that exchange.declare describes. `arguments` are validated.
/// Errors: 503 (no such type), 406 (an argument's value).
[[nodiscard]] Replied<broker::ExchangeDefinition> parse_exchange(const Link& link, const ExchangeDeclare& method);

/// The types that exchange.declare takes.
[[nodiscard]] std::vector<std::string_view> exchange_type_names();

}  // namespace fantail::amqp091
