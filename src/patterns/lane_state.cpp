// SPDX-License-Identifier: Apache-2.0
//! The codec of a lane's state.
#include "patterns/lane_state.hpp"

namespace fantail::patterns {

static constexpr std::uint8_t version = 1;
static constexpr std::uint32_t flag_dead = 1u << 31;

Bytes encode(const LaneState& state) {
    FANTAIL_ASSERT(state.marks.size() <= LaneState::marks_max);
    Bytes bytes;
    Writer out(bytes);
    out.u8(version);
    out.raw(ByteView(state.id));
    out.u8(static_cast<std::uint8_t>(state.sent_to));
    out.raw(ByteView(state.receiver));
    out.u64(state.acked.value);
    out.u64(state.doubtful_end.value);
    out.u16(static_cast<std::uint16_t>(state.marks.size()));
    for (const LaneMark& mark : state.marks) {
        out.u64(mark.number.value);
        out.u32((mark.attempts & ~flag_dead) | (mark.is_dead ? flag_dead : 0));
    }
    return bytes;
}

static void read_marks(Reader& in, std::vector<LaneMark>& marks) {
    const std::uint16_t count = in.u16();
    for (std::uint16_t i = 0; i < count && !in.failed(); ++i) {
        const LaneNumber number(in.u64());
        const std::uint32_t attempts = in.u32();
        marks.push_back({number, attempts & ~flag_dead, (attempts & flag_dead) != 0});
    }
}

Result<LaneState> decode_lane_state(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t theirs = in.u8();
    if (theirs > version)
        return fail(ErrorCode::unsupported, "a lane of version " + std::to_string(theirs) +
                                                ", newer than this program's " + std::to_string(version));
    LaneState state;
    const auto read_id = [&in](LaneId& id) { std::ranges::copy(in.take(id.size()), id.begin()); };
    read_id(state.id);
    const std::uint8_t sent_to = in.u8();
    read_id(state.receiver);
    state.acked = LaneNumber(in.u64());
    state.doubtful_end = LaneNumber(in.u64());
    read_marks(in, state.marks);
    if (!in.done() || theirs == 0 || sent_to > static_cast<std::uint8_t>(LaneState::SentTo::plain_peer) ||
        state.marks.size() > LaneState::marks_max)
        return fail(ErrorCode::malformed, "a lane's state that makes no sense");
    state.sent_to = static_cast<LaneState::SentTo>(sent_to);
    return state;
}

}  // namespace fantail::patterns
