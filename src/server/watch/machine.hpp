// SPDX-License-Identifier: Apache-2.0
//! What the machine has left for us.
#pragma once

#include <cstdint>
#include <istream>
#include <string>

namespace fantail::server {

/// Bytes of memory that this process may use: the machine's, or its control group's limit if that is lower.
[[nodiscard]] std::uint64_t usable_memory();
/// The least memory limit of the control groups named by `own_groups` (/proc/self/cgroup) and of those above them, below
/// `mounted_at`; the largest number if there is none.
[[nodiscard]] std::uint64_t group_memory_limit(const std::string& mounted_at, std::istream& own_groups);
/// Bytes that can still be written where `path` is; the largest number if the kernel does not tell.
[[nodiscard]] std::uint64_t disk_free(const std::string& path);

}  // namespace fantail::server
