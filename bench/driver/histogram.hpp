// SPDX-License-Identifier: Apache-2.0
//! A histogram of durations in logarithmic buckets: fixed size, 1.6 % resolution, whatever the number of samples.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace fantail::bench {

/// Counts durations in nanoseconds up to 2^42 (73 minutes; longer ones count as that). Not thread-safe.
class Histogram final {
public:
    /// Adds one sample, in nanoseconds; negative samples count as 0.
    void record(std::int64_t nanoseconds);
    /// Adds every sample of `other`.
    void merge(const Histogram& other);
    /// The value in nanoseconds below or at which `percent` (0..100) of the samples lie; 0 when empty.
    [[nodiscard]] std::int64_t percentile(double percent) const;
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::int64_t max() const { return max_; }
    [[nodiscard]] double mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }

private:
    static constexpr int sub_bits = 6;
    static constexpr int top_bit = 42;
    static constexpr std::size_t bucket_count = (top_bit - sub_bits + 2) << sub_bits;
    static std::size_t bucket_of(std::uint64_t value);
    static std::int64_t upper_bound_of(std::size_t bucket);

    std::array<std::uint64_t, bucket_count> buckets_{};
    std::uint64_t count_ = 0;
    std::int64_t max_ = 0;
    double sum_ = 0;
};

}  // namespace fantail::bench
