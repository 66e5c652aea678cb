// SPDX-License-Identifier: Apache-2.0
//! Gathers and writes publisher confirms.
#include "protocols/amqp091/confirms.hpp"

#include <algorithm>

namespace fantail::amqp091 {

namespace {
bool by_first(const SequenceRange& a, const SequenceRange& b) { return a.first < b.first; }
}  // namespace

void Confirms::answered(const SequenceRange& range) {
    if (!fresh_.empty()) {
        SequenceRange& back = fresh_.back();
        if (back.accepted == range.accepted && back.last + 1 == range.first) {
            back.last = range.last;
            return;
        }
    }
    fresh_.push_back(range);
}

/// Moves `low_` over everything that is answered without a gap.
void Confirms::merge() {
    if (!std::is_sorted(fresh_.begin(), fresh_.end(), by_first)) std::sort(fresh_.begin(), fresh_.end(), by_first);
    ahead_.insert(ahead_.end(), fresh_.begin(), fresh_.end());
    // Nearly always in order already: answers mostly come in the order of the publishes.
    if (!std::is_sorted(ahead_.begin(), ahead_.end(), by_first)) std::sort(ahead_.begin(), ahead_.end(), by_first);
    std::size_t passed = 0;
    while (passed < ahead_.size() && ahead_[passed].first == low_) low_ = ahead_[passed++].last + 1;
    ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(passed));
}

bool Confirms::absorb() {
    merge();
    const bool good = std::ranges::all_of(fresh_, &SequenceRange::accepted);
    fresh_.clear();
    return good;
}

void Confirms::write_nacks(Link& link, std::uint16_t channel) const {
    for (const SequenceRange& range : fresh_) {
        if (range.accepted) continue;
        for (std::uint64_t tag = range.first; tag <= range.last; ++tag)
            link.send(channel, BasicNack{.delivery_tag = tag});
    }
}

void Confirms::write_acks(Link& link, std::uint16_t channel) const {
    std::uint64_t covered = 0;
    std::uint64_t highest = 0;
    for (const SequenceRange& range : fresh_) {
        if (!range.accepted || range.first >= low_) continue;
        covered += range.last - range.first + 1;
        highest = range.last;
    }
    if (covered != 0) link.send(channel, BasicAck{.delivery_tag = highest, .multiple = covered > 1});
    for (const SequenceRange& range : fresh_) {
        if (!range.accepted || range.first < low_) continue;
        for (std::uint64_t tag = range.first; tag <= range.last; ++tag)
            link.send(channel, BasicAck{.delivery_tag = tag});
    }
}

void Confirms::write(Link& link, std::uint16_t channel) {
    if (fresh_.empty()) return;
    merge();
    // Nacks first: an ack of several would otherwise cover numbers that were refused.
    write_nacks(link, channel);
    write_acks(link, channel);
    fresh_.clear();
}

}  // namespace fantail::amqp091
