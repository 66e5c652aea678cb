// SPDX-License-Identifier: Apache-2.0
//! What a lane's sender keeps in memory until it is acknowledged.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "base/assert.hpp"
#include "patterns/lane_wire.hpp"

namespace fantail::patterns {

/// How much is kept. Both limits are of what is there before the journal is full: the message that passes the second is still taken.
struct LaneJournalLimits {
    std::uint32_t messages_max = 10'000;  ///< 0: no limit
    std::uint64_t bytes_max = 64u << 20;  ///< of bodies, and part_overhead for each part; 0: no limit
};

/// Messages by number, without gaps. Invariant: numbers from first() to before end() are there.
class LaneJournal final {
public:
    static constexpr std::uint64_t part_overhead = 64;

    struct Entry {
        message m;
        std::uint64_t bytes = 0;     ///< as counted against the limit
        std::uint32_t attempts = 0;  ///< times that it was given back, or its receiver was lost over it
        bool is_dead = false;        ///< its message is gone
    };

    explicit LaneJournal(LaneJournalLimits limits) : limits_(limits) {}

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] bool full() const {
        return (limits_.messages_max != 0 && entries_.size() >= limits_.messages_max) ||
               (limits_.bytes_max != 0 && bytes_ >= limits_.bytes_max);
    }
    [[nodiscard]] LaneNumber first() const { return first_; }
    [[nodiscard]] LaneNumber end() const { return first_.plus(entries_.size()); }

    void append(message&& m) {
        const std::uint64_t bytes = m.bytes_total() + m.size() * part_overhead;
        bytes_ += bytes;
        entries_.push_back({.m = std::move(m), .bytes = bytes});
    }
    /// The message appended last, as if it had never been there.
    [[nodiscard]] message take_back() {
        message m = std::move(entries_.back().m);
        bytes_ -= entries_.back().bytes;
        entries_.pop_back();
        return m;
    }
    /// Numbers go on there. REQUIRES that it is empty.
    void begin_at(LaneNumber first) {
        FANTAIL_ASSERT(empty());
        first_ = first;
    }
    /// \param number from first() to before end(). Valid until the next append or drop.
    [[nodiscard]] Entry& at(LaneNumber number) {
        FANTAIL_ASSERT(number >= first_ && number < end());
        return entries_[static_cast<std::size_t>(number.value - first_.value)];
    }
    /// Forgets what is before `number`, up to all.
    void drop_before(LaneNumber number) {
        while (first_ < number && !entries_.empty()) {
            bytes_ -= entries_.front().bytes;
            entries_.pop_front();
            first_ = first_.plus(1);
        }
    }
    /// Takes a message out; its number stays.
    [[nodiscard]] message bury(LaneNumber number) {
        Entry& entry = at(number);
        bytes_ -= std::exchange(entry.bytes, 0);
        entry.is_dead = true;
        return std::exchange(entry.m, {});
    }

private:
    LaneJournalLimits limits_;
    LaneNumber first_{1};
    std::deque<Entry> entries_;
    std::uint64_t bytes_ = 0;
};

}  // namespace fantail::patterns
