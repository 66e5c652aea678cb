// SPDX-License-Identifier: Apache-2.0
//! Random numbers that one who sees some of them cannot foretell.
#pragma once

#include <cstdint>

namespace fantail {

struct RandomKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of one 64-bit number, as eight bytes in little endian.
[[nodiscard]] std::uint64_t sip_hash(const RandomKey& key, std::uint64_t number);

/// The hashes of 0, 1, 2 … under a key: as good as a secret as the key is one, and the same again for the same key.
class KeyedRandom {
public:
    explicit KeyedRandom(RandomKey key) : key_(key) {}
    [[nodiscard]] std::uint64_t next() { return sip_hash(key_, made_++); }

private:
    RandomKey key_;
    std::uint64_t made_ = 0;
};

}  // namespace fantail
