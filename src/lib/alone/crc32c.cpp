// SPDX-License-Identifier: Apache-2.0
//! The checksum of libfantail.a, which needs no ISA-L: Debian has that as a shared library only.
#include "base/crc32c.hpp"

#include "base/crc32c_plain.hpp"

namespace fantail {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) noexcept { return crc32c_plain(bytes, seed); }

}  // namespace fantail
