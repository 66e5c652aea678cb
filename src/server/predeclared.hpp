// SPDX-License-Identifier: Apache-2.0
//! The exchanges that every vhost has from the beginning.
#pragma once

#include <vector>

#include "broker/api/definitions.hpp"

namespace fantail::server {

/// amq.direct, amq.fanout, amq.topic, amq.headers, amq.match and amq.rabbitmq.trace (https://www.rabbitmq.com/docs/exchanges);
/// the default exchange is the broker's own.
[[nodiscard]] std::vector<broker::ExchangeDefinition> predeclared_exchanges();

}  // namespace fantail::server
