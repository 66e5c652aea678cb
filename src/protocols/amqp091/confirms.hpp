// SPDX-License-Identifier: Apache-2.0
//! Confirms: one channel's publisher sequence numbers and the acks and nacks that answer them.
#pragma once

#include <vector>

#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// Consecutive sequence numbers, both ends included.
struct SequenceRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool accepted = true;
};

/// Numbers publishes from 1, gathers their answers in any order, and writes as few basic.acks as say the same.
/// Invariants: everything below `low_` is answered; `ahead_` holds the answered ranges above it, sorted and disjoint;
/// `fresh_` holds what was answered since the last write.
class Confirms final {
public:
    /// The next publish's number.
    [[nodiscard]] std::uint64_t next() { return ++last_; }
    /// The numbers in `range` are answered. Each at most once.
    void answered(const SequenceRange& range);
    /// Whether write() has something to say.
    [[nodiscard]] bool pending() const { return !fresh_.empty(); }
    /// Whether every number given out is answered, as of the last absorb() or write().
    [[nodiscard]] bool complete() const { return low_ > last_; }
    /// Takes note of the answers without telling anybody. \return false if some were negative.
    bool absorb();
    /// Writes nacks one by one, then one ack for all numbers that nothing precedes unanswered, then the rest one by one.
    void write(Link& link, std::uint16_t channel);

private:
    void merge();
    void write_nacks(Link& link, std::uint16_t channel) const;
    void write_acks(Link& link, std::uint16_t channel) const;

    std::uint64_t last_ = 0;
    std::uint64_t low_ = 1;
    std::vector<SequenceRange> fresh_;
    std::vector<SequenceRange> ahead_;
};

}  // namespace fantail::amqp091
