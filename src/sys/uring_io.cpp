// SPDX-License-Identifier: Apache-2.0
//! Reads and writes by io_uring: one ring a core, completions taken from its memory.
#include <liburing.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>

#include "base/assert.hpp"
#include "sys/block_io.hpp"
#include "sys/errno_error.hpp"
#include "sys/fd.hpp"
#include "sys/loop.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {

namespace {

constexpr unsigned ring_entries = 256;
/// One kernel call moves at most 2 GiB - 4 KiB; the rest goes as after any short transfer.
constexpr std::size_t transfer_max = 1u << 30;

/// Invariant: under_way_ <= ring_entries, so the completion ring (twice that) never overflows; what is above it queues in
/// backlog_. The eventfd is armed only while the loop sleeps: a busy loop neither gets nor reads it.
class UringIo final : public BlockIo {
public:
    explicit UringIo(Loop& loop) : loop_(loop) {}
    ~UringIo() override {
        watch_.close();
        if (ready_) ::io_uring_queue_exit(&ring_);
    }

    Result<void> open();
    void submit(BlockOp& op) override;
    void reap(std::vector<BlockOp*>& completed) override;
    bool arm_wake_up() override;
    void wait() override;

private:
    void prepare(BlockOp& op);
    void flush();

    Loop& loop_;
    io_uring ring_{};
    bool ready_ = false;
    bool armed_ = false;
    unsigned under_way_ = 0;
    unsigned unsubmitted_ = 0;
    std::deque<BlockOp*> backlog_;
    Fd event_;
    Watch watch_;
};

Result<void> UringIo::open() {
    // Completions need no interrupt of the running loop: it enters the kernel every turn anyway.
    int error = ::io_uring_queue_init(ring_entries, &ring_, IORING_SETUP_COOP_TASKRUN);
    if (error == -EINVAL) error = ::io_uring_queue_init(ring_entries, &ring_, 0);
    if (error < 0) return fail(ErrorCode::unavailable, errno_error(-error, "io_uring").message);
    ready_ = true;
    event_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!event_) return std::unexpected(errno_error(errno, "eventfd"));
    // Signals for worker-less completions too: the plain (not _async) form covers every completion.
    error = ::io_uring_register_eventfd(&ring_, event_.get());
    if (error < 0) return fail(ErrorCode::unavailable, errno_error(-error, "io_uring eventfd").message);
    ::io_uring_cq_eventfd_toggle(&ring_, false);
    FANTAIL_TRY(Watch watch, Watch::open(loop_, event_.get()));
    watch_ = std::move(watch);
    watch_.when_readable([fd = event_.get()] {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
    });
    return {};
}

void UringIo::submit(BlockOp& op) {
    if (under_way_ == ring_entries) {
        backlog_.push_back(&op);
        return;
    }
    prepare(op);
    flush();
}

void UringIo::prepare(BlockOp& op) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    FANTAIL_ASSERT(entry != nullptr);
    const auto size = static_cast<unsigned>(std::min(op.size, transfer_max));
    switch (op.kind) {
        case BlockOp::Kind::write: ::io_uring_prep_write(entry, op.fd, op.memory, size, op.offset); break;
        case BlockOp::Kind::read: ::io_uring_prep_read(entry, op.fd, op.memory, size, op.offset); break;
        case BlockOp::Kind::sync: ::io_uring_prep_fsync(entry, op.fd, IORING_FSYNC_DATASYNC); break;
    }
    ::io_uring_sqe_set_data(entry, &op);
    ++under_way_;
    ++unsubmitted_;
}

void UringIo::flush() {
    while (unsubmitted_ > 0) {
        const int taken = ::io_uring_submit(&ring_);
        if (taken == -EINTR) continue;
        // The kernel is short of memory for now: reap() tries again next turn.
        if (taken == -EAGAIN || taken == -EBUSY) return;
        FANTAIL_ASSERT(taken > 0);
        unsubmitted_ -= static_cast<unsigned>(taken);
    }
}

void UringIo::reap(std::vector<BlockOp*>& completed) {
    if (armed_) {
        ::io_uring_cq_eventfd_toggle(&ring_, false);
        armed_ = false;
    }
    io_uring_cqe* entries[64];
    for (;;) {
        const unsigned n = ::io_uring_cq_ready(&ring_) == 0 ? 0 : ::io_uring_peek_batch_cqe(&ring_, entries, 64);
        if (n == 0) break;
        for (unsigned i = 0; i < n; ++i) {
            auto* op = static_cast<BlockOp*>(::io_uring_cqe_get_data(entries[i]));
            op->result = entries[i]->res;
            completed.push_back(op);
        }
        ::io_uring_cq_advance(&ring_, n);
        under_way_ -= n;
    }
    while (!backlog_.empty() && under_way_ < ring_entries) {
        prepare(*backlog_.front());
        backlog_.pop_front();
    }
    if (unsubmitted_ > 0) flush();
}

bool UringIo::arm_wake_up() {
    if (under_way_ == 0) return false;
    ::io_uring_cq_eventfd_toggle(&ring_, true);
    armed_ = true;
    // The kernel posts a completion, then looks at the flag; we set the flag, then look for completions.
    std::atomic_ref<unsigned>(*ring_.cq.kflags).fetch_add(0, std::memory_order_seq_cst);
    return ::io_uring_cq_ready(&ring_) > 0 || unsubmitted_ > 0;
}

void UringIo::wait() {
    flush();
    io_uring_cqe* entry = nullptr;
    while (::io_uring_wait_cqe(&ring_, &entry) == -EINTR) {}
}

}  // namespace

Result<std::unique_ptr<BlockIo>> make_uring_io(Loop& loop) {
    auto io = std::make_unique<UringIo>(loop);
    FANTAIL_CHECK(io->open());
    return io;
}

}  // namespace fantail::sys
