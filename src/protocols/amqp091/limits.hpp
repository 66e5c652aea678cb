// SPDX-License-Identifier: Apache-2.0
//! Every named maximum of an AMQP 0-9-1 session; those of the whole broker are in base/limits.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fantail::amqp091::limits {

/// Bytes of a frame before the client has authenticated.
inline constexpr std::uint32_t opening_frame_max = 8192;
/// Bytes of one channel's frames that wait for the answer to a synchronous method.
inline constexpr std::size_t stalled_bytes_max = 32u << 20;
/// Topology methods of one channel that may await their answers at a time; further ones wait as stalled frames.
inline constexpr std::size_t pipelined_methods_max = 1024;
/// A publish up to this size that ends in the next read is awaited whole instead of being gathered frame by frame.
inline constexpr std::size_t awaited_publish_max = 32u << 10;
/// Body bytes of all unfinished messages of a connection, as announced.
inline constexpr std::uint64_t unfinished_bytes_max = 512u << 20;
/// Batches a connection gathers side by side within one turn.
inline constexpr std::size_t open_batches_max = 64;
/// A batch builder with a larger buffer gives it back between batches.
inline constexpr std::size_t kept_builder_size_max = 256u << 10;
/// Settlements gathered side by side within one turn.
inline constexpr std::size_t open_settles_max = 64;
/// Routes remembered by a connection; a power of two.
inline constexpr std::size_t cached_routes = 64;
/// Messages that a consumer without a prefetch limit may hold unacknowledged.
inline constexpr std::uint32_t unacked_per_consumer_max = 4'000'000;
/// Consumers of one channel.
inline constexpr std::size_t consumers_per_channel_max = 65'535;
/// Bytes and operations that one transaction gathers before tx.commit.
inline constexpr std::size_t transaction_bytes_max = 64u << 20;
inline constexpr std::size_t transaction_operations_max = 1u << 20;
/// Further routing keys of a message (CC and BCC together).
inline constexpr std::size_t more_keys_max = 255;
/// Bytes of an x-deduplication-header, as many as a message id may have.
inline constexpr std::size_t deduplication_id_size_max = 255;
/// Milliseconds that a peer gets to answer our close, or to hang up after our answer to its own, before the socket goes.
inline constexpr std::int64_t closing_timeout_ms = 10'000;
/// Milliseconds before a refused login without authentication_failure_close is dropped, against guessing.
inline constexpr std::int64_t refused_login_delay_ms = 3'000;
/// The longest publish-time delay: the same bound as RabbitMQ's delayed exchange, 2^32 - 1 milliseconds.
inline constexpr std::int64_t delay_ms_max = 0xFFFF'FFFF;

}  // namespace fantail::amqp091::limits
