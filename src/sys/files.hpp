// SPDX-License-Identifier: Apache-2.0
//! Files as the storage drivers see them: asynchronous, direct, and replaceable by a simulated disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong_id.hpp"

namespace fantail::sys {

/// An open file of one Files object.
using FileId = StrongId<struct FileTag, std::uint32_t>;

/// Called once, on the owner's thread, from its event loop; never from inside the call that started the operation.
template <class T = void>
using Done = std::move_only_function<void(Result<T>)>;

/// The files of one core. Not thread-safe: one thread calls it and gets every completion. Asynchronous operations never
/// block and may complete in any order. Errors: no_space (ENOSPC, EDQUOT), not_found, unavailable (EROFS, EACCES,
/// locked by another process), io (anything else, with errno's text). Memory given to an operation stays untouched and
/// alive until its completion.
class Files {
public:
    virtual ~Files() = default;

    // Blocking; for start-up and shutdown only.

    /// Makes the directory and its parents; fine if it is there.
    virtual Result<void> make_directory(const std::string& path) = 0;
    /// Names (not paths) of the regular files in a directory, sorted.
    virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
    virtual Result<Bytes> read_whole(const std::string& path) = 0;
    /// Opens an existing file for direct reading and durable writing (falls back to the page cache plus fdatasync
    /// where the file system has no direct I/O).
    virtual Result<FileId> open(const std::string& path) = 0;
    [[nodiscard]] virtual Result<std::uint64_t> size(FileId file) = 0;
    /// Reads exactly `into.size()` bytes at once (recovery); aligned like write. A read past the end gives malformed.
    virtual Result<void> read_at(FileId file, std::uint64_t offset, MutableBytes into) = 0;
    /// Takes an exclusive lock that dies with the process; unavailable if another process holds it.
    virtual Result<FileId> lock(const std::string& path) = 0;
    /// Bytes that unprivileged writers may still allocate in the file system of `path`.
    virtual Result<std::uint64_t> free_space(const std::string& path) = 0;

    /// Closes; operations under way complete first.
    virtual void close(FileId file) = 0;

    // Asynchronous.

    /// Runs `fn` once on the owner's thread, from its event loop, after the calls under way have returned; in the order
    /// of the calls.
    virtual void defer(std::move_only_function<void()> fn) = 0;
    /// The blocking open() for use while running.
    virtual void open_later(const std::string& path, Done<FileId> done) = 0;
    /// Creates (or truncates) a file of `size` zero bytes, every block written, synced, its directory entry synced too,
    /// so that later overwrites need no metadata commit. `size`: multiple of block_size.
    virtual void create_zeroed(const std::string& path, std::uint64_t size, Done<FileId> done) = 0;
    /// Creates (or truncates) an empty file, its directory entry synced; space is allocated as it is written. Writes to
    /// this id are stable only after sync(): one commit of the file system for all of them instead of one each.
    virtual void create(const std::string& path, Done<FileId> done) = 0;
    /// Writes `bytes` at `offset`; both and the address are multiples of block_size. When `done` gets a value the bytes
    /// are on stable storage (O_DSYNC; not for a file from create()). After an error nothing is known about their state.
    virtual void write(FileId file, std::uint64_t offset, ByteView bytes, Done<> done) = 0;
    /// Makes all completed writes to the file stable (fdatasync). After an error nothing is known about any of them.
    virtual void sync(FileId file, Done<> done) = 0;
    /// Reads exactly `into.size()` bytes; aligned like write. A read past the end gives malformed.
    virtual void read(FileId file, std::uint64_t offset, MutableBytes into, Done<> done) = 0;
    /// Gives the blocks wholly inside [offset, offset+length) back to the file system; they read as zeros.
    /// Best effort: a file system without holes is no error.
    virtual void punch(FileId file, std::uint64_t offset, std::uint64_t length, Done<> done) = 0;
    /// Replaces the file atomically and durably (temporary file, fsync, rename, directory sync).
    virtual void replace(const std::string& path, Bytes contents, Done<> done) = 0;
    /// Renames an open or closed file durably (directory sync); open ids stay valid.
    virtual void rename(const std::string& from, const std::string& to, Done<> done) = 0;
    /// Removes a file; a missing one is no error.
    virtual void remove(const std::string& path, Done<> done) = 0;
};

}  // namespace fantail::sys
