// SPDX-License-Identifier: Apache-2.0
//! A lane's files by plain system calls.
#include "storage/lane/posix_lane_files.hpp"

#include <algorithm>

#include "sys/posix_file.hpp"

namespace fantail::storage {

namespace posix = sys::posix;

Result<void> PosixLaneFiles::make_directory(const std::string& path) { return posix::make_directory(path); }
Result<std::vector<std::string>> PosixLaneFiles::list(const std::string& path) { return posix::list(path); }
Result<Bytes> PosixLaneFiles::read_whole(const std::string& path) { return posix::read_whole(path); }
Result<void> PosixLaneFiles::rename(const std::string& from, const std::string& to) { return posix::rename(from, to); }
Result<void> PosixLaneFiles::remove(const std::string& path) { return posix::remove(path); }

sys::FileId PosixLaneFiles::add(sys::Fd fd, const std::string& path) {
    auto at = std::ranges::find_if(files_, [](const OpenFile& file) { return !file.fd; });
    if (at == files_.end()) at = files_.emplace(files_.end());
    at->fd = std::move(fd);
    at->path = path;
    return sys::FileId(static_cast<std::uint32_t>(at - files_.begin()));
}

Result<sys::FileId> PosixLaneFiles::lock(const std::string& path) {
    FANTAIL_TRY(sys::Fd fd, posix::lock(path));
    return add(std::move(fd), path);
}

Result<sys::FileId> PosixLaneFiles::open(const std::string& path) {
    FANTAIL_TRY(sys::Fd fd, is_cached_ ? posix::open_cached(path) : posix::open_durable(path));
    return add(std::move(fd), path);
}

Result<sys::FileId> PosixLaneFiles::create_zeroed(const std::string& path, std::uint64_t size) {
    FANTAIL_TRY(sys::Fd fd, posix::create_zeroed(path, size));
    if (is_cached_) return open(path);
    return add(std::move(fd), path);
}

Result<void> PosixLaneFiles::write(sys::FileId file, std::uint64_t offset, ByteView bytes) {
    const OpenFile& target = files_.at(file.value);
    return posix::write_at(target.fd.get(), offset, bytes, target.path);
}

Result<void> PosixLaneFiles::write_through(sys::FileId file, std::uint64_t offset, ByteView bytes) {
    FANTAIL_CHECK(write(file, offset, bytes));
    const OpenFile& target = files_.at(file.value);
    return is_cached_ ? posix::sync(target.fd.get(), target.path) : Result<void>{};
}

void PosixLaneFiles::close(sys::FileId file) { files_.at(file.value).fd.close(); }

MachineLife PosixLaneFiles::life() {
    MachineLife life{};
    const auto text = posix::read_whole("/proc/sys/kernel/random/boot_id");
    if (!text) return life;
    std::size_t digits = 0;
    for (const std::uint8_t c : *text) {
        const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0 || digits == life.size() * 2) continue;
        life[digits / 2] = static_cast<std::uint8_t>(life[digits / 2] << 4 | value);
        ++digits;
    }
    return digits == life.size() * 2 ? life : MachineLife{};
}

}  // namespace fantail::storage
