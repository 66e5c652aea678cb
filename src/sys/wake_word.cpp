// SPDX-License-Identifier: Apache-2.0
//! futex.
#include "sys/wake_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace fantail::sys {

void WakeWord::sleep(std::uint32_t seen, std::int64_t timeout_ns) {
    const timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
    ::syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, seen, timeout_ns < 0 ? nullptr : &timeout, nullptr, 0);
}

void WakeWord::wake() {
    word_.fetch_add(1, std::memory_order_seq_cst);
    ::syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace fantail::sys
