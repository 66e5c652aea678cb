// SPDX-License-Identifier: Apache-2.0
//! Affinity, memory, limits and CPU time of the process.
#include "sys/process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

#include "sys/errno_error.hpp"
#include "sys/fd.hpp"

namespace fantail::sys {

unsigned usable_cpu_count() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

std::uint64_t process_id() { return static_cast<std::uint64_t>(::getpid()); }

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "localhost";
}

Result<void> pin_thread_to_cpu(unsigned index) {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (::sched_getaffinity(0, sizeof usable, &usable) != 0) return std::unexpected(errno_error(errno, "affinity"));
    unsigned left = index % static_cast<unsigned>(std::max(1, CPU_COUNT(&usable)));
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &usable) || left-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (::sched_setaffinity(0, sizeof one, &one) != 0) return std::unexpected(errno_error(errno, "affinity"));
        return {};
    }
    return fail(ErrorCode::io, "affinity: no usable CPU");
}

std::uint64_t resident_bytes() {
    const Fd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    char text[128];
    const ssize_t size = file ? ::read(file.get(), text, sizeof text) : -1;
    if (size <= 0) return 0;
    // "total resident shared …", in pages
    const char* space = static_cast<const char*>(std::memchr(text, ' ', static_cast<std::size_t>(size)));
    std::uint64_t pages = 0;
    if (space != nullptr) std::from_chars(space + 1, text + size, pages);
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void tune_allocator() {
    constexpr int kept_bytes = 64 << 20;
    mallopt(M_MMAP_THRESHOLD, kept_bytes);  // message batches come from the heap, not from a mapping each
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
    mallopt(M_TOP_PAD, 1 << 20);
}

void give_back_free_memory() { ::malloc_trim(0); }

std::int64_t cpu_time_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

Result<std::uint64_t> raise_open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(errno_error(errno, "limit of open files"));
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(errno_error(errno, "limit of open files"));
    return limit.rlim_cur;
}

}  // namespace fantail::sys
