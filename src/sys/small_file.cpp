// SPDX-License-Identifier: Apache-2.0
//! stat, open, read.
#include "sys/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/errno_error.hpp"
#include "sys/fd.hpp"

namespace fantail::sys {

Result<FileStamp> file_stamp(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return std::unexpected(errno_error(errno, path));
    return FileStamp{.modified_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec,
                     .size = found.st_size,
                     .inode = found.st_ino};
}

Result<std::string> read_small_file(const std::string& path, std::size_t size_max) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return std::unexpected(errno_error(errno, path));
    std::string text;
    while (true) {
        char piece[4096];
        const ssize_t size = ::read(file.get(), piece, sizeof piece);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::unexpected(errno_error(errno, path));
        if (size == 0) return text;
        text.append(piece, static_cast<std::size_t>(size));
        if (text.size() > size_max)
            return fail(ErrorCode::too_large, path + ": more than " + std::to_string(size_max) + " bytes");
    }
}

}  // namespace fantail::sys
