// SPDX-License-Identifier: Apache-2.0
//! What can be set of a local log; the defaults are base/limits.hpp's, tests use small ones.
#pragma once

#include <functional>
#include <string>

#include "base/ids.hpp"
#include "base/limits.hpp"

namespace fantail::storage {

/// Settings of one shard's log in a directory. Sizes in bytes.
struct LocalOptions {
    std::string directory;  ///< of this shard alone; made if missing
    ShardId shard;
    /// A random number a process: seeds the checksums of new journal files, so that no message body can pass for a frame.
    std::uint64_t nonce = 0;
    /// Skip damaged parts and report them, instead of refusing to open.
    bool salvage = false;
    /// Gets one line a finding (bytes cut off a torn tail, what was skipped). May be empty.
    std::function<void(const std::string&)> report;

    std::uint64_t journal_file_size = limits::journal_file_size;  ///< a multiple of 64 KiB, at most 2 GiB
    std::uint32_t journal_files_max = limits::journal_files_max;  ///< at least 4
    std::uint32_t frame_size_max = limits::journal_frame_size_max;
    std::uint32_t writes_in_flight_max = limits::journal_writes_in_flight_max;
    std::uint32_t gather_step = 32u << 10;  ///< bytes to gather, for each write under way, before the next one starts
    std::uint32_t external_size_min = 2u << 20;  ///< larger batches go to a segment of their own; at most 1/8 of a file
    std::uint32_t flush_window = 8u << 20;       ///< journal bytes read, sorted and copied at a time
    std::uint32_t run_size_max = 1u << 20;       ///< bytes of a run: what is read and given back as one
    std::uint32_t index_interval = limits::segment_index_interval;
    std::uint32_t punch_size_min = 64u << 10;    ///< smaller holes are not worth a system call
    std::uint32_t segments_open_max = 256;       ///< open segment files
    std::uint32_t indexes_max = 64;              ///< sparse indexes (one a segment) in memory
    std::uint64_t replay_bytes_max = 64u << 20;  ///< journal written since the last checkpoint that asks for the next
    std::uint32_t lazy_write_delay_ms = limits::lazy_write_delay_ms;
    std::uint32_t no_space_retry_ms = 1000;
};

}  // namespace fantail::storage
