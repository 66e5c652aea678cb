// SPDX-License-Identifier: Apache-2.0
//! Connection ids that are nobody's connection: where answers to the broker's own commands go.
#pragma once

#include "base/ids.hpp"

namespace fantail::runtime {

/// The dead letterer of a core.
[[nodiscard]] constexpr ConnectionId dead_letterer_of(CoreId core) { return make_id<ConnectionId>(core.value, 1); }
/// The controller, on core 0.
[[nodiscard]] constexpr ConnectionId controller_id() { return make_id<ConnectionId>(0, 2); }
/// The shards of a core, which send in their own names; the request's high 16 bits say which of them asked.
[[nodiscard]] constexpr ConnectionId shards_of(CoreId core) { return make_id<ConnectionId>(core.value, 3); }
[[nodiscard]] constexpr ShardId shard_of(RequestId id) { return ShardId(static_cast<std::uint16_t>(id.value >> 48)); }
/// Counters below are reserved.
inline constexpr std::uint64_t first_connection_counter = 16;

}  // namespace fantail::runtime
