// SPDX-License-Identifier: Apache-2.0
//! How often messages were delivered before: counts by ranges of offsets.
#pragma once

#include <cstdint>
#include <map>

#include "broker/offset_set.hpp"

namespace fantail::broker {

/// Deliveries of a message that did not settle it.
struct LeaseCounts {
    std::uint32_t failed = 0;    ///< rejected with requeue, connection lost
    std::uint32_t acquired = 0;  ///< all of them, released ones too
    bool operator==(const LeaseCounts&) const = default;
};

/// Offsets with non-zero counts, equal neighbours kept as one range.
class LeaseCountMap {
public:
    /// Offsets from span.first on that have equal counts, cut at span.end, and these counts.
    [[nodiscard]] std::pair<OffsetSpan, LeaseCounts> run(OffsetSpan span) const;
    /// Sets the counts of all of `span`; zero counts erase.
    void set(OffsetSpan span, LeaseCounts counts);
    void erase(OffsetSpan span) { set(span, {}); }
    [[nodiscard]] bool empty() const { return ranges_.empty(); }
    /// Ranges held: a measure of memory.
    [[nodiscard]] std::size_t size() const { return ranges_.size(); }

    /// Appends uvarint count, then per range uvarint first, length, failed, acquired.
    void encode(Writer& out) const;
    void decode(Reader& in);

private:
    struct Range {
        std::uint64_t end;
        LeaseCounts counts;
    };
    using Map = std::map<std::uint64_t, Range>;
    Map::iterator split(std::uint64_t at);
    void join(Map::iterator at);

    Map ranges_;
};

}  // namespace fantail::broker
