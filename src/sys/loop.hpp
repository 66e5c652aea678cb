// SPDX-License-Identifier: Apache-2.0
//! The event loop of one core, and the signals of the process.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/time.hpp"

namespace fantail::sys {

/// Asked before a loop blocks; for sources of work that need to be armed first.
class WaitHook {
public:
    virtual ~WaitHook() = default;
    /// Arms the wake-up of this source. True if work is ready already: then the loop does not block.
    virtual bool about_to_wait() = 0;
};

/// One thread's event loop. A turn of the owner is: poll(), its other sources, its end of turn; and wait() when all of
/// that found nothing. Everything but wake() belongs to the owner's thread. Watches, sockets and files on a loop die
/// before it.
///
/// Invariant: state_ is `running` or `notified` while the owner runs and `sleeping` only inside wait(). A wake() is never
/// lost: it leaves `notified` behind, and wait() does not block on it.
class Loop final {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs what is ready, each source about once, without blocking. Returns how many callbacks ran. With nothing ready
    /// it costs one epoll_wait.
    std::size_t poll();
    /// Blocks until a callback ran, wake() was called, or `until` has come (up to 1 ms late). Returns how many callbacks
    /// ran; the caller polls its other sources in any case.
    std::size_t wait(MonoTime until);
    /// Makes wait() return, the present one or, if the loop runs, the next one. Any thread. One atomic exchange, and a
    /// system call only if the loop sleeps: hand over a batch, then wake once. What the caller wrote before is visible
    /// to the owner after wait() or poll().
    void wake() noexcept;
    /// Runs `work` on the next poll(), never from inside this call. Work deferred by deferred work waits for the poll
    /// after.
    void defer(std::move_only_function<void()> work);
    /// Called on the owner's thread, from poll() or wait(), once after one or more wake().
    void on_wake(std::move_only_function<void()> hook) { on_wake_ = std::move(hook); }

    /// `hook` outlives the loop or is removed. Not from inside a hook.
    void add_wait_hook(WaitHook& hook);
    void remove_wait_hook(WaitHook& hook);

    /// How often wake() had to make a system call; for tests and metrics. Any thread.
    [[nodiscard]] std::uint64_t wakes_sent() const { return wakes_sent_.load(std::memory_order_relaxed); }

    struct Impl;  ///< epoll's part, in sys/loop_impl.hpp
    [[nodiscard]] Impl& impl() { return *impl_; }

private:
    enum class State : std::uint8_t { running, sleeping, notified };

    std::size_t run_deferred();
    std::size_t take_wake();
    bool hooks_have_work();

    std::unique_ptr<Impl> impl_;
    std::vector<std::move_only_function<void()>> deferred_;
    std::vector<std::move_only_function<void()>> running_deferred_;
    std::vector<WaitHook*> wait_hooks_;
    std::move_only_function<void()> on_wake_;
    // On a cache line of their own: other threads write them.
    alignas(64) std::atomic<State> state_{State::running};
    std::atomic<std::uint64_t> wakes_sent_{0};
};

/// Calls back on the loop's thread for SIGTERM, SIGINT and SIGHUP, which then no longer end the process. One loop of the
/// process at a time may have one.
class SignalWatch final {
public:
    /// \param on_signal gets the signal's number; may destroy the SignalWatch.
    SignalWatch(Loop& loop, std::move_only_function<void(int)> on_signal);
    /// Restores the default actions. No call after it.
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace fantail::sys
