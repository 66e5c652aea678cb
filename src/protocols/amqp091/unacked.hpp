// SPDX-License-Identifier: Apache-2.0
//! Unacked: the delivered and not yet settled messages of one channel, by delivery tag.
#pragma once

#include <vector>

#include "base/ids.hpp"

namespace fantail::amqp091 {

/// Consecutive offsets of one queue level that one consumer holds.
struct LeaseRange {
    ConsumerId consumer;
    QueueId queue;
    std::uint8_t level = 0;
    Offset first;
    std::uint64_t count = 0;
};

/// Messages in order of their tags, in runs of up to 64 whose offsets are consecutive too. Acks in order cost O(1),
/// others a binary search; a settled message in the middle is a cleared bit.
/// Invariants: `runs_[head_…]` is sorted by tag; the run at `head_` has a bit left; `live_` is the sum of all bits.
class Unacked final {
public:
    /// Adds a message. Tags ascend by one.
    void add(std::uint64_t tag, ConsumerId consumer, QueueId queue, std::uint8_t level, Offset offset);
    /// Takes the message with this tag out. \return false if there is none.
    [[nodiscard]] bool take(std::uint64_t tag, LeaseRange& out);
    /// Takes all up to and including `tag`, which must be there. \return false, and changes nothing, if it is not.
    [[nodiscard]] bool take_to(std::uint64_t tag, std::vector<LeaseRange>& out);
    /// Whether the message with this tag is unsettled.
    [[nodiscard]] bool contains(std::uint64_t tag) const { return find(tag) != runs_.size(); }
    /// Appends the tags of all that are unsettled up to and including `last`, in order.
    void list(std::uint64_t last, std::vector<std::uint64_t>& out) const;
    /// Takes everything.
    void take_all(std::vector<LeaseRange>& out);
    /// Unsettled messages of one consumer; takes time by the number of runs.
    [[nodiscard]] std::uint64_t held_by(ConsumerId consumer) const;
    /// Unsettled messages.
    [[nodiscard]] std::uint64_t size() const { return live_; }

private:
    static constexpr unsigned run_size_max = 64;
    struct Run {
        std::uint64_t first_tag = 0;
        std::uint64_t left = 0;  ///< bit i: tag first_tag + i is unsettled
        ConsumerId consumer;
        QueueId queue;
        Offset first_offset;
        std::uint8_t level = 0;
        std::uint8_t size = 0;
    };
    [[nodiscard]] std::size_t find(std::uint64_t tag) const;
    static void drain(Run& run, std::uint64_t mask, std::vector<LeaseRange>& out);
    void drop_front();
    void compact();

    std::vector<Run> runs_;
    std::size_t head_ = 0;
    std::size_t empty_runs_ = 0;  ///< runs behind the head without a bit left
    std::uint64_t live_ = 0;
};

}  // namespace fantail::amqp091
