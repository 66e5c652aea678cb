// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 as a listener takes it.
#pragma once

#include "protocols/amqp091/options.hpp"
#include "protocols/session.hpp"

namespace fantail::amqp091 {

/// The protocol with these options; its sessions share a copy of them.
[[nodiscard]] protocols::Protocol make_protocol(AmqpOptions options);

}  // namespace fantail::amqp091
