// SPDX-License-Identifier: Apache-2.0
//! Watch over epoll.
#include "sys/watch.hpp"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"
#include "sys/loop_impl.hpp"

namespace fantail::sys {

std::uint32_t Watch::State::wanted() const {
    std::uint32_t mask = 0;
    if ((on_readable || reading) && !paused) mask |= EPOLLIN;
    if (on_writable) mask |= EPOLLOUT;
    return mask;
}

int Watch::State::ask(std::uint32_t mask) {
    if (mask == asked) return 0;
    // An error or a hang-up is reported whatever was asked: what wants nothing has to leave the kernel's list.
    const int operation = mask == 0 ? EPOLL_CTL_DEL : asked == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    epoll_event event{.events = mask, .data = {.ptr = this}};
    if (::epoll_ctl(loop.epoll.get(), operation, fd, &event) != 0) return errno;
    asked = mask;
    return 0;
}

void Watch::State::update() {
    // Fails only for a descriptor that was closed under the Watch, or without the memory for one more entry.
    const int error = ask(wanted());
    FANTAIL_ASSERT(error == 0);
}

std::size_t Watch::State::fired(std::uint32_t events) {
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    std::size_t ran = 0;
    if (open && on_readable && !paused && (broken || (events & EPOLLIN) != 0)) {
        read_fired();
        ++ran;
    }
    if (open && on_writable && (broken || (events & EPOLLOUT) != 0)) {
        auto callback = std::exchange(on_writable, nullptr);
        callback();
        ++ran;
    }
    if (open) update();
    return ran;
}

void Watch::State::read_fired() {
    // Out of its place while it runs, so that it may replace itself.
    auto callback = std::exchange(on_readable, nullptr);
    reading = true;
    callback();
    reading = false;
    if (open && !on_readable) on_readable = std::move(callback);
}

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
}

Result<Watch> Watch::open(Loop& loop, int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return std::unexpected(errno_error(errno, "watch a descriptor"));
    auto state = std::make_unique<State>(loop.impl(), fd);
    // Nearly all are read from at once: refusals show here, and reading costs no further call.
    const int error = state->ask(EPOLLIN);
    if (error == 0) return Watch(state.release());
    return std::unexpected(errno_error(error, "watch a descriptor"));
}

void Watch::when_readable(std::move_only_function<void()> callback) {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->on_readable = std::move(callback);
    resume_reading();
}

void Watch::pause_reading() {
    // The kernel is told when it next reports something: most pauses are over before that.
    if (state_ != nullptr) state_->paused = true;
}

void Watch::resume_reading() {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->paused = false;
    if (state_->on_readable && (state_->asked & EPOLLIN) == 0) state_->update();
}

void Watch::when_writable(std::move_only_function<void()> callback) {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->on_writable = std::move(callback);
    if ((state_->asked & EPOLLOUT) == 0) state_->update();
}

void Watch::close() {
    State* state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    state->open = false;
    [[maybe_unused]] const int error = state->ask(0);  // that it is off the list already is fine
    state->loop.bury(state);
}

std::size_t Watch::footprint() { return sizeof(State); }

}  // namespace fantail::sys
