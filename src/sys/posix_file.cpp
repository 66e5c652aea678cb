// SPDX-License-Identifier: Apache-2.0
//! Blocking file operations by plain system calls.
#include "sys/posix_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "sys/aligned_buffer.hpp"
#include "sys/errno_error.hpp"

namespace fantail::sys::posix {

namespace {

constexpr mode_t file_mode = 0640;
constexpr std::size_t zero_piece_size = 1u << 20;

[[nodiscard]] std::unexpected<Error> errno_failure(std::string_view what) {
    return std::unexpected(errno_error(errno, what));
}

/// Opens with direct I/O, or without where the file system refuses it.
Result<Fd> open_direct(const std::string& path, int flags) {
    int fd = ::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC, file_mode);
    if (fd < 0 && errno == EINVAL) fd = ::open(path.c_str(), flags | O_CLOEXEC, file_mode);
    if (fd < 0) return errno_failure(path);
    return Fd(fd);
}

/// The directory that `path` is in. (std::filesystem would make a static program of the library larger by a megabyte.)
std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_directory(const std::string& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

bool is_regular_file(int directory, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return entry.d_type == DT_REG;
    struct stat found{};
    return ::fstatat(directory, entry.d_name, &found, 0) == 0 && S_ISREG(found.st_mode);
}

/// Makes the entry of `path` in its directory durable.
Result<void> sync_directory_of(const std::string& path) {
    const std::string parent = parent_of(path);
    const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return errno_failure(parent);
    // Some file systems have nothing to sync in a directory and say EINVAL.
    if (::fsync(directory.get()) != 0 && errno != EINVAL) return errno_failure(parent);
    return {};
}

Result<void> fill_with_zeros(int fd, std::uint64_t size, const std::string& path) {
    // Asks for one contiguous extent, and finds out about a full disk before a gigabyte is written.
    if (size > 0 && ::fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP)
        return errno_failure(path);
    AlignedBuffer zeros(zero_piece_size);
    std::memset(zeros.data(), 0, zeros.size());
    for (std::uint64_t at = 0; at < size; at += zero_piece_size) {
        const std::uint64_t length = std::min<std::uint64_t>(zero_piece_size, size - at);
        FANTAIL_CHECK(write_at(fd, at, ByteView(zeros.bytes()).first(length), path));
    }
    if (::fdatasync(fd) != 0) return errno_failure(path);
    return {};
}

}  // namespace

Result<void> make_directory(const std::string& path) {
    if (is_directory(path)) return {};
    if (const std::string parent = parent_of(path); parent != path && !is_directory(parent))
        FANTAIL_CHECK(make_directory(parent));
    if (::mkdir(path.c_str(), 0777) == 0 || (errno == EEXIST && is_directory(path))) return {};
    return std::unexpected(errno_error(errno == EEXIST ? ENOTDIR : errno, path));
}

Result<std::vector<std::string>> list(const std::string& path) {
    const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> directory(::opendir(path.c_str()));
    if (!directory) return errno_failure(path);
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0)
        if (is_regular_file(::dirfd(directory.get()), *entry)) names.emplace_back(entry->d_name);
    if (errno != 0) return errno_failure(path);
    std::ranges::sort(names);
    return names;
}

Result<Bytes> read_whole(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return errno_failure(path);
    FANTAIL_TRY(const std::uint64_t expected, size(file.get()));
    Bytes contents(expected + 1);
    std::size_t filled = 0;
    for (;;) {
        const ssize_t got = ::read(file.get(), contents.data() + filled, contents.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_failure(path);
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
        if (filled == contents.size()) contents.resize(contents.size() * 2);
    }
    contents.resize(filled);
    return contents;
}

Result<std::uint64_t> size(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return errno_failure("size of a file");
    return static_cast<std::uint64_t>(info.st_size);
}

Result<void> read_at(int fd, std::uint64_t offset, MutableBytes into) {
    while (!into.empty()) {
        const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_failure("read");
        if (got == 0) return fail(ErrorCode::malformed, "read past the end");
        into = into.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

Result<void> write_at(int fd, std::uint64_t offset, ByteView bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_failure(path);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

Result<void> sync(int fd, const std::string& path) {
    if (::fdatasync(fd) != 0) return errno_failure(path);
    return {};
}

Result<std::uint64_t> free_space(const std::string& path) {
    struct statvfs info{};
    if (::statvfs(path.c_str(), &info) != 0) return errno_failure(path);
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<Fd> lock(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
    if (!fd) return errno_failure(path);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno == EWOULDBLOCK) return fail(ErrorCode::unavailable, path + ": locked by another process");
        return errno_failure(path);
    }
    return fd;
}

Result<Fd> open_durable(const std::string& path) { return open_direct(path, O_RDWR | O_DSYNC); }

Result<Fd> open_cached(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return errno_failure(path);
    return fd;
}

Result<Fd> create(const std::string& path) {
    FANTAIL_TRY(Fd fd, open_direct(path, O_RDWR | O_CREAT | O_TRUNC));
    FANTAIL_CHECK(sync_directory_of(path));
    return fd;
}

Result<Fd> create_zeroed(const std::string& path, std::uint64_t size) {
    {
        // Without O_DSYNC, so that the zeros stream out; one sync at the end covers them.
        FANTAIL_TRY(const Fd fd, open_direct(path, O_RDWR | O_CREAT | O_TRUNC));
        if (auto filled = fill_with_zeros(fd.get(), size, path); !filled) {
            ::unlink(path.c_str());
            return std::unexpected(std::move(filled).error());
        }
    }
    FANTAIL_CHECK(sync_directory_of(path));
    return open_durable(path);
}

Result<void> punch(int fd, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t first = round_up_to_block(offset);
    const std::uint64_t end = (offset + length) / block_size * block_size;
    if (end <= first) return {};
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(fd, mode, static_cast<off_t>(first), static_cast<off_t>(end - first)) == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV || errno == ESPIPE) return {};
    return errno_failure("punch a hole");
}

Result<void> replace(const std::string& path, ByteView contents) {
    const std::string temporary = path + ".new";
    {
        const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file_mode));
        if (!fd) return errno_failure(temporary);
        Result<void> written = write_at(fd.get(), 0, contents, temporary);
        if (written && ::fsync(fd.get()) != 0) written = errno_failure(temporary);
        if (!written) {
            ::unlink(temporary.c_str());
            return written;
        }
    }
    return rename(temporary, path);
}

Result<void> rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return errno_failure(from + " to " + to);
    FANTAIL_CHECK(sync_directory_of(to));
    if (parent_of(from) != parent_of(to)) return sync_directory_of(from);
    return {};
}

Result<void> remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return errno_failure(path);
    }
    return sync_directory_of(path);
}

}  // namespace fantail::sys::posix
