// SPDX-License-Identifier: Apache-2.0
//! The simulated disk in simulated time, and one core's view of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/world.hpp"
#include "storage/simulated/simulated_files.hpp"

namespace fantail::sim {

/// The node's disk: operations take their time, each its own, so that they complete in any order.
class Disk {
public:
    explicit Disk(World& world);

    [[nodiscard]] storage::SimulatedFiles& image() { return image_; }
    /// A slower disk, by this factor.
    void slow_down(std::uint64_t factor) { slowness_ = factor; }
    /// Power off: see SimulatedFiles::crash().
    void crash() { image_.crash(); }

private:
    World& world_;
    Random random_;
    storage::SimulatedFiles image_;
    std::uint64_t slowness_ = 1;
};

/// One core's files: calls go to the disk; completions wait for the core's next poll().
class CoreFiles final : public sys::Files {
public:
    using Defer = std::function<void(std::move_only_function<void()>)>;
    CoreFiles(Disk& disk, Defer defer) : files_(disk.image()), defer_(std::move(defer)) {}

    Result<void> make_directory(const std::string& path) override { return files_.make_directory(path); }
    Result<std::vector<std::string>> list(const std::string& path) override { return files_.list(path); }
    Result<Bytes> read_whole(const std::string& path) override { return files_.read_whole(path); }
    Result<sys::FileId> open(const std::string& path) override { return files_.open(path); }
    Result<std::uint64_t> size(sys::FileId file) override { return files_.size(file); }
    Result<void> read_at(sys::FileId file, std::uint64_t offset, MutableBytes into) override {
        return files_.read_at(file, offset, into);
    }
    Result<sys::FileId> lock(const std::string& path) override { return files_.lock(path); }
    Result<std::uint64_t> free_space(const std::string& path) override { return files_.free_space(path); }
    void close(sys::FileId file) override { files_.close(file); }
    void defer(std::move_only_function<void()> fn) override { defer_(std::move(fn)); }
    void open_later(const std::string& path, sys::Done<sys::FileId> done) override {
        files_.open_later(path, later(std::move(done)));
    }
    void create_zeroed(const std::string& path, std::uint64_t size, sys::Done<sys::FileId> done) override {
        files_.create_zeroed(path, size, later(std::move(done)));
    }
    void create(const std::string& path, sys::Done<sys::FileId> done) override {
        files_.create(path, later(std::move(done)));
    }
    void write(sys::FileId file, std::uint64_t offset, ByteView bytes, sys::Done<> done) override {
        files_.write(file, offset, bytes, later(std::move(done)));
    }
    void sync(sys::FileId file, sys::Done<> done) override { files_.sync(file, later(std::move(done))); }
    void read(sys::FileId file, std::uint64_t offset, MutableBytes into, sys::Done<> done) override {
        files_.read(file, offset, into, later(std::move(done)));
    }
    void punch(sys::FileId file, std::uint64_t offset, std::uint64_t length, sys::Done<> done) override {
        files_.punch(file, offset, length, later(std::move(done)));
    }
    void replace(const std::string& path, Bytes contents, sys::Done<> done) override {
        files_.replace(path, std::move(contents), later(std::move(done)));
    }
    void rename(const std::string& from, const std::string& to, sys::Done<> done) override {
        files_.rename(from, to, later(std::move(done)));
    }
    void remove(const std::string& path, sys::Done<> done) override { files_.remove(path, later(std::move(done))); }

private:
    template <class T>
    sys::Done<T> later(sys::Done<T> done) {
        return [this, done = std::move(done)](Result<T> result) mutable {
            defer_([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
        };
    }

    storage::SimulatedFiles& files_;
    Defer defer_;
};

}  // namespace fantail::sim
