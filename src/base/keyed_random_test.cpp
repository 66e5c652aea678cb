// SPDX-License-Identifier: Apache-2.0
//! Random numbers under a key: the function's published values, and what its users count on.
#include "base/keyed_random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fantail {
namespace {

constexpr RandomKey published_key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

TEST(KeyedRandom, HashesAsPublished_SipHash24) {
    EXPECT_EQ(sip_hash(published_key, 0x0706050403020100u), 0x93f5f5799a932462u);
}

TEST(KeyedRandom, GivesTheSameNumbersForAKeyAndOthersForAnother) {
    KeyedRandom one(published_key);
    KeyedRandom again(published_key);
    KeyedRandom other({published_key.low, published_key.high + 1});
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t number = one.next();
        EXPECT_EQ(number, again.next());
        seen.insert(number);
        seen.insert(other.next());
    }
    EXPECT_EQ(seen.size(), 2000u);
}

}  // namespace
}  // namespace fantail
