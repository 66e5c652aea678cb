// SPDX-License-Identifier: Apache-2.0
//! A disk in memory that completes operations in random order, crashes, tears writes and fails, all from one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sys/files.hpp"

namespace fantail::storage {

/// What goes wrong. All off at the start; may be changed at any time.
struct DiskFaults {
    std::optional<std::uint64_t> space_max;  ///< bytes that all files may occupy together; more is no_space
    std::uint64_t fail_write = 0;            ///< the n-th write from now fails with io; 0: none
    std::uint64_t fail_sync = 0;             ///< the n-th sync from now fails with io; 0: none
    std::uint64_t fail_read = 0;             ///< the n-th asynchronous read from now fails with io; 0: none
    bool read_only = false;                  ///< everything that changes the disk fails with unavailable
    double lie = 0;                          ///< chance that a write reported stable is still lost by a crash
    std::string hold;                        ///< operations on paths that contain this do not complete; empty: none
};

/// sys::Files over a map of byte vectors. Nothing happens by itself: step() completes one pending operation chosen at
/// random, deferred functions first and in order. A write reaches the disk when it completes; crash() decides for each
/// pending one, 512-byte sector by sector, what of it did, and for each completed one that waits for a sync whether it
/// did. Deterministic: the same calls and seed give the same run.
class SimulatedFiles final : public sys::Files {
public:
    explicit SimulatedFiles(std::uint64_t seed) : random_(seed) {}

    [[nodiscard]] DiskFaults& faults() { return faults_; }
    /// Completes one operation; false if there was none that may.
    bool step();
    /// Steps until nothing can complete.
    void run();
    /// Instead of step(), for whoever gives operations a time of their own: `hook` gets the number of each as it begins, and
    /// complete() ends it, if it is still pending.
    void on_begin(std::function<void(std::uint64_t operation)> hook) { on_begin_ = std::move(hook); }
    void complete(std::uint64_t operation);
    [[nodiscard]] std::size_t pending() const { return operations_.size() + deferred_.size(); }
    /// Power off and on: open files and locks are gone, pending operations happened wholly, partly or not at all, and
    /// their completions never come. REQUIRES that their owner (whose
    /// memory the pending writes still use) is destroyed after this call, and not used again.
    void crash();
    /// The process ends and the machine goes on: as crash(), but what had completed is kept, synced or not, and pending
    /// operations happened wholly or not at all.
    void kill();

    // For tests to look at and to damage the disk.
    [[nodiscard]] bool exists(const std::string& path) const { return paths_.contains(path); }
    /// The contents of an existing file; a reference that dies with the next operation.
    [[nodiscard]] Bytes& contents(const std::string& path);
    void flip_bit(const std::string& path, std::uint64_t byte, unsigned bit);
    /// Flips one bit of what is stored, wherever it happens to be. \return where, for people; empty if nothing is stored
    std::string rot();
    void erase(const std::string& path) { paths_.erase(path); }
    /// Bytes that all files occupy, holes not counted.
    [[nodiscard]] std::uint64_t used_space() const;
    /// Bytes one file occupies, holes not counted; 0 if it does not exist.
    [[nodiscard]] std::uint64_t used_space(const std::string& path) const;
    [[nodiscard]] std::uint64_t writes() const { return writes_; }

    Result<void> make_directory(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& path) override;
    Result<Bytes> read_whole(const std::string& path) override;
    Result<sys::FileId> open(const std::string& path) override;
    Result<std::uint64_t> size(sys::FileId file) override;
    Result<void> read_at(sys::FileId file, std::uint64_t offset, MutableBytes into) override;
    Result<sys::FileId> lock(const std::string& path) override;
    Result<std::uint64_t> free_space(const std::string& path) override;
    void close(sys::FileId file) override;
    void defer(std::move_only_function<void()> fn) override;
    void open_later(const std::string& path, sys::Done<sys::FileId> done) override;
    void create_zeroed(const std::string& path, std::uint64_t size, sys::Done<sys::FileId> done) override;
    void create(const std::string& path, sys::Done<sys::FileId> done) override;
    void write(sys::FileId file, std::uint64_t offset, ByteView bytes, sys::Done<> done) override;
    void sync(sys::FileId file, sys::Done<> done) override;
    void read(sys::FileId file, std::uint64_t offset, MutableBytes into, sys::Done<> done) override;
    void punch(sys::FileId file, std::uint64_t offset, std::uint64_t length, sys::Done<> done) override;
    void replace(const std::string& path, Bytes contents, sys::Done<> done) override;
    void rename(const std::string& from, const std::string& to, sys::Done<> done) override;
    void remove(const std::string& path, sys::Done<> done) override;

private:
    struct Undo {
        std::uint64_t offset;
        Bytes before;
        std::uint64_t completed = 0;  ///< the writes_ of then
    };
    struct File {
        std::string path;
        Bytes data;
        std::vector<bool> allocated;  ///< a block each
        std::vector<Undo> lies;
        bool syncs_later = false;  ///< made by create(): completed writes wait for a sync
        std::vector<Undo> unsynced;
        bool locked = false;
    };
    using FilePtr = std::shared_ptr<File>;
    enum class Kind : std::uint8_t { open, create, write, sync, read, punch, replace, rename, remove };
    struct Operation {
        std::uint64_t number = 0;
        Kind kind;
        std::string path;
        std::string to;
        FilePtr file;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        ByteView bytes;
        MutableBytes into;
        Bytes contents;
        sys::Done<> done;
        sys::Done<sys::FileId> opened;
    };

    Result<void> perform(Operation& op, sys::FileId& id);
    Result<void> perform_write(Operation& op);
    Result<void> perform_sync(Operation& op);
    Result<void> perform_create(Operation& op, sys::FileId& id);
    Result<void> grow(File& file, std::uint64_t offset, std::uint64_t length);
    void punch_blocks(File& file, std::uint64_t offset, std::uint64_t length);
    void tear(Operation& op);
    void crash_operation(Operation& op);
    void let_go();
    void add(Operation op);
    void finish(Operation op);
    [[nodiscard]] bool held(const Operation& op) const;
    [[nodiscard]] FilePtr find(sys::FileId file) const;
    [[nodiscard]] sys::FileId make_id(FilePtr file);
    [[nodiscard]] FilePtr make_file(const std::string& path);
    [[nodiscard]] bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(random_) < p; }
    [[nodiscard]] std::uint64_t below(std::uint64_t n) {
        return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random_);
    }

    std::mt19937_64 random_;
    DiskFaults faults_;
    std::map<std::string, FilePtr> paths_;
    std::map<std::uint32_t, FilePtr> open_;
    std::uint32_t next_id_ = 1;
    std::vector<Operation> operations_;
    std::vector<std::move_only_function<void()>> deferred_;
    std::uint64_t writes_ = 0;
    std::uint64_t begun_ = 0;
    std::function<void(std::uint64_t)> on_begin_;
};

}  // namespace fantail::storage
