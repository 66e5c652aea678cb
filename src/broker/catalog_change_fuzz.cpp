// SPDX-License-Identifier: Apache-2.0
//! Catalog changes and snapshots out of arbitrary bytes: refused, or taken and given back as the same bytes.
#include "broker/catalog.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    const ByteView input(data, size);
    if (const auto change = broker::decode_change(input)) {
        Bytes once, twice;
        broker::encode_change(*change, once);
        const auto again = broker::decode_change(once);
        FANTAIL_ASSERT(again.has_value());
        broker::encode_change(*again, twice);
        FANTAIL_ASSERT(once == twice);
    }
    broker::Catalog catalog;
    if (catalog.restore(input)) {
        broker::Catalog copy;
        FANTAIL_ASSERT(copy.restore(catalog.snapshot()).has_value());
        FANTAIL_ASSERT(copy.vhosts().size() == catalog.vhosts().size());
        FANTAIL_ASSERT(copy.users().size() == catalog.users().size());
    }
    return 0;
}
