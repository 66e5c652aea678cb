// SPDX-License-Identifier: Apache-2.0
//! The strong ids that cross interfaces.
#pragma once

#include "base/strong_id.hpp"

namespace fantail {

using CoreId = StrongId<struct CoreTag, std::uint16_t>;    ///< one event loop and its thread
using ShardId = StrongId<struct ShardTag, std::uint16_t>;  ///< the unit of ownership, order and replay
using Epoch = StrongId<struct EpochTag, std::uint32_t>;    ///< counts the owners of a shard; a lower one is fenced
using Lsn = StrongId<struct LsnTag>;                  ///< position in a shard's journal, grows without gaps in meaning
using StreamId = StrongId<struct StreamTag>;          ///< high 16 bits: shard; never reused
using Offset = StrongId<struct OffsetTag>;            ///< position of a record in its stream, dense from 0
using QueueId = StrongId<struct QueueTag>;            ///< a subscription; high 16 bits: shard; never reused
using ConnectionId = StrongId<struct ConnectionTag>;  ///< high 16 bits: core; never reused while the process lives
using ConsumerId = StrongId<struct ConsumerTag>;      ///< chosen by the session, unique within its connection
using RequestId = StrongId<struct RequestTag>;        ///< pairs a reply with its command, unique within a connection
using ExchangeId = StrongId<struct ExchangeTag>;      ///< high 16 bits: the shard that keeps what it remembers
using TopicId = StrongId<struct TopicTag>;            ///< random, never 0 or reused
using VhostId = StrongId<struct VhostTag, std::uint32_t>;

/// The shard in which a queue or stream was created and lives for ever.
[[nodiscard]] constexpr ShardId shard_of(QueueId id) { return ShardId(static_cast<std::uint16_t>(id.value >> 48)); }
[[nodiscard]] constexpr ShardId shard_of(StreamId id) { return ShardId(static_cast<std::uint16_t>(id.value >> 48)); }
/// The shard that keeps what an exchange must remember, if anything.
[[nodiscard]] constexpr ShardId shard_of(ExchangeId id) { return ShardId(static_cast<std::uint16_t>(id.value >> 48)); }
/// The core that owns a connection.
[[nodiscard]] constexpr CoreId core_of(ConnectionId id) { return CoreId(static_cast<std::uint16_t>(id.value >> 48)); }

/// Composes an id from its place (shard or core) and a counter below 2^48.
template <class Id>
[[nodiscard]] constexpr Id make_id(std::uint16_t place, std::uint64_t counter) {
    return Id((static_cast<std::uint64_t>(place) << 48) | (counter & 0xFFFF'FFFF'FFFFull));
}
/// The counter that it was composed from.
template <class Id>
[[nodiscard]] constexpr std::uint64_t counter_of(Id id) {
    return id.value & 0xFFFF'FFFF'FFFFull;
}

}  // namespace fantail
