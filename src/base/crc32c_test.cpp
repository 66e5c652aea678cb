// SPDX-License-Identifier: Apache-2.0
//! CRC32C against the vectors of RFC 3720 §B.4 and against the definition, bit by bit.
#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace fantail {
namespace {

std::uint32_t by_definition(ByteView bytes) {
    std::uint32_t crc = 0xFFFF'FFFF;
    for (const std::uint8_t b : bytes) {
        crc ^= b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    }
    return ~crc;
}

Bytes counting(std::size_t n) {
    Bytes bytes(n);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
}

TEST(Crc32c, HasTheCheckValue) { EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u); }

TEST(Crc32c, HasTheVectorsOfRfc3720) {
    EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8A9136AAu);
    EXPECT_EQ(crc32c(Bytes(32, 0xFF)), 0x62A8AB43u);
    EXPECT_EQ(crc32c(counting(32)), 0x46DD794Eu);
}

TEST(Crc32c, OfNothingIsZero) { EXPECT_EQ(crc32c({}), 0u); }

TEST(Crc32c, AgreesWithTheDefinitionAtEverySmallSizeAndAlignment) {
    const Bytes bytes = counting(600);
    for (std::size_t start = 0; start < 9; ++start) {
        for (std::size_t n = 0; n < 580; n += 7) {
            const ByteView part = ByteView(bytes).subspan(start, n);
            ASSERT_EQ(crc32c(part), by_definition(part)) << "start " << start << " size " << n;
        }
    }
}

TEST(Crc32c, ContinuesFromASeedWhereverItIsCut) {
    const Bytes bytes = counting(100);
    const std::uint32_t whole = crc32c(bytes);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const ByteView all(bytes);
        EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), whole) << "cut at " << cut;
    }
}

}  // namespace
}  // namespace fantail
