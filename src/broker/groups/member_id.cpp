// SPDX-License-Identifier: Apache-2.0
//! UUIDs as text.
#include "broker/groups/member_id.hpp"

#include <array>
#include <cstdio>

namespace fantail::broker {

std::string random_uuid(GroupHost& host) {
    const std::uint64_t high = (host.random() & ~0xF000ull) | 0x4000ull;
    const std::uint64_t low = (host.random() & ~(0b11ull << 62)) | (0b10ull << 62);
    std::array<char, 37> text{};
    std::snprintf(text.data(), text.size(), "%08llx-%04llx-%04llx-%04llx-%012llx",
                  static_cast<unsigned long long>(high >> 32), static_cast<unsigned long long>(high >> 16 & 0xFFFF),
                  static_cast<unsigned long long>(high & 0xFFFF), static_cast<unsigned long long>(low >> 48),
                  static_cast<unsigned long long>(low & 0xFFFF'FFFF'FFFFull));
    return text.data();
}

}  // namespace fantail::broker
