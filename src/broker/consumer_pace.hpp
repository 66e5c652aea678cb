// SPDX-License-Identifier: Apache-2.0
//! Whether consumers keep up with what is published.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fantail::broker {

/// How the consumers that settle did in one turn.
struct ConsumerPace {
    enum class Kind : std::uint8_t {
        none,    ///< none was served
        even,    ///< they left less than they took
        behind,  ///< they took all that their windows allowed, or what was at hand, and left more
    };
    Kind kind = Kind::none;
    std::uint64_t leased_bytes = 0;

    /// Of several queues the one that is worst off counts.
    void add(const ConsumerPace& other) {
        kind = std::max(kind, other.kind);
        leased_bytes += other.leased_bytes;
    }
};

}  // namespace fantail::broker
