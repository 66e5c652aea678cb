// SPDX-License-Identifier: Apache-2.0
//! statvfs, sysconf and the control group's files.
#include "server/watch/machine.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace fantail::server {

std::uint64_t usable_memory() {
    std::uint64_t bytes = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L)) *
                          static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // Inside a container the group's own files are at the root; "max" does not parse as a number and is no limit.
    for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        std::uint64_t limit = 0;
        if (std::ifstream(path) >> limit && limit > 0) bytes = std::min(bytes, limit);
    }
    return bytes;
}

std::uint64_t disk_free(const std::string& path) {
    struct statvfs space{};
    if (::statvfs(path.c_str(), &space) != 0) return std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace fantail::server
