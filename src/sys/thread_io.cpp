// SPDX-License-Identifier: Apache-2.0
//! Reads and writes by pread and pwrite on a few threads, where io_uring is not permitted.
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "sys/block_io.hpp"
#include "sys/worker_pool.hpp"

namespace fantail::sys {

namespace {

struct BlockJob final : Job {
    void run() override {
        ssize_t moved = -1;
        do {
            moved = transfer();
        } while (moved < 0 && errno == EINTR);
        op->result = moved < 0 ? -errno : moved;
    }
    [[nodiscard]] ssize_t transfer() const {
        const auto at = static_cast<off_t>(op->offset);
        switch (op->kind) {
            case BlockOp::Kind::write: return ::pwrite(op->fd, op->memory, op->size, at);
            case BlockOp::Kind::read: return ::pread(op->fd, op->memory, op->size, at);
            case BlockOp::Kind::sync: return ::fdatasync(op->fd);
        }
        return -1;
    }
    BlockOp* op = nullptr;
};

class ThreadIo final : public BlockIo {
public:
    ThreadIo(Loop& loop, unsigned threads) : pool_(loop, threads) {}

    void submit(BlockOp& op) override {
        if (idle_.empty()) {
            jobs_.push_back(std::make_unique<BlockJob>());
            idle_.push_back(jobs_.back().get());
        }
        BlockJob* job = idle_.back();
        idle_.pop_back();
        job->op = &op;
        pool_.submit(*job);
    }

    void reap(std::vector<BlockOp*>& completed) override {
        pool_.collect(collected_);
        for (Job* job : collected_) {
            auto* done = static_cast<BlockJob*>(job);
            completed.push_back(done->op);
            idle_.push_back(done);
        }
        collected_.clear();
    }

    bool arm_wake_up() override { return pool_.has_completed(); }
    void wait() override { pool_.wait(); }

private:
    std::vector<std::unique_ptr<BlockJob>> jobs_;
    std::vector<BlockJob*> idle_;
    std::vector<Job*> collected_;
    WorkerPool pool_;  // last: its threads end before the jobs
};

}  // namespace

std::unique_ptr<BlockIo> make_thread_io(Loop& loop, unsigned threads) {
    return std::make_unique<ThreadIo>(loop, threads);
}

}  // namespace fantail::sys
