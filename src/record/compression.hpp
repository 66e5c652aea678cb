// SPDX-License-Identifier: Apache-2.0
//! Compression of record batches: the codecs that producers use, undone within a limit on the result.
//
//   gzip     RFC 1952, also several members in a row
//   snappy   blocks in xerial framing, as Java's clients write it, or one raw block
//
//              82 'SNAPPY' 00, u32 version, u32 oldest version that can read it, {u32 size, raw block}…      big endian
//
//   lz4      LZ4 frame format, also several frames in a row
//   zstd     RFC 8878, also several frames in a row
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "record/batch.hpp"

namespace fantail::record {

/// The values of batch_attribute::compression_mask.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

/// Most bytes that the records of one batch may take once they are unpacked; a batch with more is not taken.
inline constexpr std::size_t unpacked_size_max = 64u << 20;

/// What `compressed` was before. The result never holds more than `size_max` bytes and one, whatever the input says.
/// Errors: malformed (cut off or damaged), too_large (the result would have more than `size_max` bytes), unsupported (no
/// such codec), internal (no memory for the codec).
[[nodiscard]] Result<Bytes> decompress(Codec codec, ByteView compressed, std::size_t size_max);

/// `bytes` as consumers of all kinds can read them: snappy in xerial framing, lz4 with independent blocks.
/// Errors: too_large (more bytes than a batch may have), unsupported (no such codec), internal (no memory for the codec).
[[nodiscard]] Result<Bytes> compress(Codec codec, ByteView bytes);

/// The batch without compression: the same header but for length, attributes and checksum, and records that can be walked.
/// A batch that is not compressed comes back as a copy. The given checksum is not verified, and of the records only their
/// number is looked at: see BatchView::verify_crc() and check_records().
/// \param records_size_max the most bytes that the records may take.
/// Errors: those of decompress(); malformed (the records are too few bytes for their number).
[[nodiscard]] Result<Bytes> decompress_batch(const BatchView& batch, std::size_t records_size_max);

}  // namespace fantail::record
