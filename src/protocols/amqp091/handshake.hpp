// SPDX-License-Identifier: Apache-2.0
//! The opening of a connection: start, tune and open, step by step.
#pragma once

#include <string>

#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// Writes connection.start: who we are, what we can do, which mechanisms we take.
void send_start(Link& link);

/// Reads the client's introduction and checks its credentials; fills in the link's user and capabilities and gives the
/// client's name for lists ("connection_name" or product). On success connection.tune is written.
/// Errors: 403, 503, 502 (a bad table).
[[nodiscard]] Replied<std::string> accept_start_ok(Link& link, const ConnectionStartOk& method);

/// What tune-ok settled.
struct Tuned {
    std::uint32_t frame_max = 0;
    std::uint16_t channel_max = 0;
    std::uint16_t heartbeat_s = 0;
};
/// Zero means our own limit. Errors: 530 (more than we proposed, or frames below 4096 bytes).
[[nodiscard]] Replied<Tuned> accept_tune_ok(const Link& link, const ConnectionTuneOk& method);

/// Checks the virtual host and the user's right to it; fills in the link's vhost. Errors: 530.
[[nodiscard]] Handled accept_open(Link& link, const ConnectionOpen& method);

}  // namespace fantail::amqp091
