// SPDX-License-Identifier: Apache-2.0
//! Fuzzes decompression: no bytes may break it or take it over its limit, and what comes out survives a round trip.
#include <cstdlib>

#include "record/compression.hpp"

using namespace fantail;
using namespace fantail::record;

namespace {

constexpr std::size_t size_max = 256u << 10;

void must(bool condition) {
    if (!condition) std::abort();
}

void fuzz_codec(Codec codec, ByteView in) {
    const auto data = decompress(codec, in, size_max);
    if (!data) return;
    must(data->size() <= size_max);
    const auto again = compress(codec, *data);
    must(again.has_value());
    const auto same = decompress(codec, *again, size_max);
    must(same.has_value() && as_text(*same) == as_text(*data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView in(data, size);
    if (size == 0) return 0;
    fuzz_codec(static_cast<Codec>(in[0] % 5), in.subspan(1));
    const auto batch = BatchView::parse(in.subspan(1));
    if (!batch) return 0;
    const auto plain = decompress_batch(*batch, size_max);
    if (!plain) return 0;
    const auto view = BatchView::parse(*plain);
    must(view.has_value() && view->verify_crc() && view->compression() == 0);
    (void)view->check_records();
    return 0;
}
