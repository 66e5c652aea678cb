// SPDX-License-Identifier: Apache-2.0
//! epoll, timerfd and eventfd.
#include "sys/poll_set.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"

namespace fantail::sys {

PollSet::PollSet() : fd_(::epoll_create1(EPOLL_CLOEXEC)) { FANTAIL_ASSERT(fd_); }

static epoll_event event_of(std::uint64_t tag, Interest interest) {
    epoll_event event{};
    event.events = (interest.in ? EPOLLIN : 0u) | (interest.out ? EPOLLOUT : 0u) | (interest.once ? EPOLLONESHOT : 0u);
    event.data.u64 = tag;
    return event;
}

Result<void> PollSet::add(int fd, std::uint64_t tag, Interest interest) {
    epoll_event event = event_of(tag, interest);
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return std::unexpected(errno_error(errno, "watch a descriptor"));
    return {};
}

void PollSet::modify(int fd, std::uint64_t tag, Interest interest) {
    epoll_event event = event_of(tag, interest);
    FANTAIL_ASSERT(::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void PollSet::remove(int fd) { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

static int milliseconds_of(std::int64_t timeout_ns) {
    if (timeout_ns < 0) return -1;
    return static_cast<int>(std::min<std::int64_t>((timeout_ns + 999'999) / 1'000'000, 1'000'000'000));
}

std::size_t PollSet::wait(std::span<Ready> into, std::int64_t timeout_ns) {
    epoll_event events[64];
    const int room = static_cast<int>(std::min<std::size_t>(into.size(), std::size(events)));
    int n = -1;
    if (timeout_ns > 0 && has_nanoseconds_) {
        const timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
        n = ::epoll_pwait2(fd_.get(), events, room, &timeout, nullptr);
        if (n < 0 && (errno == ENOSYS || errno == EPERM)) has_nanoseconds_ = false;
    }
    if (n < 0 && (timeout_ns <= 0 || !has_nanoseconds_))
        n = ::epoll_wait(fd_.get(), events, room, milliseconds_of(timeout_ns));
    for (int i = 0; i < n; ++i) {
        const bool broken = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
        into[static_cast<std::size_t>(i)] = {.tag = events[i].data.u64,
                                             .in = broken || (events[i].events & EPOLLIN) != 0,
                                             .out = broken || (events[i].events & EPOLLOUT) != 0};
    }
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

Alarm::Alarm() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) { FANTAIL_ASSERT(fd_); }

void Alarm::set(MonoTime at) {
    itimerspec spec{};
    if (at != MonoTime::never()) {
        const std::int64_t ns = std::max<std::int64_t>(at.ns, 1);  // zero would turn it off
        spec.it_value = {ns / 1'000'000'000, ns % 1'000'000'000};
    }
    ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

Doorbell::Doorbell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { FANTAIL_ASSERT(fd_); }

void Doorbell::ring() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);  // full: it is ringing already
}

void Doorbell::take() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);  // empty: nobody has rung
}

}  // namespace fantail::sys
