// SPDX-License-Identifier: Apache-2.0
//! Shares the process's descriptors between storage and connections, so that a crowd of clients cannot stop the disk.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fantail::runtime {

struct DescriptorBudget {
    /// Connections get descriptors below this number (the kernel gives out the lowest free one).
    std::uint64_t connections_end = 0;
    /// Segment files that a shard keeps open.
    std::uint32_t segments_per_shard = 0;
};

/// \param limit descriptors that the process may have; 0: no bound
[[nodiscard]] inline DescriptorBudget share_descriptors(std::uint64_t limit, std::uint64_t shards) {
    constexpr std::uint64_t segments_max = 256;
    constexpr std::uint64_t segments_min = 4;
    constexpr std::uint64_t own_per_shard = 16;  // its journal's files, its lock, what is just being made
    if (limit == 0) return {~std::uint64_t{0}, segments_max};
    const std::uint64_t storage = std::min(shards * (segments_max + own_per_shard), limit / 2);
    const std::uint64_t share = storage / shards;
    const std::uint64_t segments = share > own_per_shard ? share - own_per_shard : 0;
    return {limit - storage, static_cast<std::uint32_t>(std::clamp(segments, segments_min, segments_max))};
}

}  // namespace fantail::runtime
