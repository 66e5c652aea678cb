// SPDX-License-Identifier: Apache-2.0
//! A message's properties as RabbitMQ's management API writes them.
#pragma once

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::server {

/// Only those present. Undecodable ones are an empty object.
[[nodiscard]] boost::json::object json_of_properties(ByteView properties);
/// The encoding (record/properties.hpp). Errors: malformed (unknown name, wrong value, a text over 255 bytes).
[[nodiscard]] Result<Bytes> properties_from(const boost::json::object& properties);

}  // namespace fantail::server
