// SPDX-License-Identifier: Apache-2.0
//! The files of one lane's journal as its log sees them: blocking, and replaceable by a simulated disk.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sys/files.hpp"

namespace fantail::storage {

/// Names one life of the machine, from boot to boot; zeros: it cannot be told.
using MachineLife = std::array<std::uint8_t, 16>;

/// Errors as sys/files.hpp states them. One thread at a time. How safe a write is when it returns is the implementation's word.
class LaneFiles {
public:
    LaneFiles() = default;
    LaneFiles(const LaneFiles&) = delete;
    LaneFiles& operator=(const LaneFiles&) = delete;
    virtual ~LaneFiles() = default;

    /// Makes the directory and its parents; fine if it is there.
    virtual Result<void> make_directory(const std::string& path) = 0;
    /// Names of the regular files in a directory, sorted.
    virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
    virtual Result<Bytes> read_whole(const std::string& path) = 0;
    /// An exclusive lock that dies with the process; unavailable if somebody holds it.
    virtual Result<sys::FileId> lock(const std::string& path) = 0;
    virtual Result<sys::FileId> open(const std::string& path) = 0;
    /// A file of zeros, stable with its name. `size`: a multiple of sys::block_size.
    virtual Result<sys::FileId> create_zeroed(const std::string& path, std::uint64_t size) = 0;
    /// Offset, length and address are multiples of sys::block_size. After an error other than no_space nothing is known of the bytes.
    virtual Result<void> write(sys::FileId file, std::uint64_t offset, ByteView bytes) = 0;
    /// The same, and stable when it returns in any case.
    virtual Result<void> write_through(sys::FileId file, std::uint64_t offset, ByteView bytes) = 0;
    /// Durably; open ids stay valid.
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    virtual void close(sys::FileId file) = 0;
    virtual MachineLife life() = 0;
};

}  // namespace fantail::storage
