// SPDX-License-Identifier: Apache-2.0
//! The opening of a connection: start, tune and open, step by step.
#pragma once

#include <string>

#include "protocols/amqp091/link.hpp"
#include "protocols/amqp091/sasl.hpp"

namespace fantail::amqp091 {

/// Writes connection.start: who we are, what we can do, which mechanisms we take.
void send_start(Link& link);

/// A client that has said who it is.
struct Introduction {
    std::string client_name;  ///< for lists: "connection_name" or product
    Claim claim;
};
/// Reads it, and fills in the link's capabilities. Errors: 403, 503, 502 (a bad table).
[[nodiscard]] Replied<Introduction> accept_start_ok(Link& link, const ConnectionStartOk& method);
/// The user is who it claims to be: fills in the link's user and writes connection.tune.
void admit(Link& link, const std::string& user);

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
