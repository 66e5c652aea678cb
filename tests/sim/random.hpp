// SPDX-License-Identifier: Apache-2.0
//! The one source of chance: small, fast, and the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

namespace fantail::sim {

/// splitmix64. Each concern of a run has its own, forked from the seed, so that leaving out a fault leaves alone what
/// others draw.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    [[nodiscard]] Random fork(std::uint64_t concern) const {
        return Random(Random(state_ ^ (concern * 0xD1342543DE82EF95ull)).next());
    }
    /// 0..n-1. REQUIRES n > 0.
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    /// low..high, both included.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    bool percent(std::uint64_t p) { return below(100) < p; }
    /// Mostly near `low`, seldom near `high`.
    std::uint64_t skewed(std::uint64_t low, std::uint64_t high) {
        const std::uint64_t span = between(0, high - low);
        return low + (one_in(8) ? span : span / 64);
    }
    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }
    template <class T>
    void shuffle(std::vector<T>& all) {
        for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[below(i)]);
    }

private:
    std::uint64_t state_;
};

}  // namespace fantail::sim
