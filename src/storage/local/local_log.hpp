// SPDX-License-Identifier: Apache-2.0
//! The local driver: one shard's log in a directory (docs/formats/journal.md, segment.md, snapshot.md).
#pragma once

#include <memory>

#include "storage/engine.hpp"
#include "storage/local/options.hpp"
#include "sys/files.hpp"

namespace fantail::storage {

/// Opens or creates the log of one shard. Blocks while it recovers; `sink` is used only during the call. `files` and
/// `listener` must outlive the log, and the log must outlive its operations: destroy it after close() has called back, or
/// when its files will complete nothing any more. The listener gets nothing before the call has returned.
/// REQUIRES of batches: a whole record batch v2 with a good checksum, last_offset_delta + 1 == count.
/// Errors: unavailable (locked by another process, not writable), corrupt (damaged or missing files, by name and
/// position; LocalOptions::salvage skips them), unsupported (files of a newer version), io.
[[nodiscard]] Result<std::unique_ptr<ShardLog>> open_local_log(LocalOptions options, sys::Files& files,
                                                               LogListener& listener, RecoverySink& sink);

}  // namespace fantail::storage
