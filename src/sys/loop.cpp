// SPDX-License-Identifier: Apache-2.0
//! The event loop over one io_context, and its wake-ups.
#include "sys/loop.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>

#include "base/assert.hpp"
#include "sys/loop_impl.hpp"

namespace fantail::sys {

Loop::Loop() : impl_(std::make_unique<Impl>()) {
    impl_->wake_fd = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    FANTAIL_ASSERT(impl_->wake_fd);
    auto watch = Watch::open(*this, impl_->wake_fd.get());
    FANTAIL_ASSERT(watch.has_value());
    impl_->wake_watch = std::move(*watch);
    impl_->wake_watch.when_readable([fd = impl_->wake_fd.get()] {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
    });
}

Loop::~Loop() { impl_->wake_watch.close(); }

std::size_t Loop::poll() {
    std::size_t n = run_deferred() + take_wake();
    Impl& impl = *impl_;
    impl.round_over = false;
    ++impl.turn;
    while (!impl.round_over && impl.context.poll_one() != 0) ++n;
    return n;
}

std::size_t Loop::wait(MonoTime until) {
    if (!deferred_.empty()) return poll();
    State expected = State::running;
    if (!state_.compare_exchange_strong(expected, State::sleeping, std::memory_order_acq_rel)) return take_wake();
    std::size_t n = 0;
    ++impl_->turn;
    if (hooks_have_work()) {
        n = 1;
    } else if (until == MonoTime::never()) {
        n = impl_->context.run_one();
    } else {
        using std::chrono::steady_clock;
        n = impl_->context.run_one_until(steady_clock::time_point(std::chrono::nanoseconds(until.ns)));
    }
    expected = State::sleeping;
    if (!state_.compare_exchange_strong(expected, State::running, std::memory_order_acq_rel)) n += take_wake();
    return n;
}

void Loop::wake() noexcept {
    // The exchange is both halves of the protocol: as a release it publishes what the caller handed over, and exactly one
    // of the wakers sees `sleeping`. The owner's own exchanges follow it or precede it in one order, so either the owner
    // finds `notified` or the waker finds `sleeping`.
    if (state_.exchange(State::notified, std::memory_order_acq_rel) != State::sleeping) return;
    wakes_sent_.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(impl_->wake_fd.get(), &one, sizeof one);
}

void Loop::defer(std::move_only_function<void()> work) { deferred_.push_back(std::move(work)); }

std::size_t Loop::run_deferred() {
    if (deferred_.empty()) return 0;
    running_deferred_.swap(deferred_);
    const std::size_t n = running_deferred_.size();
    for (auto& work : running_deferred_) work();
    running_deferred_.clear();
    return n;
}

std::size_t Loop::take_wake() {
    if (state_.load(std::memory_order_relaxed) != State::notified) [[likely]] return 0;
    state_.exchange(State::running, std::memory_order_acq_rel);
    if (on_wake_) on_wake_();
    return 1;
}

bool Loop::hooks_have_work() {
    bool ready = false;
    for (WaitHook* hook : wait_hooks_) ready |= hook->about_to_wait();
    return ready;
}

void Loop::add_wait_hook(WaitHook& hook) { wait_hooks_.push_back(&hook); }

void Loop::remove_wait_hook(WaitHook& hook) { std::erase(wait_hooks_, &hook); }

struct SignalWatch::State : std::enable_shared_from_this<State> {
    State(Loop& loop, std::move_only_function<void(int)> callback)
        : signals(loop.impl().context.get_executor(), SIGTERM, SIGINT, SIGHUP), on_signal(std::move(callback)) {}

    void arm() {
        signals.async_wait([weak = weak_from_this()](const boost::system::error_code& error, int signal) {
            const auto self = weak.lock();
            if (error || !self) return;
            self->on_signal(signal);
            // Only the callback's frame may hold it by now.
            if (!self->closed) self->arm();
        });
    }

    boost::asio::basic_signal_set<LoopExecutor> signals;
    std::move_only_function<void(int)> on_signal;
    bool closed = false;
};

SignalWatch::SignalWatch(Loop& loop, std::move_only_function<void(int)> on_signal)
    : state_(std::make_shared<State>(loop, std::move(on_signal))) {
    state_->arm();
}

SignalWatch::~SignalWatch() { state_->closed = true; }

}  // namespace fantail::sys
