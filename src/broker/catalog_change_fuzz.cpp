// SPDX-License-Identifier: Apache-2.0
//! Catalog changes and snapshots out of arbitrary bytes: refused, or taken and given back as the same bytes.
#include "broker/catalog.hpp"

#include "broker/stored_bytes_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    const ByteView input(data, size);
    broker::fuzz_change(input, broker::decode_change, broker::encode_change);
    broker::Catalog catalog;
    if (catalog.restore(input)) {
        broker::Catalog copy;
        FANTAIL_ASSERT(copy.restore(catalog.snapshot()).has_value());
        FANTAIL_ASSERT(copy.vhosts().size() == catalog.vhosts().size());
        FANTAIL_ASSERT(copy.users().size() == catalog.users().size());
    }
    return 0;
}
