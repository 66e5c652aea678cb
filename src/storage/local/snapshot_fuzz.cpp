// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a snapshot, with the checksum made good so that the fuzzer gets behind it.
#include "storage/local/snapshot.hpp"
#include "base/crc32c.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    using namespace fantail::storage;
    (void)decode_snapshot({data, size});
    if (size < snapshot_header_size) return 0;
    Bytes copy(data, data + size);
    store_be(copy.data() + 60, crc32c(ByteView(copy).subspan(snapshot_header_size), crc32c(ByteView(copy).first(60))));
    (void)decode_snapshot(copy);
    return 0;
}
