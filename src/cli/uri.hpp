// SPDX-License-Identifier: Apache-2.0
//! Where a broker is, as people write it: amqp://user:password@host:port/vhost and http://host:port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace fantail::cli {

/// A broker's AMQP port and who we are there. The defaults are those of every AMQP client.
struct AmqpUri {
    std::string host = "127.0.0.1";
    std::uint16_t port = 5672;
    std::string user = "guest";
    std::string password = "guest";
    std::string vhost = "/";
};

/// Reads an AMQP URI (https://www.rabbitmq.com/docs/uri-spec): parts that are missing keep their defaults, each is
/// percent-decoded. Errors: malformed; unsupported (amqps).
[[nodiscard]] Result<AmqpUri> parse_amqp_uri(std::string_view text);

/// A broker's administration port. `user` and `password` are empty where the URL has none.
struct AdminUrl {
    std::string host = "127.0.0.1";
    std::uint16_t port = 15672;
    std::string user;
    std::string password;
};

/// Reads http://[user[:password]@]host[:port][/]. Errors: malformed; unsupported (https).
[[nodiscard]] Result<AdminUrl> parse_admin_url(std::string_view text);

}  // namespace fantail::cli
