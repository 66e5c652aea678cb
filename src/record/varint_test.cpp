// SPDX-License-Identifier: Apache-2.0
//! Numbers of varying length: round trips, and what is too long.
#include "record/varint.hpp"

#include <gtest/gtest.h>

namespace fantail::record {
namespace {

TEST(Varint, RoundTripsAndRefusesMoreThan64Bits) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const std::uint64_t v : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit}) {
            std::uint8_t room[10];
            const std::uint8_t* const end = put_uvarint(room, v);
            EXPECT_EQ(static_cast<std::size_t>(end - room), uvarint_size(v)) << v;
            const std::uint8_t* at = room;
            std::uint64_t back = 0;
            EXPECT_TRUE(get_uvarint(at, end, back));
            EXPECT_EQ(back, v);
            EXPECT_EQ(at, end);
            at = room;
            EXPECT_FALSE(get_uvarint(at, end - 1, back));
            EXPECT_EQ(unzigzag(zigzag(static_cast<std::int64_t>(v))), static_cast<std::int64_t>(v));
        }
    }
    const Bytes too_big{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02};
    const std::uint8_t* at = too_big.data();
    std::uint64_t v;
    EXPECT_FALSE(get_uvarint(at, at + too_big.size(), v));
}

}  // namespace
}  // namespace fantail::record
