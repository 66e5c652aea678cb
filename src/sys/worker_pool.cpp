// SPDX-License-Identifier: Apache-2.0
//! Threads, a queue and a list of completed jobs under one mutex.
#include "sys/worker_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "sys/loop.hpp"

namespace fantail::sys {

namespace {

constexpr int low_urgency_nice = 10;

/// Linux keeps nice values by thread. Best effort: without it the work is merely less considerate.
void yield_to_others() {
    const auto self = static_cast<id_t>(::gettid());
    (void)::setpriority(PRIO_PROCESS, self, ::getpriority(PRIO_PROCESS, self) + low_urgency_nice);
}

}  // namespace

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_ready_.notify_all();
}

void WorkerPool::submit(Job& job) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(&job);
    }
    while (threads_.size() < thread_count_) threads_.emplace_back([this] { work(); });
    work_ready_.notify_one();
}

void WorkerPool::collect(std::vector<Job*>& completed) {
    if (!has_completed()) [[likely]]
        return;
    const std::lock_guard lock(mutex_);
    completed.insert(completed.end(), completed_.begin(), completed_.end());
    completed_.clear();
    has_completed_.store(false, std::memory_order_relaxed);
}

void WorkerPool::wait() {
    std::unique_lock lock(mutex_);
    job_done_.wait(lock, [this] { return !completed_.empty(); });
}

void WorkerPool::work() {
    // The process's signals are for the cores' threads.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    if (urgency_ == Urgency::low) yield_to_others();
    std::unique_lock lock(mutex_);
    for (;;) {
        work_ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        Job* job = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        job->run();
        lock.lock();
        const bool first = completed_.empty();
        completed_.push_back(job);
        has_completed_.store(true, std::memory_order_release);
        lock.unlock();
        job_done_.notify_one();
        // The others of this batch ride on the first one's wake-up: collect() takes all.
        if (first) loop_.wake();
        lock.lock();
    }
}

}  // namespace fantail::sys
