// SPDX-License-Identifier: Apache-2.0
//! A word that a thread sleeps on until another changes it.
#pragma once

#include <atomic>
#include <cstdint>

namespace fantail::sys {

/// A futex. Waking a thread by it costs less than by a descriptor.
class WakeWord final {
public:
    [[nodiscard]] std::uint32_t value() const { return word_.load(std::memory_order_seq_cst); }
    /// Sleeps while the value is `seen`, at most `timeout_ns` (below 0: without end); may return early.
    void sleep(std::uint32_t seen, std::int64_t timeout_ns);
    /// Changes the value and wakes who sleeps.
    void wake();

private:
    std::atomic<std::uint32_t> word_{0};
};

}  // namespace fantail::sys
