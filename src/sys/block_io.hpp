// SPDX-License-Identifier: Apache-2.0
//! Asynchronous positioned reads, writes and syncs of one core: the engine inside RealFiles. Private to sys/.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "sys/files.hpp"

namespace fantail::sys {

class Loop;

/// One read, write or sync (of size 0). Owned by RealFiles; the engine holds it from submit() until it comes back from reap().
struct BlockOp {
    enum class Kind : std::uint8_t { read, write, sync };
    Kind kind = Kind::read;
    FileId file;
    int fd = -1;
    std::uint64_t offset = 0;
    std::uint8_t* memory = nullptr;  ///< read from only, if it is a write
    std::size_t size = 0;
    std::int64_t result = 0;  ///< bytes moved, perhaps fewer than `size`, or a negative errno
    Done<> done;
};

/// Belongs to its loop's thread.
class BlockIo {
public:
    virtual ~BlockIo() = default;
    /// Starts `op`; never blocks.
    virtual void submit(BlockOp& op) = 0;
    /// Appends what has completed. With nothing complete it costs no system call.
    virtual void reap(std::vector<BlockOp*>& completed) = 0;
    /// The loop is about to block: makes sure that the next completion wakes it. True: something is complete already.
    virtual bool arm_wake_up() = 0;
    /// Blocks until something can be reaped; called only with operations under way.
    virtual void wait() = 0;
};

/// Errors: unavailable if the kernel or a sandbox does not permit io_uring.
[[nodiscard]] Result<std::unique_ptr<BlockIo>> make_uring_io(Loop& loop);
/// `threads`: at least 1; operations that they run at the same time.
[[nodiscard]] std::unique_ptr<BlockIo> make_thread_io(Loop& loop, unsigned threads);

}  // namespace fantail::sys
