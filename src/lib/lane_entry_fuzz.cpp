// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a journal's message: what is taken is encoded to the same again.
#include "lib/lane_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    const ByteView input(data, size);
    const auto m = lib::decode_lane_entry(input);
    if (!m) return 0;
    Bytes again(lib::lane_entry_size(*m));
    lib::encode_lane_entry(*m, again);
    FANTAIL_ASSERT(std::ranges::equal(again, input));
    return 0;
}
