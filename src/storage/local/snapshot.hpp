// SPDX-License-Identifier: Apache-2.0
//! The snapshot file: where recovery begins, what the segments hold, and the owner's state (docs/formats/snapshot.md).
//
// All integers are big endian; `v` is an unsigned LEB128 number.
//
//   0 magic "FTLSNAP\0"   8 version u16   10 shard u16   12 epoch u32   16 checkpoint_lsn u64   24 replay_from u64
//   32 next_segment u64   40 index_length u64   48 state_length u64   56 flags u32 (1: the file replay_from exists)
//  60 crc u32 (of 0…59 and all that follows 64)
//   64 index, then state
//   index    v segments, each: v sequence, v source, v footer_position, v footer_length, u32 footer_crc, v runs, each:
//            v number, v position, v length, v span, v targets, {stream u64, base u64}…, first_base u64
#pragma once

#include "storage/local/segment_format.hpp"

namespace fantail::storage {

inline constexpr std::uint16_t snapshot_version = 1;
inline constexpr std::size_t snapshot_header_size = 64;

/// A run as the snapshot knows it: only targets that still need something of it.
struct SnapshotRun {
    std::uint32_t number = 0;  ///< in the segment's footer
    std::uint64_t position = 0;
    std::uint64_t length = 0;
    std::uint64_t span = 0;
    std::uint64_t first_base = 0;  ///< the base offset stored in the run's first batch
    std::vector<Target> targets;
};

struct SnapshotSegment {
    std::uint64_t sequence = 0;
    std::uint64_t source = 0;  ///< journal file it was flushed from
    SegmentTrailer trailer;
    std::vector<SnapshotRun> runs;
};

struct Snapshot {
    ShardId shard;
    std::uint32_t epoch = 0;
    Lsn lsn;                        ///< the state holds everything up to and with it
    std::uint64_t replay_from = 1;  ///< sequence of the first journal file that recovery must read
    bool has_journal = false;       ///< that file was there when the snapshot was taken
    std::uint64_t next_segment = 1;
    std::vector<SnapshotSegment> segments;
};

/// \param state the owner's, opaque.
[[nodiscard]] Bytes encode_snapshot(const Snapshot& snapshot, ByteView state);

struct DecodedSnapshot {
    Snapshot snapshot;
    ByteView state;  ///< a view into the input
};
/// Errors: malformed, unsupported (a newer version).
[[nodiscard]] Result<DecodedSnapshot> decode_snapshot(ByteView bytes);

}  // namespace fantail::storage
