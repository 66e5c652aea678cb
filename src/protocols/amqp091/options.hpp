// SPDX-License-Identifier: Apache-2.0
//! What an operator may choose about AMQP 0-9-1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fantail::amqp091 {

/// Settings of the AMQP 0-9-1 listener. The defaults are RabbitMQ's.
struct AmqpOptions {
    /// Clients branch on product and version (kombu chooses its kind of qos by them), hence RabbitMQ's.
    std::string product = "RabbitMQ";
    std::string version = "4.3.0";
    std::string platform = "Fantail";
    std::string information = "Fantail, speaking AMQP 0-9-1 as RabbitMQ does";
    std::string copyright = "The Fantail authors";
    std::string cluster_name = "fantail";
    std::uint32_t frame_max = 131'072;           ///< bytes, framing included; 4096 to 1 MiB
    std::uint16_t channel_max = 2047;            ///< 1 to 65535
    std::uint16_t heartbeat_s = 60;              ///< proposed; 0: none
    std::int64_t handshake_timeout_ms = 10'000;  ///< from the first byte to connection.open
    std::uint64_t message_size_max = 16u << 20;  ///< bytes of a body
    /// Offered in this order. EXTERNAL only counts over TLS with a client certificate.
    std::vector<std::string> mechanisms{"PLAIN", "AMQPLAIN", "EXTERNAL"};
    std::string anonymous_user = "guest";                         ///< who ANONYMOUS is, where that is offered
    std::optional<std::int64_t> consumer_timeout_ms = 1'800'000;  ///< absent: never
};

}  // namespace fantail::amqp091
