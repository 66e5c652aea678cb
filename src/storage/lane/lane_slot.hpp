// SPDX-License-Identifier: Apache-2.0
//! The bytes of a lane's state on disk: two slots, written in turn, of which the newest whole one counts (docs/formats/lanes.md).
//
// Big endian. `lane.state` has two slots of 4096 bytes:
//    0 magic "FTLLANE\0"   8 version u16   10 flags u8 (1 cached)   11 0 u8   12 length u32   16 sequence u64
//   24 machine life (16)   40 durable u64   48 state (length bytes), zeros to 4092   4092 crc u32 (CRC32C of 0…4091)
#pragma once

#include <optional>

#include "storage/lane/lane_files.hpp"

namespace fantail::storage {

inline constexpr std::uint16_t lane_slot_version = 1;
inline constexpr std::size_t lane_slot_size = 4096;
inline constexpr std::size_t lane_slots = 2;
inline constexpr std::size_t lane_state_size_max = lane_slot_size - 48 - 4;

struct LaneSlot {
    bool is_cached = false;      ///< what was written since need not have reached the disk
    std::uint64_t sequence = 0;  ///< counts the slots ever written, from 1
    MachineLife life{};          ///< in which it was written
    std::uint64_t durable = 0;   ///< the highest number that was stable then; 0 if cached
    ByteView state;              ///< opaque; a view into what was decoded
};

/// \param out lane_slot_size bytes
void encode_lane_slot(const LaneSlot& slot, MutableBytes out);
/// Nothing: it is not whole. Errors: unsupported (a newer version), malformed (whole, and nonsense).
[[nodiscard]] Result<std::optional<LaneSlot>> decode_lane_slot(ByteView block);
/// The newest whole slot of a file's bytes; nothing if none was ever written in full. Errors: as above, corrupt (none is
/// whole, and both have been written).
[[nodiscard]] Result<std::optional<LaneSlot>> newest_lane_slot(ByteView file);

}  // namespace fantail::storage
