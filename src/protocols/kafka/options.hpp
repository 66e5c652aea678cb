// SPDX-License-Identifier: Apache-2.0
//! What an operator may choose about the Kafka protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocols/kafka/frame.hpp"
#include "protocols/sasl/credentials.hpp"

namespace fantail::kafka {

/// Settings of the Kafka listener. The defaults are Kafka's where clients can tell.
struct KafkaOptions {
    std::string advertised_host;        ///< where clients are sent; empty: the address that they connected to
    std::uint16_t advertised_port = 0;  ///< 0: the port that they connected to
    std::int32_t node_id = 1;
    std::string cluster_id = "fantail";
    std::string vhost = "/";
    std::string anonymous_user = "guest";  ///< who a loopback connection is that does not log in; empty: all must
    std::uint32_t request_size_max = kafka::request_size_max;  ///< bytes
    bool auto_create_topics = true;
    std::uint32_t partitions_default = 1;  ///< of topics that are made without a number
    std::int32_t transaction_timeout_max_ms = 900'000;
    std::int64_t transactional_id_expiration_ms = 604'800'000;
    std::shared_ptr<const sasl::Credentials> credentials;  ///< null: no SCRAM
};

}  // namespace fantail::kafka
