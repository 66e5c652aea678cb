// SPDX-License-Identifier: Apache-2.0
//! The bytes of segment files: header, runs, footer, trailer (docs/formats/segment.md).
//
// All integers are big endian; `v` is an unsigned LEB128 number.
//
//   file     header block (4096), runs back to back from 4096, footer, zeros, trailer (the last 64 bytes; the file's
//            size is a multiple of 4096)
//   header   0 magic "FTLSEGM\0"   8 version u16   10 shard u16   12 0 u32   16 sequence u64   24 crc u32 (of 0…23)
//   footer   v runs, then each: v position, v length, u8 flags (1 transient), v span (offsets), v targets,
//            {stream u64, base u64}…, v index entries, {v offset_delta, v position_delta}… (each from the one before)
//   trailer  0 magic "FTLSEGT\0"   8 sequence u64   16 footer_position u64   24 footer_length u64
//            32 footer_crc u32   36 crc u32 (of 0…35)   40 zeros
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "record/stored_batch.hpp"

namespace fantail::storage {

inline constexpr std::uint16_t segment_version = 1;
inline constexpr std::size_t segment_header_size = 4096;
inline constexpr std::size_t segment_trailer_size = 64;

/// Batches of [base, base + span) of every target, back to back. The base offset stored in a batch is that of the
/// run's first target; the other targets differ from it by a constant.
struct RunDescription {
    std::uint64_t position = 0;
    std::uint64_t length = 0;
    bool transient = false;
    std::uint64_t span = 0;
    std::vector<Target> targets;
    /// Where some batches start: `offset` from the run's base, `position` from the run's. The first is {0, 0}.
    struct IndexEntry {
        std::uint64_t offset = 0;
        std::uint64_t position = 0;
    };
    std::vector<IndexEntry> index;
};

/// Where a segment's footer stands.
struct SegmentTrailer {
    std::uint64_t sequence = 0;
    std::uint64_t footer_position = 0;
    std::uint64_t footer_length = 0;
    std::uint32_t footer_crc = 0;
};

/// The header block, segment_header_size bytes.
[[nodiscard]] Bytes encode_segment_header(ShardId shard, std::uint64_t sequence);
/// Errors: malformed, unsupported (a newer version).
[[nodiscard]] Result<std::uint64_t> decode_segment_header(ByteView block);
[[nodiscard]] Bytes encode_segment_footer(const std::vector<RunDescription>& runs);
/// Errors: malformed. Never allocates more than a small multiple of its input.
[[nodiscard]] Result<std::vector<RunDescription>> decode_segment_footer(ByteView bytes);
/// segment_trailer_size bytes.
[[nodiscard]] Bytes encode_segment_trailer(const SegmentTrailer& trailer);
/// Errors: malformed.
[[nodiscard]] Result<SegmentTrailer> decode_segment_trailer(ByteView bytes);

}  // namespace fantail::storage
