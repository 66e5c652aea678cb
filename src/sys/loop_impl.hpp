// SPDX-License-Identifier: Apache-2.0
//! The epoll side of a Loop. Private to sys/: included by its .cpp files only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <vector>

#include "sys/fd.hpp"
#include "sys/loop.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {

/// Level-triggered, so that nothing is re-armed after a read: a connection that is read from costs one recv a turn and
/// its share of one epoll_wait.
struct Loop::Impl {
    Impl();
    ~Impl();

    /// One epoll_wait of at most `timeout_ms` (-1: for ever), then the callbacks of what is ready, each source once. The
    /// kernel turns its list, so that sources beyond one round's come first in the next. Returns how many callbacks ran.
    std::size_t run(int timeout_ms);
    /// Frees a closed watch, now or, as an event of this round may still point to it, when the round is over.
    void bury(Watch::State* closed);

    static constexpr int events_max = 128;  ///< a round

    Fd epoll;
    Fd wake_fd;  ///< an eventfd that is never read: edge-triggered, each write is one event
    std::array<epoll_event, events_max> events;
    std::vector<Watch::State*> buried;
    bool dispatching = false;
};

/// What the kernel is asked to report follows what is wanted, and is changed only where it must be.
/// Invariant: while `open`, `asked` is what epoll has for `fd`; 0: nothing, `fd` is not on its list.
struct Watch::State {
    State(Loop::Impl& owner, int descriptor) : loop(owner), fd(descriptor) {}

    /// Runs what `events` allow; returns how many callbacks. The Watch may be closed by them.
    std::size_t fired(std::uint32_t events);
    /// Brings epoll in step with what is wanted now.
    void update();
    /// Returns an errno.
    [[nodiscard]] int ask(std::uint32_t mask);

    Loop::Impl& loop;
    int fd;
    std::uint32_t asked = 0;
    bool open = true;
    bool paused = false;
    bool reading = false;  ///< the read callback runs, and is out of its place
    std::move_only_function<void()> on_readable;
    std::move_only_function<void()> on_writable;

private:
    [[nodiscard]] std::uint32_t wanted() const;
    void read_fired();
};

}  // namespace fantail::sys
