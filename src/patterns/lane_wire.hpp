// SPDX-License-Identifier: Apache-2.0
//! What the two ends of a lane say to each other, and its codec (docs/formats/lanes.md). Big endian.
//
//   property  in the handshake, each end:   version u8 (1)  id (16)
//   frame     the first part of a message:  flags u8  round u32  number u64
//             flags: bit 0 redelivered, bit 1 skipped (there is no message of this number: nothing follows)
//   command   from the receiver:            op u8, then
//             1 RESUME  known u8  delivered u64  acked u64  given u64  window u32  message size max u64
//             2 ACK     acked u64
//             3 RETRY   number u64  given u64
//   given     the first part of a message as the receiver's program gets it:  lane id (16)  flags u8  number u64
//   What is behind the fields of a property or a command is passed over, as is a command of another op. The message size of a RESUME
//   may be missing: nothing is known of it then.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/strong_id.hpp"
#include "fantail/message.hpp"

namespace fantail::patterns {

/// Names a lane, or a receiver: chosen by chance for each life of a sender's journal, and of a receiver.
using LaneId = std::array<std::uint8_t, 16>;
/// A message's place in its lane, from 1 on; 0: before the first, or no lane at all.
using LaneNumber = StrongId<struct LaneNumberTag>;

struct LaneFrame {
    static constexpr std::size_t size = 13;
    bool is_redelivered = false;  ///< a program may have been given it before
    bool is_skipped = false;
    std::uint32_t round = 0;  ///< RETRY commands that the sender has taken on this connection before it sent this
    LaneNumber number;
};

/// The receiver's first word on a connection: where the sender goes on.
struct LaneResume {
    bool is_known = false;  ///< it has met this lane before; else the numbers are 0
    LaneNumber delivered;   ///< the last one that its program need not be sent
    LaneNumber acked;       ///< the last one acknowledged, with all before it
    LaneNumber given;       ///< the last one that its program may have seen: above `delivered` if it wanted some again
    std::uint32_t window = 1;
    std::uint64_t message_size_max = 0;  ///< bytes, part_overhead more counted a part; 0: not said
};
struct LaneAck {
    LaneNumber acked;
};
/// Its program wants to be given `number` and what follows once more; it may have seen up to `given`.
struct LaneRetry {
    LaneNumber number;
    LaneNumber given;
};
/// Of an op that is not known here.
struct LaneOther {};
using LaneCommand = std::variant<LaneOther, LaneResume, LaneAck, LaneRetry>;

/// The handshake's property.
[[nodiscard]] std::string lane_property(const LaneId& id);
/// The id in it; nothing if there is none, or another version's.
[[nodiscard]] std::optional<LaneId> parse_lane_property(std::string_view value);

[[nodiscard]] part encode(const LaneFrame& frame);
/// Nothing if it is malformed.
[[nodiscard]] std::optional<LaneFrame> decode_lane_frame(byte_view bytes);

[[nodiscard]] Bytes encode(const LaneCommand& command);
/// Nothing if it is malformed.
[[nodiscard]] std::optional<LaneCommand> decode_lane_command(byte_view bytes);

/// What a receiver puts in front of a message for its program. Number 0: from a peer without lanes.
struct LaneGiven {
    static constexpr std::size_t size = 25;
    LaneId lane{};
    bool is_redelivered = false;
    LaneNumber number;
};
[[nodiscard]] part encode(const LaneGiven& given);
/// \param bytes that encode() has made
[[nodiscard]] LaneGiven decode_lane_given(byte_view bytes);

}  // namespace fantail::patterns
