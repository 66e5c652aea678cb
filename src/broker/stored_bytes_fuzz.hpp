// SPDX-License-Identifier: Apache-2.0
//! For fuzzers of what shards store: arbitrary bytes are refused, or taken and given back as the same bytes.
#pragma once

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace fantail::broker {

/// A change that `decode` takes is `encode`d to bytes that are decoded and encoded to themselves.
void fuzz_change(ByteView input, auto decode, auto encode) {
    const auto change = decode(input);
    if (!change) return;
    Bytes once, twice;
    encode(*change, once);
    const auto again = decode(once);
    FANTAIL_ASSERT(again.has_value());
    encode(*again, twice);
    FANTAIL_ASSERT(once == twice);
}

template <class Table>
Bytes encoded(const Table& table) {
    Bytes bytes;
    Writer out(bytes);
    table.encode(out);
    return bytes;
}

/// A table that takes its snapshot gives one that makes the same table. \return whether `table` took it
template <class Table, class Host>
bool fuzz_snapshot(ByteView input, Table& table, Host& host) {
    Reader in(input);
    if (!table.decode(in)) return false;
    const Bytes bytes = encoded(table);
    Table copy(host);
    Reader again(bytes);
    FANTAIL_ASSERT(copy.decode(again));
    FANTAIL_ASSERT(again.done());
    FANTAIL_ASSERT(encoded(copy) == bytes);
    return true;
}

}  // namespace fantail::broker
