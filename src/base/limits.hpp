// SPDX-License-Identifier: Apache-2.0
//! Every named maximum in one place. A queue, buffer, retry or loop without a limit here is a defect.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fantail::limits {

// Storage (one log a shard).
inline constexpr std::uint64_t journal_file_size = 16u << 20;  ///< bytes a journal file
inline constexpr std::uint32_t journal_files_max = 4;  ///< files in the ring: at that the writer waits for the flusher
inline constexpr std::uint32_t journal_frame_size_max = 1u << 20;  ///< bytes in one write
inline constexpr std::uint32_t journal_writes_in_flight_max = 8;
inline constexpr std::uint32_t lazy_write_delay_ms = 10;         ///< longest wait of settlements for a write to ride on
inline constexpr std::uint64_t undurable_bytes_max = 16u << 20;  ///< producers are held back above it
inline constexpr std::uint32_t change_size_max = 1u << 20;       ///< bytes of one state change
inline constexpr std::uint32_t batch_size_max =
    1u << 20;  ///< bytes at which a growing batch is closed (one message may exceed it)
inline constexpr std::uint32_t message_size_max = 512u << 20;  ///< hard bound on one body; the configured one is lower
inline constexpr std::uint32_t read_chunk_size = 256u << 10;   ///< bytes asked of the log at a time for a consumer
inline constexpr std::uint32_t segment_index_interval = 64u << 10;  ///< bytes between entries of a run's sparse index

// Memory.
inline constexpr std::uint64_t tail_cache_bytes_max = 48u << 20;  ///< message bytes a shard keeps in memory
inline constexpr std::uint32_t read_buffer_size = 256u << 10;     ///< one a core, shared by its connections
inline constexpr std::uint32_t read_size_max =
    64u << 10;  ///< bytes a connection reads in a turn: others have their turn too
inline constexpr std::uint32_t read_size_min =
    4u << 10;  ///< of a publisher while consumers are behind: less is not worth a call
inline constexpr std::uint32_t output_high_water = 1u
                                                   << 20;  ///< a connection with more unsent bytes gets no deliveries
inline constexpr std::uint32_t output_low_water = 256u << 10;
inline constexpr std::uint32_t output_hard_limit =
    64u << 20;  ///< unsent bytes (replies to a peer that never reads) at which it is dropped

// Runtime.
inline constexpr std::uint32_t cores_max = 64;
inline constexpr std::uint32_t shards_max = 64;
inline constexpr std::uint32_t mailbox_slots = 4096;  ///< messages between two cores before the sender holds back
inline constexpr std::uint32_t connections_max = 100'000;
inline constexpr std::uint32_t login_checks_waiting_max =
    256;  ///< logins of a core that wait for their password's hash: as many as it calculates in half a handshake's time

// Shards.
inline constexpr std::uint32_t dispatch_bytes_max =
    1u << 20;  ///< bytes a queue delivers in one turn before others get theirs
inline constexpr std::uint64_t read_cache_bytes_max = 32u << 20;  ///< bytes read back for consumers a shard keeps
inline constexpr std::uint32_t dead_letters_in_flight_max = 256;  ///< a queue
inline constexpr std::uint32_t dead_letter_retry_ms =
    1000;  ///< pause before a letter that found no place is tried again
inline constexpr std::uint32_t dead_letter_retry_max_ms = 60'000;  ///< pauses double up to it
inline constexpr std::uint32_t dead_letters_kept_max =
    4096;  ///< letters without a place that a core keeps in memory to try again
inline constexpr std::uint32_t read_retry_ms = 1000;              ///< pause after a failed read
inline constexpr std::uint32_t deduplication_ids_max = 1u << 20;  ///< ids a queue remembers; older ones are forgotten
inline constexpr std::uint32_t retention_entries_max = 1024;      ///< pieces in which a stream's retention is counted
inline constexpr std::uint64_t exchange_history_bytes_max =
    16u << 20;  ///< of the messages that an exchange with a history remembers
inline constexpr std::uint32_t gets_waiting_max = 65'536;  ///< single gets of a queue that wait for a read

// Cursor groups.
inline constexpr std::uint32_t groups_max = 100'000;                 ///< a shard
inline constexpr std::uint32_t group_text_size_max = 4'096;          ///< bytes of a group's, member's, protocol's name
inline constexpr std::uint32_t group_member_bytes_max = 256u << 10;  ///< what a member says of itself
inline constexpr std::uint32_t group_assignment_bytes_max = 512u << 10;  ///< what a member is assigned
inline constexpr std::uint64_t group_bytes_max = 64u << 20;              ///< what a group's members say of themselves
inline constexpr std::uint32_t group_offsets_max = 100'000;              ///< logs in which a group has an offset
inline constexpr std::uint32_t group_answers_waiting_max = 65'536;       ///< commits of a shard that wait for the disk
inline constexpr std::uint32_t group_first_join_ms = 300'000;            ///< longest wait of a new member's join
inline constexpr std::uint32_t group_partitions_max = 30'000;            ///< that a group assigns to its members
inline constexpr std::uint32_t group_pattern_size_max = 1'024;           ///< bytes
inline constexpr std::uint32_t group_patterns_max = 16;                  ///< different ones among a group's members
inline constexpr std::uint32_t group_refresh_ms = 1'000;                 ///< between looks for changed topics
inline constexpr std::uint32_t group_sweep_ms = 600'000;                 ///< between searches for expired offsets

// Transactions.
inline constexpr std::uint32_t named_producers_max = 100'000;         ///< a shard
inline constexpr std::uint32_t transaction_logs_max = 100'000;        ///< in one transaction
inline constexpr std::uint32_t transaction_groups_max = 1'000;        ///< in one transaction
inline constexpr std::uint32_t transaction_actions_waiting_max = 64;  ///< of one producer, for an earlier one
inline constexpr std::uint32_t producer_sweep_ms = 600'000;           ///< between searches for expired producers

// Names and structure.
inline constexpr std::uint32_t name_size_max = 255;            ///< bytes of a queue, exchange, vhost, consumer name
inline constexpr std::uint32_t log_read_bytes_max = 8u << 20;  ///< of one log in one read, but for a larger batch
inline constexpr std::uint32_t topic_name_size_max = 249;
inline constexpr std::uint32_t topic_partitions_max = 10'000;
inline constexpr std::uint32_t table_depth_max = 32;
inline constexpr std::uint32_t bindings_hops_max = 64;  ///< exchange-to-exchange hops a message may take

}  // namespace fantail::limits
