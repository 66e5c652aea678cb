// SPDX-License-Identifier: Apache-2.0
//! Sockets for coroutines: `co_await messages.receive()`; over a loop of the program's own, or over fantail::loop.
#pragma once

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "fantail/options.hpp"
#include "fantail/result.hpp"
#include "fantail/task.hpp"

namespace fantail {

/// Somebody who waits in a reactor.
class waiter {
public:
    virtual ~waiter() = default;
    /// Called by the reactor, which has forgotten the waiter by then. \param late the time has come, and nothing else
    virtual void on_wake(bool late) = 0;
};

/// What a loop has to offer for its coroutines. One thread.
class reactor {
public:
    using time_point = std::chrono::steady_clock::time_point;
    virtual ~reactor() = default;
    /// Calls `who` once: as soon as `fd` is readable (-1: none) or the time has come. All who wait for one descriptor are called.
    virtual void wait(int fd, time_point until, waiter& who) = 0;
    /// Calls one who waits, soon and from the loop, as if its descriptor were readable.
    virtual void wake(waiter& who) = 0;
    /// One who waits is not called.
    virtual void cancel(waiter& who) = 0;
};

namespace detail {

/// Whether a wait for it would end at once.
[[nodiscard]] bool is_readable(int fd);

}  // namespace detail

/// A socket as coroutines of one loop use it. Any number may wait in it, each for itself. From then on the loop serves the socket: it has
/// to run while messages are to flow. Socket and loop outlive this; who waits in it when it is destroyed is not resumed any more.
template <class Socket>
class async {
    class waiting : public waiter {
    protected:
        explicit waiting(async& owner) : owner_(&owner) {}
        async* owner_;  ///< nullptr: gone
        friend async;
    };
    enum class on_block { wait, pause };

    /// One call under way.
    template <class Attempt>
    class [[nodiscard]] operation final : waiting {
    public:
        using outcome = std::invoke_result_t<Attempt&>;
        operation(async& owner, milliseconds timeout, on_block blocked, Attempt attempt)
            : waiting(owner), timeout_(timeout), blocked_(blocked), attempt_(std::move(attempt)) {}
        operation(const operation&) = delete;
        operation& operator=(const operation&) = delete;
        ~operation() override {
            if (!caller_ || this->owner_ == nullptr) return;
            this->owner_->loop_.cancel(*this);
            this->owner_->forget(*this);
        }

        bool await_ready() {
            if (!try_once() && timeout_ != milliseconds{0}) return false;
            if (*outcome_) this->owner_->wake_others();
            return true;
        }
        void await_suspend(std::coroutine_handle<> caller) {
            caller_ = caller;
            until_ = timeout_ == forever ? reactor::time_point::max() : std::chrono::steady_clock::now() + timeout_;
            this->owner_->add(*this);
            this->owner_->loop_.wait(this->owner_->fd_, until_, *this);
        }
        outcome await_resume() { return std::move(*outcome_); }

    private:
        bool try_once() {
            outcome_.emplace(attempt_());
            return *outcome_ || outcome_->error().code() != errc::would_block;
        }
        void on_wake(bool late) override {
            const bool paused = std::exchange(paused_, false);
            if (!try_once()) {
                if (!late || std::chrono::steady_clock::now() < until_) return wait_again(!late && !paused);
                outcome_.emplace(error(errc::timed_out));
            }
            this->owner_->forget(*this);
            if (*outcome_) this->owner_->wake_others();
            std::exchange(caller_, {}).resume();  // may destroy this
        }
        /// The descriptor stays readable while there is something to receive: who sends must not spin over that.
        void wait_again(bool was_readable) {
            paused_ = was_readable && blocked_ == on_block::pause;
            if (!paused_) return this->owner_->loop_.wait(this->owner_->fd_, until_, *this);
            const auto soon = std::chrono::steady_clock::now() + milliseconds{1};
            this->owner_->loop_.wait(-1, soon < until_ ? soon : until_, *this);
        }

        milliseconds timeout_;
        on_block blocked_;
        Attempt attempt_;
        std::optional<outcome> outcome_;
        std::coroutine_handle<> caller_;  ///< while it waits
        reactor::time_point until_;
        bool paused_ = false;
    };

    /// Does the socket's work while nobody waits in it: connecting, sending what was taken, answering heartbeats.
    class attendant final : public waiter {
    public:
        explicit attendant(async& owner) : owner_(owner) {}
        void begin() { owner_.loop_.wait(owner_.fd_, reactor::time_point::max(), *this); }
        void end() { owner_.loop_.cancel(*this); }

    private:
        void on_wake(bool) override {
            owner_.socket_.service();
            if (!detail::is_readable(owner_.fd_)) {
                pause_ = milliseconds{1};
                return begin();
            }
            // Messages that nobody receives: look again later.
            owner_.loop_.wait(-1, std::chrono::steady_clock::now() + pause_, *this);
            if (pause_ < milliseconds{64}) pause_ *= 2;
        }
        async& owner_;
        milliseconds pause_{1};
    };

public:
    async(Socket& socket, reactor& loop) : socket_(socket), loop_(loop), fd_(socket.fd()) { attendant_.begin(); }
    async(const async&) = delete;
    async& operator=(const async&) = delete;
    ~async() {
        attendant_.end();
        for (waiting* each : waiting_) {
            loop_.cancel(*each);
            each->owner_ = nullptr;
        }
    }

    /// `co_await` answers as Socket::receive does; `timed_out` after the time-out, `would_block` if that is 0.
    auto receive(milliseconds timeout = forever) {
        auto attempt = [this] { return socket_.receive(milliseconds{0}); };
        return operation<decltype(attempt)>(*this, timeout, on_block::wait, std::move(attempt));
    }
    /// `co_await` answers as Socket::send does. \param m moved from on success and unchanged otherwise; it lives until then. Give it a
    /// name: GCC 12 fails over temporaries in an expression with `co_await`.
    auto send(message&& m, milliseconds timeout = forever) {
        auto attempt = [this, &m] { return socket_.send(std::move(m), milliseconds{0}); };
        return operation<decltype(attempt)>(*this, timeout, on_block::pause, std::move(attempt));
    }
    Socket& socket() { return socket_; }

private:
    void add(waiting& who) {
        if (waiting_.empty()) attendant_.end();
        waiting_.push_back(&who);
    }
    void forget(waiting& who) {
        std::erase(waiting_, &who);
        if (waiting_.empty()) attendant_.begin();
    }
    /// A call may have done the socket's work for others, whose descriptor then says nothing.
    void wake_others() {
        for (waiting* each : waiting_) loop_.wake(*each);
    }

    Socket& socket_;
    reactor& loop_;
    int fd_;
    std::vector<waiting*> waiting_;
    attendant attendant_{*this};
};

/// A small loop over poll(2), for programs that have none. One thread.
class loop final : public reactor {
public:
    loop();
    ~loop() override;
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// Begins the task at the next run(); it is the loop's until it ends.
    void spawn(task<void> work);
    /// Runs until every task has ended, or stop().
    void run();
    /// Lets run() return after what is going on; what still waits goes on with the next run(), or is destroyed with the loop.
    void stop();
    /// `co_await pauses.sleep(100ms)`
    [[nodiscard]] auto sleep(milliseconds time);

    void wait(int fd, time_point until, waiter& who) override;
    void wake(waiter& who) override;
    void cancel(waiter& who) override;

private:
    class inside;
    std::unique_ptr<inside> inside_;
};

namespace detail {

class sleeping final : waiter {
public:
    sleeping(reactor& loop, milliseconds time) : loop_(loop), until_(std::chrono::steady_clock::now() + time) {}
    sleeping(const sleeping&) = delete;
    sleeping& operator=(const sleeping&) = delete;
    ~sleeping() override {
        if (caller_) loop_.cancel(*this);
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
        caller_ = caller;
        loop_.wait(-1, until_, *this);
    }
    void await_resume() const noexcept {}

private:
    void on_wake(bool) override { std::exchange(caller_, {}).resume(); }

    reactor& loop_;
    reactor::time_point until_;
    std::coroutine_handle<> caller_;
};

}  // namespace detail

inline auto loop::sleep(milliseconds time) { return detail::sleeping(*this, time); }

}  // namespace fantail
