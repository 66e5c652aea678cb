// SPDX-License-Identifier: Apache-2.0
//! Names for members that have none.
#pragma once

#include <string>

#include "broker/groups/group_host.hpp"

namespace fantail::broker {

/// A random UUID (RFC 9562, version 4), as text.
[[nodiscard]] std::string random_uuid(GroupHost& host);

}  // namespace fantail::broker
