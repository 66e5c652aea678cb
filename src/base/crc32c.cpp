// SPDX-License-Identifier: Apache-2.0
//! CRC32C by ISA-L, which uses the processor's instruction three streams at a time.
#include "base/crc32c.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

namespace fantail {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) noexcept {
    std::uint32_t crc = ~seed;
    while (!bytes.empty()) {
        // ISA-L takes an int length and, by an old mistake of its header, a mutable pointer it never writes through.
        const std::size_t n = std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max());
        crc = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(n), crc);
        bytes = bytes.subspan(n);
    }
    return ~crc;
}

}  // namespace fantail
