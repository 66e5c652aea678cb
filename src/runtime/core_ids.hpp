// SPDX-License-Identifier: Apache-2.0
//! Connection ids that are nobody's connection: where answers to the broker's own commands go.
#pragma once

#include "base/ids.hpp"

namespace fantail::runtime {

/// The dead letterer of a core.
[[nodiscard]] constexpr ConnectionId dead_letterer_of(CoreId core) { return make_id<ConnectionId>(core.value, 1); }
/// The controller, on core 0.
[[nodiscard]] constexpr ConnectionId controller_id() { return make_id<ConnectionId>(0, 2); }
/// Counters below are reserved.
inline constexpr std::uint64_t first_connection_counter = 16;
[[nodiscard]] constexpr std::uint64_t counter_of(ConnectionId id) { return id.value & 0xFFFF'FFFF'FFFFull; }

}  // namespace fantail::runtime
