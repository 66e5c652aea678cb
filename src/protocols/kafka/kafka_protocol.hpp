// SPDX-License-Identifier: Apache-2.0
//! The Kafka protocol as a listener sees it.
#pragma once

#include "protocols/kafka/options.hpp"
#include "protocols/session.hpp"

namespace fantail::kafka {

[[nodiscard]] protocols::Protocol make_protocol(KafkaOptions options);

}  // namespace fantail::kafka
