// SPDX-License-Identifier: Apache-2.0
//! A few threads for calls that block, and their completions handed back in batches. Private to sys/.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace fantail::sys {

class Loop;

/// A blocking piece of work.
class Job {
public:
    virtual ~Job() = default;
    virtual void run() = 0;  ///< on a worker's thread
};

/// How the threads stand against others of the process that want the processor.
enum class Urgency : std::uint8_t { normal, low };

/// Runs jobs in order of submission, on `threads` threads at a time; with one thread they never overlap. The owner's
/// thread submits and collects; the loop is woken once per batch of completed jobs. The threads start with the first job.
class WorkerPool final {
public:
    WorkerPool(Loop& loop, unsigned threads, Urgency urgency = Urgency::normal)
        : loop_(loop), thread_count_(threads), urgency_(urgency) {}
    /// Finishes the jobs already submitted.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// The job stays alive until collect() returns it.
    void submit(Job& job);
    /// Appends the completed jobs. With none it costs one atomic load.
    void collect(std::vector<Job*>& completed);
    [[nodiscard]] bool has_completed() const { return has_completed_.load(std::memory_order_acquire); }
    /// Blocks until a job is complete; called only while some are under way.
    void wait();

private:
    void work();

    Loop& loop_;
    const unsigned thread_count_;
    const Urgency urgency_;
    std::mutex mutex_;
    std::condition_variable work_ready_;
    std::condition_variable job_done_;
    std::deque<Job*> waiting_;     // guarded by mutex_
    std::vector<Job*> completed_;  // guarded by mutex_
    bool stopping_ = false;        // guarded by mutex_
    std::atomic<bool> has_completed_{false};
    std::vector<std::jthread> threads_;
};

}  // namespace fantail::sys
