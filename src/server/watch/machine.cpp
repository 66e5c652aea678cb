// SPDX-License-Identifier: Apache-2.0
//! statvfs, sysconf and the control group's files.
#include "server/watch/machine.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

namespace fantail::server {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

/// The least limit in the files `name` of `folder` and of those above it up to `root`.
std::uint64_t least_limit(const fs::path& root, const fs::path& folder, const char* name) {
    std::uint64_t least = no_limit;
    for (fs::path at = folder;; at = at.parent_path()) {
        std::uint64_t limit = 0;  // "max" does not parse as a number and is no limit
        if (std::ifstream(at / name) >> limit && limit > 0) least = std::min(least, limit);
        if (at == root || !at.has_relative_path()) return least;
    }
}

}  // namespace

std::uint64_t group_memory_limit(const std::string& mounted_at, std::istream& own_groups) {
    // Inside a container the group's own files are at the root, whatever its path is outside.
    const fs::path version_2 = mounted_at;
    const fs::path version_1 = version_2 / "memory";
    std::uint64_t least = std::min(least_limit(version_2, version_2, "memory.max"),
                                   least_limit(version_1, version_1, "memory.limit_in_bytes"));
    for (std::string line; std::getline(own_groups, line);) {
        // "0::/path", or "9:memory,…:/path" in version 1
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::string path = line.substr(std::min(second + 2, line.size()));
        if (controllers == ",,") least = std::min(least, least_limit(version_2, version_2 / path, "memory.max"));
        if (controllers.contains(",memory,"))
            least = std::min(least, least_limit(version_1, version_1 / path, "memory.limit_in_bytes"));
    }
    return least;
}

std::uint64_t usable_memory() {
    const std::uint64_t bytes = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L)) *
                                static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::ifstream own_groups("/proc/self/cgroup");
    return std::min(bytes, group_memory_limit("/sys/fs/cgroup", own_groups));
}

std::uint64_t disk_free(const std::string& path) {
    struct statvfs space{};
    if (::statvfs(path.c_str(), &space) != 0) return std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace fantail::server
