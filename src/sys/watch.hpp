// SPDX-License-Identifier: Apache-2.0
//! Tells when a descriptor can be read or written without blocking.
#pragma once

#include <functional>
#include <utility>

#include "base/result.hpp"

namespace fantail::sys {

class Loop;

/// Watches one descriptor on one loop; does not own it. Belongs to the loop's thread. After close() or destruction
/// no callback runs any more; a callback may close or destroy its own Watch. The callbacks themselves are freed a turn
/// later at the latest.
class Watch final {
public:
    Watch() = default;
    Watch(Watch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { close(); }

    /// Registers `fd`, which stays open longer than the Watch and is made non-blocking. A socket, pipe or the like: epoll
    /// cannot watch regular files. Errors: no_space (the kernel's
    /// limit of watches), io.
    [[nodiscard]] static Result<Watch> open(Loop& loop, int fd);

    [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }

    /// Calls `callback` in every turn in which bytes, the end or an error wait to be read, until paused or closed.
    /// Replaces the callback before it. Captures of two pointers cost no allocation.
    void when_readable(std::move_only_function<void()> callback);
    /// No calls until resume_reading().
    void pause_reading();
    void resume_reading();
    /// Calls `callback` once, when the descriptor can be written, or is broken.
    void when_writable(std::move_only_function<void()> callback);
    /// Takes the descriptor off the loop.
    void close();

    /// Bytes of memory that a watched, idle descriptor occupies here; for tests and the limits page.
    [[nodiscard]] static std::size_t footprint();

    struct State;

private:
    explicit Watch(State* state) : state_(state) {}
    State* state_ = nullptr;
};

}  // namespace fantail::sys
