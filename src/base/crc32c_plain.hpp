// SPDX-License-Identifier: Apache-2.0
//! CRC32C without a foreign library, for programs that link nothing but libfantail.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace fantail {

/// As crc32c(): the processor's instruction where there is one (8 bytes in 3 cycles), else a table.
[[nodiscard]] std::uint32_t crc32c_plain(ByteView bytes, std::uint32_t seed = 0) noexcept;

}  // namespace fantail
