// SPDX-License-Identifier: Apache-2.0
//! The library's own CRC32C against the broker's, at every small size, alignment and cut.
#include "base/crc32c_plain.hpp"

#include <gtest/gtest.h>

#include "base/crc32c.hpp"

namespace fantail {
namespace {

TEST(Crc32cPlain, IsTheSameChecksum) {
    Bytes bytes(700);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + (i >> 3));
    for (std::size_t start = 0; start < 9; ++start) {
        for (std::size_t n = 0; n < 600; n += 5) {
            const ByteView part = ByteView(bytes).subspan(start, n);
            ASSERT_EQ(crc32c_plain(part), crc32c(part)) << "start " << start << " size " << n;
            const ByteView head = part.first(n / 3);
            ASSERT_EQ(crc32c_plain(part.subspan(n / 3), crc32c_plain(head)), crc32c(part)) << "cut, size " << n;
        }
    }
}

}  // namespace
}  // namespace fantail
