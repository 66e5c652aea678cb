// SPDX-License-Identifier: Apache-2.0
//! Checks that the messages of one producer come exactly once and in order.
#pragma once
#include <cstdint>

namespace fantail::bench {

/// Expects 0, 1, 2 …; a jump forward counts what is missing, a step back counts one repeated or late message.
class SequenceCheck final {
public:
    void see(std::uint64_t sequence) {
        if (sequence == expected_) {
            ++expected_;
        } else if (sequence > expected_) {
            missing_ += sequence - expected_;
            expected_ = sequence + 1;
        } else {
            ++repeated_;
        }
    }
    /// One more than the highest sequence seen.
    [[nodiscard]] std::uint64_t expected() const { return expected_; }
    [[nodiscard]] std::uint64_t missing() const { return missing_; }
    [[nodiscard]] std::uint64_t repeated() const { return repeated_; }

private:
    std::uint64_t expected_ = 0;
    std::uint64_t missing_ = 0;
    std::uint64_t repeated_ = 0;
};

}  // namespace fantail::bench
