// SPDX-License-Identifier: Apache-2.0
//! What the process knows about itself and its share of the machine.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace fantail::sys {

/// CPUs that this process may run on (its affinity mask, which containers narrow); at least 1.
[[nodiscard]] unsigned usable_cpu_count();

[[nodiscard]] std::uint64_t process_id();
/// The machine's name; "localhost" if the kernel does not tell.
[[nodiscard]] std::string host_name();

/// Binds the calling thread to the `index`-th usable CPU (modulo their number). Errors: io.
Result<void> pin_thread_to_cpu(unsigned index);

/// Resident memory in bytes, shared pages included; 0 if the kernel does not tell.
[[nodiscard]] std::uint64_t resident_bytes();

/// Makes the C library keep what is freed for reuse, up to a bound: fresh memory costs more than the copy into it.
/// Call once, before threads are started.
void tune_allocator();

/// Returns to the kernel what tune_allocator() lets the C library keep. Takes milliseconds, any thread.
void give_back_free_memory();

/// CPU time of all threads since the start, user and system, in nanoseconds.
[[nodiscard]] std::int64_t cpu_time_ns();

/// Raises the soft limit of open descriptors to the hard one. Returns the limit now in force. Errors: io.
Result<std::uint64_t> raise_open_files_limit();

}  // namespace fantail::sys
