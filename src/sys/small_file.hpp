// SPDX-License-Identifier: Apache-2.0
//! Small text files that people edit: whether they have changed, and what is in them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace fantail::sys {

/// What tells one state of a file from another.
struct FileStamp {
    std::int64_t modified_ns = 0;
    std::int64_t size = 0;
    std::uint64_t inode = 0;
    bool operator==(const FileStamp&) const = default;
};

/// Errors: not_found, unavailable (no permission), io.
[[nodiscard]] Result<FileStamp> file_stamp(const std::string& path);
/// The whole file, in a few system calls. Errors: the same, and too_large above `size_max` bytes.
[[nodiscard]] Result<std::string> read_small_file(const std::string& path, std::size_t size_max);

}  // namespace fantail::sys
