// SPDX-License-Identifier: Apache-2.0
//! A lane's files by plain system calls.
#pragma once

#include "storage/lane/lane_files.hpp"
#include "sys/fd.hpp"

namespace fantail::storage {

class PosixLaneFiles final : public LaneFiles {
public:
    /// \param is_cached writes return once the page cache has them; else once they are on stable storage (O_DIRECT|O_DSYNC)
    explicit PosixLaneFiles(bool is_cached) : is_cached_(is_cached) {}

    Result<void> make_directory(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& path) override;
    Result<Bytes> read_whole(const std::string& path) override;
    Result<sys::FileId> lock(const std::string& path) override;
    Result<sys::FileId> open(const std::string& path) override;
    Result<sys::FileId> create_zeroed(const std::string& path, std::uint64_t size) override;
    Result<void> write(sys::FileId file, std::uint64_t offset, ByteView bytes) override;
    Result<void> write_through(sys::FileId file, std::uint64_t offset, ByteView bytes) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    void close(sys::FileId file) override;
    /// The kernel's boot id.
    MachineLife life() override;

private:
    struct OpenFile {
        sys::Fd fd;
        std::string path;
    };
    [[nodiscard]] sys::FileId add(sys::Fd fd, const std::string& path);

    const bool is_cached_;
    std::vector<OpenFile> files_;  ///< by id; closed ones are used again
};

}  // namespace fantail::storage
