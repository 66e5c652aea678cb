// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a lane's files: as they are, and as the payload of a whole frame; never out of bounds, never out of order.
#include "storage/lane/lane_recovery.hpp"

using namespace fantail;
using namespace fantail::storage;

static void walk(ByteView file) {
    const auto header = decode_journal_header(file);
    if (!header) return;
    Lsn expected = header->base;
    const auto replay = [&](Lsn number, ByteView entry) {
        FANTAIL_ASSERT(number == expected);
        FANTAIL_ASSERT(entry.empty() || (entry.data() >= file.data() && entry.size() <= file.size()));
        expected = expected.plus(1);
    };
    const auto walked = walk_lane_file(file, *header, replay);
    if (walked) static_cast<void>(shows_damage(file, *header, *walked));
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    static_cast<void>(newest_lane_slot(input));
    walk(input);
    if (size == 0) return 0;
    Bytes file(journal_header_size + sys::round_up_to_block(frame_header_size + size));
    std::ranges::fill(file, std::uint8_t{0});
    const std::uint32_t seed =
        encode_journal_header({.state = JournalState::active, .sequence = 1, .base = Lsn(1), .epoch = 1}, file);
    const MutableBytes frame = MutableBytes(file).subspan(journal_header_size, frame_header_size + size);
    std::ranges::copy(input, frame.begin() + frame_header_size);
    seal_frame({.payload_length = static_cast<std::uint32_t>(size),
                .epoch = 1,
                .entry_count = data[0],
                .first = Lsn(1),
                .previous_crc = seed},
               seed, frame);
    walk(file);
    return 0;
}
