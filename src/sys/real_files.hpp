// SPDX-License-Identifier: Apache-2.0
//! Files on the machine's own file systems.
#pragma once

#include <memory>
#include <vector>

#include "sys/block_io.hpp"
#include "sys/fd.hpp"
#include "sys/files.hpp"
#include "sys/loop.hpp"
#include "sys/worker_pool.hpp"

namespace fantail::sys {

/// How reads and writes are run.
enum class FileEngine : std::uint8_t {
    best,     ///< io_uring if it is permitted, else threads
    uring,    ///< io_uring or nothing
    threads,  ///< a few threads, whatever is permitted
};

/// Files of one core. Reads and writes by a BlockIo, the slow operations in order on one background thread. Completions
/// run in poll(), which the owner calls every turn; the loop's wait() ends when one is there to run.
///
/// Invariant: a file's descriptor is open while operations on it are under way, even after close().
class RealFiles final : public Files, private WaitHook {
public:
    static constexpr unsigned io_threads = 4;

    /// Errors: unavailable, if `uring` was asked for and is not permitted.
    [[nodiscard]] static Result<std::unique_ptr<RealFiles>> open(Loop& loop, FileEngine engine = FileEngine::best);
    /// Waits for what is under way, and calls no completion.
    ~RealFiles() override;
    RealFiles(const RealFiles&) = delete;
    RealFiles& operator=(const RealFiles&) = delete;

    /// Runs the completions that are there; returns how many. With none: no system call, a few nanoseconds.
    std::size_t poll();
    [[nodiscard]] bool uses_uring() const { return uses_uring_; }
    /// Operations whose completion has not run yet.
    [[nodiscard]] std::size_t under_way() const { return under_way_; }

    Result<void> make_directory(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& path) override;
    Result<Bytes> read_whole(const std::string& path) override;
    Result<FileId> open(const std::string& path) override;
    Result<std::uint64_t> size(FileId file) override;
    Result<void> read_at(FileId file, std::uint64_t offset, MutableBytes into) override;
    Result<FileId> lock(const std::string& path) override;
    Result<std::uint64_t> free_space(const std::string& path) override;
    void close(FileId file) override;
    void defer(std::move_only_function<void()> fn) override { loop_.defer(std::move(fn)); }
    void open_later(const std::string& path, Done<FileId> done) override;
    void create_zeroed(const std::string& path, std::uint64_t size, Done<FileId> done) override;
    void create(const std::string& path, Done<FileId> done) override;
    void write(FileId file, std::uint64_t offset, ByteView bytes, Done<> done) override;
    void sync(FileId file, Done<> done) override;
    void read(FileId file, std::uint64_t offset, MutableBytes into, Done<> done) override;
    void punch(FileId file, std::uint64_t offset, std::uint64_t length, Done<> done) override;
    void replace(const std::string& path, Bytes contents, Done<> done) override;
    void rename(const std::string& from, const std::string& to, Done<> done) override;
    void remove(const std::string& path, Done<> done) override;

private:
    struct OpenFile {
        Fd fd;
        std::string path;
        std::uint32_t under_way = 0;
        bool closing = false;
    };
    /// A job of the background thread with its completion.
    class SlowJob;

    RealFiles(Loop& loop, std::unique_ptr<BlockIo> io, bool uses_uring);

    bool about_to_wait() override;
    FileId add(Fd fd, const std::string& path);
    OpenFile& at(FileId file);
    void leave(FileId file);
    void start(BlockOp::Kind kind, FileId file, std::uint64_t offset, MutableBytes memory, Done<> done);
    bool finished(BlockOp& op, Result<void>& result);
    void run_slow(std::unique_ptr<SlowJob> job);
    void open_slow(std::move_only_function<Result<Fd>()> work, std::string path, Done<FileId> done);
    void do_slow(std::move_only_function<Result<void>()> work, Done<> done);
    std::size_t finish_blocks();
    std::size_t finish_slow();

    Loop& loop_;
    const bool uses_uring_;
    std::size_t under_way_ = 0;
    std::vector<OpenFile> files_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::unique_ptr<BlockOp>> ops_;
    std::vector<BlockOp*> idle_ops_;
    std::vector<BlockOp*> reaped_;
    std::vector<Job*> collected_;
    std::unique_ptr<BlockIo> io_;
    WorkerPool background_;
};

}  // namespace fantail::sys
