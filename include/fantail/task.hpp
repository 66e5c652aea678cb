// SPDX-License-Identifier: Apache-2.0
//! task<T>: a coroutine that somebody awaits.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace fantail {

template <class T>
class task;

namespace detail {

/// What the promises of all tasks have in common: who is to be resumed at the end.
struct task_promise_base {
    std::coroutine_handle<> awaits;

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
            return done.promise().awaits ? done.promise().awaits : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct task_promise : task_promise_base {
    std::optional<T> value;
    task<T> get_return_object();
    void return_value(T made) { value.emplace(std::move(made)); }
    T take() { return std::move(*value); }
};

template <>
struct task_promise<void> : task_promise_base {
    task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

/// A coroutine that begins when it is awaited, on the thread of who awaits it, and answers a T. Move-only; destroying it destroys what it
/// waits for. The library throws nothing; an exception that leaves the coroutine ends the program.
template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;

    explicit task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
    task& operator=(task&& other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~task() {
        if (coroutine_) coroutine_.destroy();
    }

    /// At most once.
    auto operator co_await() && {
        struct awaiter {
            std::coroutine_handle<promise_type> coroutine;
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) const noexcept {
                coroutine.promise().awaits = who;
                return coroutine;
            }
            T await_resume() const { return coroutine.promise().take(); }
        };
        return awaiter{coroutine_};
    }

private:
    std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
task<T> detail::task_promise<T>::get_return_object() {
    return task<T>(std::coroutine_handle<task_promise<T>>::from_promise(*this));
}
inline task<void> detail::task_promise<void>::get_return_object() {
    return task<void>(std::coroutine_handle<task_promise<void>>::from_promise(*this));
}

}  // namespace fantail
