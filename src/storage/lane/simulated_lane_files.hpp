// SPDX-License-Identifier: Apache-2.0
//! A lane's files on the simulated disk, for tests: an operation is over when it returns, unless the machine crashes in it.
#pragma once

#include <optional>

#include "storage/lane/lane_files.hpp"
#include "storage/simulated/simulated_files.hpp"

namespace fantail::storage {

class SimulatedLaneFiles final : public LaneFiles {
public:
    explicit SimulatedLaneFiles(SimulatedFiles& disk) : disk_(disk) {}

    /// The machine crashes in the n-th change of the disk from now, 1 or more: it happens wholly, partly or not at all, and all
    /// that follows fails.
    void crash_in(std::uint64_t n) { crash_in_ = n; }
    [[nodiscard]] bool has_crashed() const { return has_crashed_; }
    MachineLife boot{1};

    Result<void> make_directory(const std::string& path) override {
        if (has_crashed_) return dead();
        return disk_.make_directory(path);
    }
    Result<std::vector<std::string>> list(const std::string& path) override { return disk_.list(path); }
    Result<Bytes> read_whole(const std::string& path) override { return disk_.read_whole(path); }
    Result<sys::FileId> lock(const std::string& path) override { return disk_.lock(path); }
    Result<sys::FileId> open(const std::string& path) override { return disk_.open(path); }
    Result<sys::FileId> create_zeroed(const std::string& path, std::uint64_t size) override {
        return finish<sys::FileId>([&](auto done) { disk_.create_zeroed(path, size, std::move(done)); });
    }
    Result<void> write(sys::FileId file, std::uint64_t offset, ByteView bytes) override {
        return finish<void>([&](auto done) { disk_.write(file, offset, bytes, std::move(done)); });
    }
    Result<void> write_through(sys::FileId file, std::uint64_t offset, ByteView bytes) override {
        return write(file, offset, bytes);
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        return finish<void>([&](auto done) { disk_.rename(from, to, std::move(done)); });
    }
    Result<void> remove(const std::string& path) override {
        return finish<void>([&](auto done) { disk_.remove(path, std::move(done)); });
    }
    void close(sys::FileId file) override {
        if (!has_crashed_) disk_.close(file);
    }
    MachineLife life() override { return boot; }

private:
    [[nodiscard]] static std::unexpected<Error> dead() { return fail(ErrorCode::io, "the machine has crashed"); }

    template <class T, class Start>
    Result<T> finish(Start start) {
        if (has_crashed_) return dead();
        std::optional<Result<T>> result;
        start(sys::Done<T>([&result](Result<T> r) { result = std::move(r); }));
        if (crash_in_ > 0 && --crash_in_ == 0) {
            has_crashed_ = true;
            disk_.crash();
            return dead();
        }
        disk_.run();
        return std::move(*result);
    }

    SimulatedFiles& disk_;
    std::uint64_t crash_in_ = 0;
    bool has_crashed_ = false;
};

}  // namespace fantail::storage
