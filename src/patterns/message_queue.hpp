// SPDX-License-Identifier: Apache-2.0
//! A bounded queue of messages whose slots are used again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/assert.hpp"
#include "fantail/message.hpp"

namespace fantail::patterns {

/// How much a queue holds. Both limits are of what is accepted before the queue is full: the message that passes the
/// second one is still taken.
struct QueueLimits {
    std::uint32_t messages_max = 1000;   ///< 0: no limit
    std::uint64_t bytes_max = 8u << 20;  ///< of large bodies; a message alone may be larger
    bool conflate = false;               ///< keep only the newest message
};

/// A ring of messages. Hot: no allocation once it has grown to what it holds at most.
/// Invariant: slots outside of the `count_` ones from `head_` on hold empty messages.
class MessageQueue final {
public:
    MessageQueue() = default;
    explicit MessageQueue(QueueLimits limits) : limits_(limits) {}

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool full() const {
        if (limits_.conflate) return false;
        return (limits_.messages_max != 0 && count_ >= limits_.messages_max) || bytes_ >= limits_.bytes_max;
    }
    void push(message&& m) {
        if (!m[0].is_inline() || m.size() > 1) bytes_ += m.bytes_total();
        if (limits_.conflate && count_ == 1 && m.tag() == 0) {
            bytes_ = 0;
            slots_[head_] = std::move(m);
            return;
        }
        if (count_ == capacity_) grow();
        slots_[(head_ + count_++) & (capacity_ - 1)] = std::move(m);
    }
    /// A message of one part of at most part::inline_max bytes. Hot.
    void push_small(byte_view body) {
        if (limits_.conflate) return push(message(body));
        if (count_ == capacity_) grow();
        slots_[(head_ + count_++) & (capacity_ - 1)][0] = part(body);
    }
    /// The oldest message, or false.
    [[nodiscard]] bool pop(message& into) {
        if (count_ == 0) return false;
        into = std::move(slots_[head_]);
        head_ = (head_ + 1) & (capacity_ - 1);
        --count_;
        if (bytes_ != 0) forget_bytes(into);
        return true;
    }
    [[nodiscard]] const message& front() const {
        FANTAIL_ASSERT(count_ > 0);
        return slots_[head_];
    }
    void clear() {
        message gone;
        while (pop(gone)) {}
    }

private:
    void forget_bytes(const message& m) {
        if (count_ == 0) bytes_ = 0;
        else if (!m[0].is_inline() || m.size() > 1) bytes_ -= std::min<std::uint64_t>(bytes_, m.bytes_total());
    }
    void grow() {
        const std::size_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
        auto slots = std::make_unique<message[]>(capacity);
        for (std::size_t i = 0; i < count_; ++i) slots[i] = std::move(slots_[(head_ + i) & (capacity_ - 1)]);
        slots_ = std::move(slots);
        capacity_ = capacity;
        head_ = 0;
    }

    QueueLimits limits_;
    std::unique_ptr<message[]> slots_;
    std::size_t capacity_ = 0;  ///< a power of two, or 0
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    std::uint64_t bytes_ = 0;  ///< of messages that do not lie in their slot alone
};

}  // namespace fantail::patterns
