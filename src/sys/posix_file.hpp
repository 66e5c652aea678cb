// SPDX-License-Identifier: Apache-2.0
//! Blocking file operations with our errors: what RealFiles runs at start-up and on its background thread, and a lane's journal at once.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sys/fd.hpp"

// Errors everywhere as sys/files.hpp states them. Thread-safe.
namespace fantail::sys::posix {

[[nodiscard]] Result<void> make_directory(const std::string& path);
[[nodiscard]] Result<std::vector<std::string>> list(const std::string& path);
[[nodiscard]] Result<Bytes> read_whole(const std::string& path);
[[nodiscard]] Result<std::uint64_t> size(int fd);
/// Fills `into`; malformed if the file ends before.
[[nodiscard]] Result<void> read_at(int fd, std::uint64_t offset, MutableBytes into);
/// Writes all of `bytes`; as safe as `fd` was opened for. \param path for the error
[[nodiscard]] Result<void> write_at(int fd, std::uint64_t offset, ByteView bytes, const std::string& path);
/// fdatasync. \param path for the error
[[nodiscard]] Result<void> sync(int fd, const std::string& path);
[[nodiscard]] Result<std::uint64_t> free_space(const std::string& path);
/// Creates the file if it is missing and locks it; the lock lives as long as the descriptor.
[[nodiscard]] Result<Fd> lock(const std::string& path);

/// O_DIRECT|O_DSYNC where the file system has direct I/O, else O_DSYNC through the page cache.
[[nodiscard]] Result<Fd> open_durable(const std::string& path);
/// Through the page cache: what is written outlives the process, not the machine.
[[nodiscard]] Result<Fd> open_cached(const std::string& path);
/// An empty file, its directory entry synced, opened like open_durable() but without O_DSYNC.
[[nodiscard]] Result<Fd> create(const std::string& path);
/// A file of `size` zero bytes, written and synced with its directory entry. On an error it is removed.
[[nodiscard]] Result<Fd> create_zeroed(const std::string& path, std::uint64_t size);
[[nodiscard]] Result<void> punch(int fd, std::uint64_t offset, std::uint64_t length);
[[nodiscard]] Result<void> replace(const std::string& path, ByteView contents);
[[nodiscard]] Result<void> rename(const std::string& from, const std::string& to);
[[nodiscard]] Result<void> remove(const std::string& path);

}  // namespace fantail::sys::posix
