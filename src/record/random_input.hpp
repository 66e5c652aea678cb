// SPDX-License-Identifier: Apache-2.0
//! Random inputs for this module's tests; every failure prints the seed and how to repeat it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "base/bytes.hpp"

namespace fantail::record {

/// A seeded source. Use with `SCOPED_TRACE(random.trace())`; FANTAIL_TEST_SEED repeats a run.
class RandomInput {
public:
    RandomInput() : seed_(choose_seed()), engine_(seed_) {}

    [[nodiscard]] std::string trace() const {
        return "repeat with FANTAIL_TEST_SEED=" + std::to_string(seed_) + " record_test";
    }
    /// 0 to max, both included.
    std::size_t upto(std::size_t max) { return std::uniform_int_distribution<std::size_t>(0, max)(engine_); }
    std::uint64_t any() { return engine_(); }
    bool chance(std::size_t one_in) { return upto(one_in - 1) == 0; }
    Bytes bytes(std::size_t size) {
        Bytes out(size);
        for (auto& b : out) b = static_cast<std::uint8_t>(engine_());
        return out;
    }
    std::string text(std::size_t size_max) {
        std::string out(upto(size_max), ' ');
        for (auto& c : out) c = static_cast<char>('a' + upto(25));
        return out;
    }
    /// Changes, cuts or lengthens the bytes a little.
    void mutate(Bytes& bytes) {
        for (std::size_t n = upto(3); !bytes.empty() && n > 0; --n)
            bytes[upto(bytes.size() - 1)] = static_cast<std::uint8_t>(any());
        if (chance(4)) bytes.resize(upto(bytes.size()));
        if (chance(8)) bytes.push_back(static_cast<std::uint8_t>(any()));
    }

private:
    static std::uint64_t choose_seed() {
        const char* given = std::getenv("FANTAIL_TEST_SEED");
        return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    }
    std::uint64_t seed_;
    std::mt19937_64 engine_;
};

}  // namespace fantail::record
