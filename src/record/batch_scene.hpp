// SPDX-License-Identifier: Apache-2.0
//! For tests of record batches: some batches, and what is in one.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "record/batch.hpp"

namespace fantail::record {

inline std::uint32_t crc32c_by_definition(ByteView bytes) {
    std::uint32_t crc = 0xFFFF'FFFF;
    for (const std::uint8_t b : bytes) {
        crc ^= b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    }
    return ~crc;
}

inline RecordCursor cursor_of(ByteView batch) { return BatchView::parse(batch).value().records().value(); }

inline std::vector<RecordView> all_records(ByteView batch) {
    RecordCursor cursor = cursor_of(batch);
    std::vector<RecordView> out;
    RecordView record;
    while (cursor.next(record)) out.push_back(record);
    EXPECT_FALSE(cursor.failed());
    return out;
}

inline Bytes three_messages() {
    BatchBuilder builder;
    builder.append_message({1000}, as_bytes("k0"), as_bytes("envelope"), as_bytes("first"));
    builder.append_message({1005}, {}, as_bytes("e1"), {});
    builder.append_message({990}, as_bytes("k2"), as_bytes("e2"), as_bytes("third"));
    return builder.finish(Offset(40));
}

/// Composed by hand from KIP-98's message format: two records, every length and delta written out.
inline Bytes golden_batch() {
    Bytes b = {
        0,  0,    0,   0,  0,   0,   0,    7,     // base offset 7
        0,  0,    0,   81,                        // batch length: 49 of header + 18 + 14 of records
        0,  0,    0,   3,                         // leader epoch
        2,                                        // magic
        0,  0,    0,   0,                         // crc, filled in below
        0,  0x10,                                 // attributes: transactional
        0,  0,    0,   1,                         // last offset delta
        0,  0,    0,   0,  0,   0,   0x03, 0xE8,  // base timestamp 1000
        0,  0,    0,   0,  0,   0,   0x03, 0xEA,  // max timestamp 1002
        0,  0,    0,   0,  0,   0,   0,    9,     // producer id
        0,  5,                                    // producer epoch
        0,  0,    0,   6,                         // base sequence
        0,  0,    0,   2,                         // record count
        34, 0,    0,   0,                         // record of 17 bytes, attributes, time +0, offset +0
        4,  'k',  'y', 6,  'v', 'a', 'l',         // key of 2, value of 3
        2,  2,    'e', 6,  'E', 'N', 'V',         // one header: "e" of 1, value of 3
        26, 0,    4,   2,                         // record of 13 bytes, attributes, time +2, offset +1
        1,  0,                                    // null key, empty value
        4,  2,    'a', 1,  4,   'b', 'b',  0,     // two headers: "a" null, "bb" empty
    };
    const std::uint32_t crc = crc32c_by_definition(ByteView(b).subspan(21));
    for (int i = 0; i < 4; ++i) b[17 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    return b;
}

}  // namespace fantail::record
