// SPDX-License-Identifier: Apache-2.0
//! The event loop over epoll, its wake-ups, and the process's signals.
#include "sys/loop.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

#include "base/assert.hpp"
#include "sys/clock.hpp"
#include "sys/loop_impl.hpp"

namespace fantail::sys {

namespace {

int timeout_until(MonoTime until) {
    if (until == MonoTime::never()) return -1;
    constexpr std::int64_t ns_in_ms = 1'000'000;
    const std::int64_t left = until.ns - SystemClock().now().mono.ns;
    if (left <= 0) return 0;
    return static_cast<int>(std::min<std::int64_t>((left + ns_in_ms - 1) / ns_in_ms, INT_MAX));
}

}  // namespace

Loop::Impl::Impl() : epoll(::epoll_create1(EPOLL_CLOEXEC)), wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    FANTAIL_ASSERT(epoll && wake_fd);
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    FANTAIL_ASSERT(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_fd.get(), &event) == 0);
}

Loop::Impl::~Impl() { FANTAIL_ASSERT(buried.empty()); }

std::size_t Loop::Impl::run(int timeout_ms) {
    const int ready = ::epoll_wait(epoll.get(), events.data(), events_max, timeout_ms);
    if (ready <= 0) return 0;  // nothing, or a signal
    std::size_t ran = 0;
    dispatching = true;
    for (int i = 0; i < ready; ++i) {
        auto* watch = static_cast<Watch::State*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (watch != nullptr) ran += watch->fired(events[static_cast<std::size_t>(i)].events);
    }
    dispatching = false;
    for (Watch::State* closed : buried) delete closed;
    buried.clear();
    return ran;
}

void Loop::Impl::bury(Watch::State* closed) {
    if (dispatching) buried.push_back(closed);
    else delete closed;
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}

Loop::~Loop() = default;

std::size_t Loop::poll() {
    const std::size_t n = run_deferred() + take_wake();
    return n + impl_->run(0);
}

std::size_t Loop::wait(MonoTime until) {
    if (!deferred_.empty()) return poll();
    State expected = State::running;
    if (!state_.compare_exchange_strong(expected, State::sleeping, std::memory_order_acq_rel)) return take_wake();
    std::size_t n = hooks_have_work() ? 1 : impl_->run(timeout_until(until));
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
    const std::uint64_t one = 1;  // would block after 2^64 - 2 wake-ups
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
    if (state_.load(std::memory_order_relaxed) != State::notified) [[likely]]
        return 0;
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

namespace {

std::atomic<int> signal_pipe{-1};  ///< where the handler writes the signal's number

void on_process_signal(int signal) {
    const int saved = errno;
    const auto number = static_cast<std::uint8_t>(signal);
    [[maybe_unused]] const auto wrote = ::write(signal_pipe.load(std::memory_order_relaxed), &number, 1);
    errno = saved;
}

constexpr int watched_signals[] = {SIGTERM, SIGINT, SIGHUP};

void handle_signals(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    for (const int signal : watched_signals) ::sigaction(signal, &action, nullptr);
}

}  // namespace

struct SignalWatch::State {
    Fd reading;
    Fd writing;
    Watch watch;
    std::move_only_function<void(int)> on_signal;
};

SignalWatch::SignalWatch(Loop& loop, std::move_only_function<void(int)> on_signal) : state_(std::make_shared<State>()) {
    int ends[2];
    FANTAIL_ASSERT(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    state_->reading = Fd(ends[0]);
    state_->writing = Fd(ends[1]);
    state_->on_signal = std::move(on_signal);
    auto watch = Watch::open(loop, state_->reading.get());
    FANTAIL_ASSERT(watch.has_value());
    state_->watch = std::move(*watch);
    state_->watch.when_readable([weak = std::weak_ptr(state_)] {
        const auto self = weak.lock();  // the callback may destroy the SignalWatch
        std::uint8_t signal = 0;
        if (self && ::read(self->reading.get(), &signal, 1) == 1) self->on_signal(signal);
    });
    FANTAIL_ASSERT(signal_pipe.exchange(state_->writing.get()) == -1);
    handle_signals(on_process_signal);
}

SignalWatch::~SignalWatch() {
    handle_signals(SIG_DFL);
    signal_pipe = -1;
    state_->watch.close();
}

}  // namespace fantail::sys
