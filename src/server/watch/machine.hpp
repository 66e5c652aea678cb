// SPDX-License-Identifier: Apache-2.0
//! What the machine has left for us.
#pragma once

#include <cstdint>
#include <string>

namespace fantail::server {

/// Bytes of memory that this process may use: the machine's, or its control group's limit if that is lower.
[[nodiscard]] std::uint64_t usable_memory();
/// Bytes that can still be written where `path` is; the largest number if the kernel does not tell.
[[nodiscard]] std::uint64_t disk_free(const std::string& path);

}  // namespace fantail::server
