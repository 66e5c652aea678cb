// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a journal header, a frame and its entries: never out of bounds.
#include "storage/local/journal_format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    using namespace fantail::storage;
    const ByteView input(data, size);
    (void)decode_journal_header(input);
    if (const auto header = decode_frame_header(input); header && frame_header_size + header->payload_length <= size)
        (void)frame_is_whole(input.first(frame_header_size + header->payload_length), 1);
    Reader in(input);
    std::vector<Target> targets;
    while (in.left() > 0) {
        const auto entry = decode_entry(in, size);
        if (!entry) break;
        FANTAIL_ASSERT(entry->bytes_position + entry->bytes.size() <= size);
        decode_targets(entry->targets, targets);
    }
    return 0;
}
