// SPDX-License-Identifier: Apache-2.0
//! Bookkeeping of open files and of operations under way, over a BlockIo and a background thread.
#include "sys/real_files.hpp"

#include <cerrno>
#include <utility>

#include "sys/aligned_buffer.hpp"
#include "sys/errno_error.hpp"
#include "sys/posix_file.hpp"

namespace fantail::sys {

class RealFiles::SlowJob : public Job {
public:
    /// Runs the caller's completion, on the owner's thread.
    virtual void finish(RealFiles& files) = 0;
};

namespace {

bool aligned(std::uint64_t n) { return n % block_size == 0; }

}  // namespace

Result<std::unique_ptr<RealFiles>> RealFiles::open(Loop& loop, FileEngine engine) {
    if (engine != FileEngine::threads) {
        auto uring = make_uring_io(loop);
        if (uring) return std::unique_ptr<RealFiles>(new RealFiles(loop, std::move(*uring), true));
        if (engine == FileEngine::uring) return std::unexpected(std::move(uring).error());
    }
    return std::unique_ptr<RealFiles>(new RealFiles(loop, make_thread_io(loop, io_threads), false));
}

RealFiles::RealFiles(Loop& loop, std::unique_ptr<BlockIo> io, bool uses_uring)
    : loop_(loop), uses_uring_(uses_uring), io_(std::move(io)), background_(loop, 1) {
    loop_.add_wait_hook(*this);
}

RealFiles::~RealFiles() {
    loop_.remove_wait_hook(*this);
    std::size_t blocks = ops_.size() - idle_ops_.size();
    // The kernel or a thread may still read and write the callers' memory.
    while (blocks > 0) {
        io_->wait();
        io_->reap(reaped_);
        blocks -= reaped_.size();
        reaped_.clear();
    }
    std::size_t slow = under_way_ - (ops_.size() - idle_ops_.size());
    while (slow > 0) {
        background_.wait();
        background_.collect(collected_);
        slow -= collected_.size();
        for (Job* job : collected_) delete job;
        collected_.clear();
    }
}

std::size_t RealFiles::poll() {
    if (under_way_ == 0) [[likely]]
        return 0;
    return finish_blocks() + finish_slow();
}

bool RealFiles::about_to_wait() {
    // Both must be armed, whatever the first one says.
    const bool blocks = io_->arm_wake_up();
    return background_.has_completed() || blocks;
}

// --- blocking ---

Result<void> RealFiles::make_directory(const std::string& path) { return posix::make_directory(path); }
Result<std::vector<std::string>> RealFiles::list(const std::string& path) { return posix::list(path); }
Result<Bytes> RealFiles::read_whole(const std::string& path) { return posix::read_whole(path); }
Result<std::uint64_t> RealFiles::size(FileId file) { return posix::size(at(file).fd.get()); }
Result<std::uint64_t> RealFiles::free_space(const std::string& path) { return posix::free_space(path); }

Result<void> RealFiles::read_at(FileId file, std::uint64_t offset, MutableBytes into) {
    auto read = posix::read_at(at(file).fd.get(), offset, into);
    if (!read) read.error().message.insert(0, at(file).path + ": ");
    return read;
}

Result<FileId> RealFiles::open(const std::string& path) {
    FANTAIL_TRY(Fd fd, posix::open_durable(path));
    return add(std::move(fd), path);
}

Result<FileId> RealFiles::lock(const std::string& path) {
    FANTAIL_TRY(Fd fd, posix::lock(path));
    return add(std::move(fd), path);
}

// --- open files ---

FileId RealFiles::add(Fd fd, const std::string& path) {
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(files_.size()));
        files_.emplace_back();
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    files_[slot] = {.fd = std::move(fd), .path = path};
    return FileId(slot);
}

RealFiles::OpenFile& RealFiles::at(FileId file) {
    FANTAIL_ASSERT(file.value < files_.size());
    OpenFile& found = files_[file.value];
    FANTAIL_ASSERT(static_cast<bool>(found.fd));
    return found;
}

void RealFiles::close(FileId file) {
    OpenFile& closed = at(file);
    FANTAIL_ASSERT(!closed.closing);
    closed.closing = true;
    ++closed.under_way;
    leave(file);
}

/// An operation on the file has ended; the last one of a closed file frees its slot.
void RealFiles::leave(FileId file) {
    OpenFile& left = at(file);
    if (--left.under_way > 0 || !left.closing) return;
    left = {};
    free_slots_.push_back(file.value);
}

// --- reads and writes ---

void RealFiles::write(FileId file, std::uint64_t offset, ByteView bytes, Done<> done) {
    start(BlockOp::Kind::write, file, offset, {const_cast<std::uint8_t*>(bytes.data()), bytes.size()}, std::move(done));
}

void RealFiles::sync(FileId file, Done<> done) { start(BlockOp::Kind::sync, file, 0, {}, std::move(done)); }

void RealFiles::read(FileId file, std::uint64_t offset, MutableBytes into, Done<> done) {
    start(BlockOp::Kind::read, file, offset, into, std::move(done));
}

void RealFiles::start(BlockOp::Kind kind, FileId file, std::uint64_t offset, MutableBytes memory, Done<> done) {
    OpenFile& target = at(file);
    FANTAIL_ASSERT(!target.closing);
    FANTAIL_ASSERT(aligned(offset) && aligned(memory.size()) &&
                   aligned(reinterpret_cast<std::uintptr_t>(memory.data())));
    if (idle_ops_.empty()) {
        ops_.push_back(std::make_unique<BlockOp>());
        idle_ops_.push_back(ops_.back().get());
    }
    BlockOp& op = *idle_ops_.back();
    idle_ops_.pop_back();
    op.kind = kind;
    op.file = file;
    op.fd = target.fd.get();
    op.offset = offset;
    op.memory = memory.data();
    op.size = memory.size();
    op.done = std::move(done);
    ++target.under_way;
    ++under_way_;
    io_->submit(op);
}

/// Judges a transfer that has come back; after a short one starts the rest and returns false.
bool RealFiles::finished(BlockOp& op, Result<void>& result) {
    const auto moved = op.result;
    if (moved >= 0 && static_cast<std::size_t>(moved) == op.size) return true;
    const bool interrupted = moved == -EINTR || moved == -EAGAIN;
    if (moved < 0 && !interrupted) {
        result = std::unexpected(errno_error(static_cast<int>(-moved), at(op.file).path));
        return true;
    }
    // The rest of a direct transfer must begin at a block again: the torn block is moved twice.
    const std::size_t whole = interrupted ? 0 : static_cast<std::size_t>(moved) / block_size * block_size;
    if (whole == 0 && !interrupted) {
        const bool write = op.kind == BlockOp::Kind::write;
        const std::string& path = at(op.file).path;
        result = write ? fail(ErrorCode::no_space, path + ": the file takes no more bytes")
                       : fail(ErrorCode::malformed, path + ": read past the end");
        return true;
    }
    op.offset += whole;
    op.memory += whole;
    op.size -= whole;
    io_->submit(op);
    return false;
}

std::size_t RealFiles::finish_blocks() {
    io_->reap(reaped_);
    if (reaped_.empty()) return 0;
    // Completions may start operations, but only poll() reaps.
    std::size_t n = 0;
    for (std::size_t i = 0; i < reaped_.size(); ++i) {
        BlockOp& op = *reaped_[i];
        Result<void> result;
        if (!finished(op, result)) continue;
        Done<> done = std::move(op.done);
        const FileId file = op.file;
        idle_ops_.push_back(&op);
        --under_way_;
        ++n;
        leave(file);
        done(std::move(result));
    }
    reaped_.clear();
    return n;
}

// --- slow operations ---

void RealFiles::run_slow(std::unique_ptr<SlowJob> job) {
    ++under_way_;
    background_.submit(*job.release());
}

std::size_t RealFiles::finish_slow() {
    background_.collect(collected_);
    if (collected_.empty()) return 0;
    const std::size_t n = collected_.size();
    for (Job* each : collected_) {
        const std::unique_ptr<SlowJob> job(static_cast<SlowJob*>(each));
        --under_way_;
        job->finish(*this);
    }
    collected_.clear();
    return n;
}

void RealFiles::do_slow(std::move_only_function<Result<void>()> work, Done<> done) {
    struct VoidJob final : SlowJob {
        VoidJob(std::move_only_function<Result<void>()> w, Done<> d) : work(std::move(w)), done(std::move(d)) {}
        void run() override { result = work(); }
        void finish(RealFiles&) override { done(std::move(result)); }
        std::move_only_function<Result<void>()> work;
        Done<> done;
        Result<void> result;
    };
    run_slow(std::make_unique<VoidJob>(std::move(work), std::move(done)));
}

void RealFiles::open_slow(std::move_only_function<Result<Fd>()> work, std::string path, Done<FileId> done) {
    struct OpenJob final : SlowJob {
        OpenJob(std::move_only_function<Result<Fd>()> w, std::string p, Done<FileId> d)
            : work(std::move(w)), path(std::move(p)), done(std::move(d)) {}
        void run() override { result = work(); }
        void finish(RealFiles& files) override {
            if (result) done(files.add(std::move(*result), path));
            else done(std::unexpected(std::move(result).error()));
        }
        std::move_only_function<Result<Fd>()> work;
        std::string path;
        Done<FileId> done;
        Result<Fd> result;
    };
    run_slow(std::make_unique<OpenJob>(std::move(work), std::move(path), std::move(done)));
}

void RealFiles::create_zeroed(const std::string& path, std::uint64_t size, Done<FileId> done) {
    FANTAIL_ASSERT(aligned(size));
    open_slow([path, size] { return posix::create_zeroed(path, size); }, path, std::move(done));
}

void RealFiles::open_later(const std::string& path, Done<FileId> done) {
    open_slow([path] { return posix::open_durable(path); }, path, std::move(done));
}

void RealFiles::create(const std::string& path, Done<FileId> done) {
    open_slow([path] { return posix::create(path); }, path, std::move(done));
}

void RealFiles::punch(FileId file, std::uint64_t offset, std::uint64_t length, Done<> done) {
    OpenFile& target = at(file);
    FANTAIL_ASSERT(!target.closing);
    ++target.under_way;
    do_slow([fd = target.fd.get(), offset, length] { return posix::punch(fd, offset, length); },
            [this, file, done = std::move(done)](Result<void> result) mutable {
                leave(file);
                done(std::move(result));
            });
}

void RealFiles::replace(const std::string& path, Bytes contents, Done<> done) {
    do_slow([path, contents = std::move(contents)] { return posix::replace(path, contents); }, std::move(done));
}

void RealFiles::rename(const std::string& from, const std::string& to, Done<> done) {
    do_slow([from, to] { return posix::rename(from, to); },
            [this, from, to, done = std::move(done)](Result<void> result) mutable {
                // Errors name the file by its present name.
                for (OpenFile& file : files_)
                    if (result && file.path == from) file.path = to;
                done(std::move(result));
            });
}

void RealFiles::remove(const std::string& path, Done<> done) {
    do_slow([path] { return posix::remove(path); }, std::move(done));
}

}  // namespace fantail::sys
