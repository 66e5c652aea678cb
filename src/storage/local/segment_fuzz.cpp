// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a segment's header, footer and trailer; what decodes encodes to something that decodes the same.
#include "storage/local/segment_format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    using namespace fantail::storage;
    const ByteView input(data, size);
    (void)decode_segment_header(input);
    (void)decode_segment_trailer(input);
    if (const auto runs = decode_segment_footer(input)) {
        const auto again = decode_segment_footer(encode_segment_footer(*runs));
        FANTAIL_ASSERT(again && again->size() == runs->size());
    }
    return 0;
}
