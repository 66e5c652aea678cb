// SPDX-License-Identifier: Apache-2.0
//! SipHash-2-4 for inputs of eight bytes.
#include "base/keyed_random.hpp"

#include <array>
#include <bit>

namespace fantail {
namespace {

using State = std::array<std::uint64_t, 4>;

constexpr std::uint64_t length_block = std::uint64_t{8}
                                       << 56;  // the input's length stands in the last block's top byte

void round(State& v) {
    v[0] += v[1];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[3];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[2] = std::rotl(v[2], 32);
}

void absorb(State& v, std::uint64_t block) {
    v[3] ^= block;
    round(v);
    round(v);
    v[0] ^= block;
}

}  // namespace

std::uint64_t sip_hash(const RandomKey& key, std::uint64_t number) {
    State v{key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du, key.low ^ 0x6c7967656e657261u,
            key.high ^ 0x7465646279746573u};
    absorb(v, number);
    absorb(v, length_block);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace fantail
