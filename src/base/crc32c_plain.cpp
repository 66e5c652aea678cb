// SPDX-License-Identifier: Apache-2.0
//! CRC32C by one instruction or one table.
#include "base/crc32c_plain.hpp"

#include <array>

namespace fantail {

namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0u);
        table[i] = crc;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> table = make_table();

std::uint32_t by_table(ByteView bytes, std::uint32_t crc) noexcept {
    for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t by_instruction(ByteView bytes, std::uint32_t crc) noexcept {
    std::uint64_t wide = crc;
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
        std::uint64_t word;
        std::memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at) crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

}  // namespace

std::uint32_t crc32c_plain(ByteView bytes, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    if (has_instruction) return ~by_instruction(bytes, ~seed);
#endif
    return ~by_table(bytes, ~seed);
}

}  // namespace fantail
