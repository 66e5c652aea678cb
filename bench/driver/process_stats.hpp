// SPDX-License-Identifier: Apache-2.0
//! What a process and the machine used: CPU seconds, memory, disk; read from /proc and the file system.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace fantail::bench {

/// CPU seconds (user + system, exited threads included) of `pid` and of its living descendants; 0 for pid 0 or a dead one.
[[nodiscard]] double process_cpu_seconds(pid_t pid);
/// CPU seconds of this process.
[[nodiscard]] double own_cpu_seconds();
/// CPU seconds of the calling thread.
[[nodiscard]] double thread_cpu_seconds();
/// Seconds that all CPUs of the machine were busy since boot (interrupts and stolen time included).
[[nodiscard]] double machine_busy_seconds();

/// Memory of one process in bytes; zeros when it cannot be read.
struct Memory {
    std::uint64_t resident = 0;
    std::uint64_t proportional = 0;
};
[[nodiscard]] Memory process_memory(pid_t pid);

/// Bytes allocated on disk (st_blocks) under `directory`; 0 when it is empty text or missing.
[[nodiscard]] std::uint64_t disk_bytes(const std::string& directory);

/// Number of entries in `directory`, such as /proc/PID/fd; 0 when it cannot be read.
[[nodiscard]] std::uint64_t directory_entries(const std::string& directory);

/// Binds the calling thread, and every thread it starts later, to one CPU. False when the kernel refuses.
[[nodiscard]] bool pin_to_cpu(int cpu);

/// Raises the limit of open files to what the system allows.
void raise_file_limit();

}  // namespace fantail::bench
