// SPDX-License-Identifier: Apache-2.0
//! Bounds the messages between a producer thread and a consumer thread, without a wake-up per message.
#pragma once
#include <atomic>
#include <cstdint>

namespace fantail::bench {

/// The producer sleeps when `limit` messages are in flight and wakes when half of them have arrived.
class FlowGate final {
public:
    /// `limit` >= 1 messages.
    explicit FlowGate(std::uint64_t limit) : limit_(limit) {}

    /// Producer: how many of the messages after `published` may be sent; waits until it is at least 1. 0 after release().
    [[nodiscard]] std::uint64_t room(std::uint64_t published) {
        while (!released_.load(std::memory_order_relaxed)) {
            const std::uint64_t in_flight = published - arrived_.load();
            if (in_flight < limit_) return limit_ - in_flight;
            const std::uint32_t ticket = ticket_.load();
            wake_at_.store(published - limit_ / 2);
            // The last arrival may have come before wake_at_ was set; nobody would wake us then.
            if (arrived_.load() >= published - limit_ / 2 || released_.load()) continue;
            ticket_.wait(ticket);
        }
        return 0;
    }

    /// Consumer: `total` messages have arrived since the start.
    void arrived(std::uint64_t total) {
        arrived_.store(total);
        if (total >= wake_at_.load()) wake();
    }

    /// Ends every wait, now and later.
    void release() {
        released_.store(true);
        wake();
    }

private:
    void wake() {
        wake_at_.store(UINT64_MAX);
        ticket_.fetch_add(1);
        ticket_.notify_all();
    }

    const std::uint64_t limit_;
    alignas(64) std::atomic<std::uint64_t> arrived_{0};
    alignas(64) std::atomic<std::uint64_t> wake_at_{UINT64_MAX};
    std::atomic<std::uint32_t> ticket_{0};
    std::atomic<bool> released_{false};
};

}  // namespace fantail::bench
