// SPDX-License-Identifier: Apache-2.0
//! Long calculations of a loop's owner, off its thread.
#pragma once

#include <functional>
#include <vector>

#include "sys/loop.hpp"
#include "sys/worker_pool.hpp"

namespace fantail::sys {

/// One at a time, in order, on a thread that gives way to the others of the process; it starts with the first. All calls
/// are the owner's.
class Calculations final {
public:
    /// `loop` outlives it.
    explicit Calculations(Loop& loop) : pool_(loop, 1, Urgency::low) {}
    /// Waits for those under way, and calls no `done`.
    ~Calculations();
    Calculations(const Calculations&) = delete;
    Calculations& operator=(const Calculations&) = delete;

    /// Runs `work` on the other thread, then `done` in a poll(); the loop's wait() ends when there is one to call.
    void run(std::move_only_function<void()> work, std::move_only_function<void()> done);
    /// Calls what is done; returns how many. With nothing under way it costs a comparison.
    std::size_t poll();

private:
    class Calculation;

    std::size_t under_way_ = 0;
    std::vector<Job*> completed_;
    WorkerPool pool_;
};

}  // namespace fantail::sys
