// SPDX-License-Identifier: Apache-2.0
//! fantail::loop: coroutines, poll(2) and a list of who waits.
#include <poll.h>

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "fantail/async.hpp"
#include "sys/mono.hpp"

namespace fantail {

namespace {

using time_point = reactor::time_point;

time_point now() { return time_point(std::chrono::nanoseconds(sys::mono_now().ns)); }

/// A task that nobody awaits: its frame is destroyed by who owns it.
struct root {
    struct promise_type {
        bool* has_ended = nullptr;
        root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept {
            *has_ended = true;
            return {};
        }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> coroutine;
};

root begin(task<void> work) { co_await std::move(work); }

}  // namespace

class loop::inside {
public:
    ~inside() {
        for (const root& each : roots_) each.coroutine.destroy();
    }

    void spawn(task<void> work) {
        roots_.push_back(begin(std::move(work)));
        roots_.back().coroutine.promise().has_ended = &some_have_ended_;
        starting_.push_back(roots_.back().coroutine);
    }
    void wait(int fd, time_point until, waiter& who) { waiting_.push_back({fd, until, &who, false}); }
    void wake(waiter& who) {
        for (Waiting& each : waiting_) each.is_woken |= each.who == &who;
    }
    void cancel(waiter& who) {
        for (Waiting& each : waiting_)
            if (each.who == &who) each.who = nullptr;
    }
    void stop() { is_stopped_ = true; }

    void run() {
        is_stopped_ = false;
        while (!is_stopped_ && !roots_.empty()) {
            start_new();
            sweep();
            if (is_stopped_ || roots_.empty()) return;
            poll();
            wake_ready();
        }
    }

private:
    struct Waiting {
        int fd;
        time_point until;
        waiter* who;  ///< nullptr: called or cancelled, to be removed
        bool is_woken;
    };

    void start_new() {
        for (const auto& each : std::exchange(starting_, {})) each.resume();
    }

    /// Removes what has ended.
    void sweep() {
        std::erase_if(waiting_, [](const Waiting& each) { return each.who == nullptr; });
        if (!std::exchange(some_have_ended_, false)) return;
        roots_.remove_if([](const root& each) {
            const bool has_ended = each.coroutine.done();
            if (has_ended) each.coroutine.destroy();
            return has_ended;
        });
    }

    [[nodiscard]] int time_left() const {
        if (!starting_.empty()) return 0;
        auto until = time_point::max();
        for (const Waiting& each : waiting_) until = each.is_woken ? time_point::min() : std::min(until, each.until);
        if (until == time_point::max()) return -1;
        const auto left = std::chrono::ceil<milliseconds>(until - std::min(until, now()));
        return static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    }

    void poll() {
        descriptors_.clear();
        for (const Waiting& each : waiting_) descriptors_.push_back({each.fd, POLLIN, 0});  // -1 is passed over
        ::poll(descriptors_.data(), descriptors_.size(), time_left());
    }

    /// Those who were waiting when it was polled; who is called may begin to wait anew, behind them, or cancel others.
    void wake_ready() {
        const time_point time = now();
        const std::size_t count = descriptors_.size();
        for (std::size_t i = 0; i < count && !is_stopped_; ++i) {
            Waiting& each = waiting_[i];
            const bool is_ready = each.is_woken || descriptors_[i].revents != 0;
            if (each.who == nullptr || (!is_ready && each.until > time)) continue;
            std::exchange(each.who, nullptr)->on_wake(!is_ready);
        }
    }

    std::list<root> roots_;
    std::vector<std::coroutine_handle<>> starting_;
    std::vector<Waiting> waiting_;
    std::vector<pollfd> descriptors_;  ///< by index in waiting_
    bool some_have_ended_ = false;
    bool is_stopped_ = false;
};

bool detail::is_readable(int fd) {
    pollfd look{fd, POLLIN, 0};
    return ::poll(&look, 1, 0) > 0;
}

loop::loop() : inside_(std::make_unique<inside>()) {}
loop::~loop() = default;
void loop::spawn(task<void> work) { inside_->spawn(std::move(work)); }
void loop::run() { inside_->run(); }
void loop::stop() { inside_->stop(); }
void loop::wait(int fd, time_point until, waiter& who) { inside_->wait(fd, until, who); }
void loop::wake(waiter& who) { inside_->wake(who); }
void loop::cancel(waiter& who) { inside_->cancel(who); }

}  // namespace fantail
