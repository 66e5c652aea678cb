// SPDX-License-Identifier: Apache-2.0
//! CRC32C (Castagnoli), the checksum of every stored structure.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace fantail {

/// The CRC32C of `bytes` as RFC 3720 §B.4 and Kafka define it (initial and final inversion included).
/// \param seed the value returned for the bytes before these, or 0 at the start.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0) noexcept;

}  // namespace fantail
