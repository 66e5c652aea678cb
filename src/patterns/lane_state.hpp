// SPDX-License-Identifier: Apache-2.0
//! What a lane's sender remembers beside its messages, and its codec (docs/formats/lanes.md). Big endian.
//
//   version u8 (1)   id (16)   sent to u8 (0 nobody, 1 a receiver, 2 a peer without lanes)   receiver (16)   acked u64
//   doubtful end u64   marks u16, then each: number u64   attempts u32 (high bit: a dead letter)
#pragma once

#include <vector>

#include "base/result.hpp"
#include "patterns/lane_wire.hpp"

namespace fantail::patterns {

/// A message that was tried, or given up.
struct LaneMark {
    LaneNumber number;
    std::uint32_t attempts = 0;
    bool is_dead = false;
    bool operator==(const LaneMark&) const = default;
};

struct LaneState {
    static constexpr std::size_t marks_max = 300;  ///< it fits into one block of 4 KiB

    enum class SentTo : std::uint8_t { nobody = 0, receiver = 1, plain_peer = 2 };
    LaneId id{};
    SentTo sent_to = SentTo::nobody;
    LaneId receiver{};            ///< the one that was sent to last
    LaneNumber acked;             ///< with all before it
    LaneNumber doubtful_end{1};   ///< before it, another receiver's program may have been given a message
    std::vector<LaneMark> marks;  ///< by number, up to marks_max
    bool operator==(const LaneState&) const = default;
};

[[nodiscard]] Bytes encode(const LaneState& state);
/// Errors: malformed, unsupported (a newer version).
[[nodiscard]] Result<LaneState> decode_lane_state(ByteView bytes);

}  // namespace fantail::patterns
