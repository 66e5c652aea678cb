// SPDX-License-Identifier: Apache-2.0
//! The codec of a lane's slots.
#include "storage/lane/lane_slot.hpp"

#include "base/crc32c.hpp"

namespace fantail::storage {

namespace {
constexpr std::uint64_t magic = 0x46544C4C414E4500;  // "FTLLANE\0"
constexpr std::uint8_t flag_cached = 1;
constexpr std::size_t life_at = 24;
constexpr std::size_t state_at = 48;
constexpr std::size_t crc_at = lane_slot_size - 4;
}  // namespace

void encode_lane_slot(const LaneSlot& slot, MutableBytes out) {
    FANTAIL_ASSERT(out.size() == lane_slot_size && slot.state.size() <= lane_state_size_max);
    std::uint8_t* const p = out.data();
    std::memset(p, 0, out.size());
    store_be(p, magic);
    store_be(p + 8, lane_slot_version);
    p[10] = slot.is_cached ? flag_cached : 0;
    store_be(p + 12, static_cast<std::uint32_t>(slot.state.size()));
    store_be(p + 16, slot.sequence);
    std::ranges::copy(slot.life, p + life_at);
    store_be(p + 40, slot.durable);
    std::ranges::copy(slot.state, p + state_at);
    store_be(p + crc_at, crc32c({p, crc_at}));
}

Result<std::optional<LaneSlot>> decode_lane_slot(ByteView block) {
    if (block.size() < lane_slot_size || load_be<std::uint64_t>(block.data()) != magic) return std::nullopt;
    const std::uint8_t* const p = block.data();
    if (load_be<std::uint32_t>(p + crc_at) != crc32c(block.first(crc_at))) return std::nullopt;
    if (const auto version = load_be<std::uint16_t>(p + 8); version > lane_slot_version)
        return fail(ErrorCode::unsupported, "a lane's state of version " + std::to_string(version) +
                                                ", newer than this program's " + std::to_string(lane_slot_version));
    const auto length = load_be<std::uint32_t>(p + 12);
    if (length > lane_state_size_max) return fail(ErrorCode::malformed, "a lane's state that is longer than its slot");
    LaneSlot slot{.is_cached = (p[10] & flag_cached) != 0,
                  .sequence = load_be<std::uint64_t>(p + 16),
                  .life = {},
                  .durable = load_be<std::uint64_t>(p + 40),
                  .state = block.subspan(state_at, length)};
    std::ranges::copy(block.subspan(life_at, slot.life.size()), slot.life.begin());
    return slot;
}

Result<std::optional<LaneSlot>> newest_lane_slot(ByteView file) {
    std::optional<LaneSlot> newest;
    bool has_blank = false;  // then the first state was being written, if any
    for (std::size_t i = 0; i < lane_slots && (i + 1) * lane_slot_size <= file.size(); ++i) {
        const ByteView block = file.subspan(i * lane_slot_size, lane_slot_size);
        has_blank = has_blank || std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; });
        FANTAIL_TRY(const std::optional<LaneSlot> slot, decode_lane_slot(block));
        if (slot && (!newest || slot->sequence > newest->sequence)) newest = slot;
    }
    if (!newest && !has_blank) return fail(ErrorCode::corrupt, "no state of the lane passes its checksum");
    return newest;
}

}  // namespace fantail::storage
