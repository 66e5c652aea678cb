// SPDX-License-Identifier: Apache-2.0
//! Buckets: the value's highest bit chooses a group, the six bits below it a bucket within.
#include "driver/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fantail::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
    value = std::min(value, (std::uint64_t{1} << top_bit) - 1);
    if (value < (1U << sub_bits)) return static_cast<std::size_t>(value);
    const int shift = std::bit_width(value) - 1 - sub_bits;
    return (static_cast<std::size_t>(shift + 1) << sub_bits) + ((value >> shift) & ((1U << sub_bits) - 1));
}

std::int64_t Histogram::upper_bound_of(std::size_t bucket) {
    const std::size_t group = bucket >> sub_bits;
    const std::size_t within = bucket & ((1U << sub_bits) - 1);
    if (group == 0) return static_cast<std::int64_t>(within);
    const auto base = static_cast<std::int64_t>((1U << sub_bits) + within);
    return ((base + 1) << (group - 1)) - 1;
}

void Histogram::record(std::int64_t nanoseconds) {
    const std::int64_t value = std::max<std::int64_t>(nanoseconds, 0);
    ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    max_ = std::max(max_, value);
    sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

std::int64_t Histogram::percentile(double percent) const {
    if (count_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100.0));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
        seen += buckets_[i];
        if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(upper_bound_of(i), max_);
    }
    return max_;
}

}  // namespace fantail::bench
