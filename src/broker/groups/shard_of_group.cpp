// SPDX-License-Identifier: Apache-2.0
//! Where a cursor group lives. What is stored depends on it: it must give the same shard for ever.
#include "broker/api/port.hpp"

namespace fantail::broker {

/// FNV-1a, 64 bits.
ShardId shard_of_group(std::string_view group, std::uint16_t shard_count) {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325u;
    for (const char c : group) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100'0000'01b3u;
    return ShardId(static_cast<std::uint16_t>(hash % shard_count));
}

}  // namespace fantail::broker
