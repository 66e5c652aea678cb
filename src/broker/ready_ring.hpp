// SPDX-License-Identifier: Apache-2.0
//! The consumers of a queue that can take a message now: by priority, round robin within one.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/consumer.hpp"

namespace fantail::broker {

/// Rings of consumers, the highest priority first. All O(1) but for the number of distinct priorities.
class ReadyRing {
public:
    /// Whose turn it is, or null when nobody takes anything.
    [[nodiscard]] Consumer* front() const { return groups_.empty() ? nullptr : groups_.front().head; }
    /// Whether front() is the only one of its priority.
    [[nodiscard]] bool alone() const { return groups_.front().head->next == groups_.front().head; }
    /// Gives the turn to the next one of the same priority.
    void rotate() { groups_.front().head = groups_.front().head->next; }
    [[nodiscard]] std::size_t size() const;
    /// Every member once, highest priority first, starting from whose turn it is.
    void collect(std::vector<Consumer*>& out) const;

    /// Links or unlinks the consumer as its takes() says.
    void update(Consumer& consumer) {
        if (consumer.takes() == consumer.linked) return;
        if (consumer.linked) remove(consumer);
        else add(consumer);
    }
    /// Unlinks the consumer if it is linked.
    void remove(Consumer& consumer);

private:
    struct Group {
        std::int32_t priority;
        Consumer* head;
    };
    void add(Consumer& consumer);

    std::vector<Group> groups_;
};

}  // namespace fantail::broker
