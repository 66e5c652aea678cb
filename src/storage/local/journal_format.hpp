// SPDX-License-Identifier: Apache-2.0
//! The bytes of journal files: header, frames, entries (docs/formats/journal.md).
//
// All integers are big endian. A file: header block, then frames, each starting at a multiple of 4096.
//
//   header   0 magic "FTLJRNL\0"   8 version u16   10 state u8 (1 prepared, 2 active)   11 0 u8   12 shard u16   14 0 u16
//           16 sequence u64   24 base_lsn u64   32 durable_lsn u64   40 nonce u64   48 epoch u32   52 0 u64
//           60 crc u32 (CRC32C of 0…59)   64 zeros to 4096
//   frame    0 magic u32   4 payload_length u32   8 epoch u32   12 entry_count u32   16 first_lsn u64
//           24 durable_lsn u64   32 previous_crc u32   36 0 u64   44 crc u32 (of 0…43 and the payload, seeded with the
//           header's crc)   48 payload, zeros to a multiple of 4096
//   entry    0 kind u8   1 flags u8 (1 transient)   2 0 u16, then
//            batch (1):    4 count u32   8 targets u32   12 length u32   16 {stream u64, base u64}…   bytes
//            change (2):   4 length u32   8 bytes
//            external (3): 4 count u32   8 targets u32   12 length u32   16 segment u64   24 {stream u64, base u64}…
#pragma once

#include <span>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "record/stored_batch.hpp"

namespace fantail::storage {

inline constexpr std::uint16_t journal_version = 1;
inline constexpr std::size_t journal_header_size = 4096;
inline constexpr std::size_t frame_header_size = 48;
inline constexpr std::size_t batch_entry_size = 16;     ///< before its targets
inline constexpr std::size_t change_entry_size = 8;     ///< before its bytes
inline constexpr std::size_t external_entry_size = 24;  ///< before its targets
inline constexpr std::size_t target_size = 16;

/// prepared: an empty file that waits for its turn. active: frames may follow.
enum class JournalState : std::uint8_t { prepared = 1, active = 2 };

struct JournalHeader {
    JournalState state = JournalState::prepared;
    ShardId shard;
    std::uint64_t sequence = 0;  ///< counts the files of a log from 1
    Lsn base;                    ///< of the first entry in the file
    Lsn durable;                 ///< what was stable when the header was written
    std::uint64_t nonce = 0;
    std::uint32_t epoch = 0;  ///< counts how often the log was opened
    std::uint32_t crc = 0;    ///< set by encoding and decoding; seeds the frames' checksums
};

/// Writes the header block. `out`: journal_header_size bytes. Returns the header's checksum.
std::uint32_t encode_journal_header(const JournalHeader& header, MutableBytes out);
/// Errors: malformed (no header: neither magic nor a good checksum), unsupported (a newer version).
[[nodiscard]] Result<JournalHeader> decode_journal_header(ByteView block);

struct FrameHeader {
    std::uint32_t payload_length = 0;
    std::uint32_t epoch = 0;
    std::uint32_t entry_count = 0;
    Lsn first;
    Lsn durable;  ///< what was stable when the frame was written: tells a torn tail from damage
    std::uint32_t previous_crc = 0;
    std::uint32_t crc = 0;
};

/// Completes a frame in place: `frame` holds room for the header and then the payload. Returns its checksum.
std::uint32_t seal_frame(const FrameHeader& header, std::uint32_t seed, MutableBytes frame);
/// Looks at a frame header without its checksum. Errors: malformed (no magic).
[[nodiscard]] Result<FrameHeader> decode_frame_header(ByteView bytes);
/// Whether `frame` (header and payload) has the checksum that its header states.
[[nodiscard]] bool frame_is_whole(ByteView frame, std::uint32_t seed);

enum class EntryKind : std::uint8_t { batch = 1, change = 2, external = 3 };

/// A decoded entry; `bytes` is a view into the frame. Targets stay encoded: see decode_targets().
struct Entry {
    EntryKind kind = EntryKind::change;
    bool transient = false;
    std::uint32_t count = 0;
    std::uint32_t length = 0;        ///< of the body, also where that is elsewhere (external)
    std::uint64_t segment = 0;       ///< external only
    std::size_t bytes_position = 0;  ///< of `bytes` in the payload
    ByteView targets;
    ByteView bytes;
};

/// Reads the next entry of a payload. Errors: malformed.
[[nodiscard]] Result<Entry> decode_entry(Reader& in, std::size_t payload_size);
/// Decodes encoded targets into `out`, replacing what it held.
void decode_targets(ByteView encoded, std::vector<Target>& out);

[[nodiscard]] constexpr std::size_t batch_entry_bytes(std::size_t targets, std::size_t length) {
    return batch_entry_size + targets * target_size + length;
}
[[nodiscard]] constexpr std::size_t external_entry_bytes(std::size_t targets) {
    return external_entry_size + targets * target_size;
}

/// Each writes one entry at `out` (room: see above) and returns where the next one goes. Hot: one copy of the bytes.
std::uint8_t* encode_batch(std::uint8_t* out, std::span<const Target> targets, std::uint32_t count, bool transient,
                           ByteView bytes);
std::uint8_t* encode_change(std::uint8_t* out, ByteView bytes);
/// A change without its `length` bytes, which the caller writes at what it returns.
std::uint8_t* encode_change_head(std::uint8_t* out, std::uint32_t length);
std::uint8_t* encode_external(std::uint8_t* out, std::span<const Target> targets, std::uint32_t count, bool transient,
                              std::uint32_t length, std::uint64_t segment);

}  // namespace fantail::storage
