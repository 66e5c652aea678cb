// SPDX-License-Identifier: Apache-2.0
//! A set of offsets that stays small while offsets come and go nearly in order.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/bytes.hpp"

namespace fantail::broker {

/// The offsets [first, end) of one stream.
struct OffsetSpan {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    [[nodiscard]] std::uint64_t size() const { return end - first; }
    [[nodiscard]] bool empty() const { return end <= first; }
    bool operator==(const OffsetSpan&) const = default;
};

/// A set of 64-bit offsets: bitmaps of 1024, where runs of full bitmaps are one entry and empty ones are none. Adding or
/// removing at either end is O(1) amortised; elsewhere O(log n) with n the number of partly filled bitmaps.
///
/// Invariants: entries ascend and do not overlap; a bitmap holds 1 to 1023 offsets; adjacent full entries are joined.
class OffsetSet {
public:
    static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool contains(std::uint64_t offset) const;
    /// Members within `span`.
    [[nodiscard]] std::uint64_t count_in(OffsetSpan span) const;
    /// One past a number not below the largest member; 0 when empty. O(1).
    [[nodiscard]] std::uint64_t bound() const;
    /// The first run of members at or after `from`, cut at `limit`; empty when there is none.
    [[nodiscard]] OffsetSpan next_run(std::uint64_t from, std::uint64_t limit = no_limit) const;

    /// Adds all of `span`. Returns how many were not members before.
    std::uint64_t insert(OffsetSpan span);
    /// Removes all of `span`. Returns how many were members.
    std::uint64_t erase(OffsetSpan span);
    /// Removes and returns the first run within `span`; empty when there is none.
    OffsetSpan take(OffsetSpan span);
    void clear();

    /// Bytes allocated.
    [[nodiscard]] std::size_t memory() const;
    /// Appends uvarint runs, then each run as uvarint gap since the last one's end and uvarint length.
    void encode(Writer& out) const;
    /// The inverse of encode(); sets in.failed() on bytes that are not one.
    [[nodiscard]] static OffsetSet decode(Reader& in);

private:
    static constexpr unsigned chunk_shift = 10;
    static constexpr std::uint64_t chunk_size = 1u << chunk_shift;
    using Bits = std::array<std::uint64_t, chunk_size / 64>;
    /// `chunks` chunks from `chunk` on, full; or one chunk with `count` members in `bits`.
    struct Entry {
        std::uint64_t chunk = 0;
        std::uint32_t chunks = 1;
        std::uint32_t count = 0;
        std::unique_ptr<Bits> bits;
        [[nodiscard]] bool full() const { return bits == nullptr; }
        [[nodiscard]] std::uint64_t past() const { return chunk + chunks; }
    };

    [[nodiscard]] std::size_t find(std::uint64_t chunk) const;
    std::uint64_t fill(std::uint64_t chunk, std::uint64_t chunks);
    std::uint64_t set_bits(std::uint64_t chunk, unsigned lo, unsigned hi);
    std::uint64_t clear_bits(std::size_t at, unsigned lo, unsigned hi);
    void cut(std::size_t at, OffsetSpan hole);
    void join(std::size_t at);
    [[nodiscard]] std::uint64_t next_member(std::size_t& at, std::uint64_t from) const;
    [[nodiscard]] std::uint64_t run_end(std::size_t at, std::uint64_t from) const;

    std::vector<Entry> entries_;
    std::uint64_t count_ = 0;
};

}  // namespace fantail::broker
