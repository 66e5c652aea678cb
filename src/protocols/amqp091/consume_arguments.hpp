// SPDX-License-Identifier: Apache-2.0
//! The arguments of basic.consume.
#pragma once

#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// Fills in what the arguments of basic.consume ask for: x-priority, x-consumer-timeout, x-stream-offset, x-stream-filter,
/// x-stream-match-unfiltered. Errors: 502 (not decodable), 406 (a value).
[[nodiscard]] Handled apply_consume_arguments(const Link& link, const broker::QueueDefinition& queue,
                                              ByteView arguments, broker::AddConsumer& command);

}  // namespace fantail::amqp091
