// SPDX-License-Identifier: Apache-2.0
//! A one-way, lock-free path between two cores that carries batches of messages.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "runtime/messages.hpp"

namespace fantail::runtime {

/// One producer core, one consumer core. A slot holds everything that one turn sent, so that the cost of crossing is paid
/// once a turn. Invariant: slots [head_, tail_) are full and owned by the consumer, the others by the producer.
class Mailbox {
public:
    using Batch = std::vector<Message>;

    /// Producer: hands the batch over and leaves `batch` empty. \return false (batch untouched) if the consumer is
    /// `slots` turns behind: keep gathering and try again next turn.
    [[nodiscard]] bool push(Batch& batch) {
        const auto tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_.load(std::memory_order_acquire) == slots) return false;
        slots_[tail % slots].swap(batch);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Consumer: the oldest batch, or false. The swapped-out vector keeps its memory for the producer to reuse, unless a
    /// burst made it large: every slot would come to hold as much.
    [[nodiscard]] bool pop(Batch& into) {
        const auto head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_acquire)) return false;
        into.clear();
        if (into.capacity() > kept_capacity) into = Batch();
        into.swap(slots_[head % slots]);
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

private:
    static constexpr std::size_t slots = 64;
    static constexpr std::size_t kept_capacity = 128;
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::array<Batch, slots> slots_;
};

}  // namespace fantail::runtime
