// SPDX-License-Identifier: Apache-2.0
//! Descriptors that one caller at a time waits for, without callbacks; and an alarm and a doorbell that can be among them.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/time.hpp"
#include "sys/fd.hpp"

namespace fantail::sys {

/// What a descriptor is watched for.
struct Interest {
    bool in = true;
    bool out = false;
    bool once = false;  ///< one report, then nothing until the next modify()
    constexpr bool operator==(const Interest&) const = default;
};

/// epoll, level-triggered. Its own descriptor is readable while something is ready, so that sets can be in sets. wait() may
/// run on one thread while another changes the set.
class PollSet final {
public:
    struct Ready {
        std::uint64_t tag;
        bool in;   ///< readable, at its end, or broken
        bool out;  ///< writable, or broken
    };

    PollSet();

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// \param fd stays open until removed   \param tag comes back in Ready
    /// Errors: no_space (the limit of watches), io.
    [[nodiscard]] Result<void> add(int fd, std::uint64_t tag, Interest interest);
    void modify(int fd, std::uint64_t tag, Interest interest);
    void remove(int fd);

    /// Waits until something is ready or `timeout_ns` have passed (below 0: without end). Returns how many reports were written
    /// to `into`; 0 after a signal, too.
    [[nodiscard]] std::size_t wait(std::span<Ready> into, std::int64_t timeout_ns);

private:
    Fd fd_;
    bool has_nanoseconds_ = true;  ///< epoll_pwait2 is there and allowed
};

/// Becomes readable at a time (CLOCK_MONOTONIC).
class Alarm final {
public:
    Alarm();
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// never() turns it off. A set alarm is no longer readable, if it was.
    void set(MonoTime at);

private:
    Fd fd_;
};

/// Becomes readable when somebody rings, until it is taken. Any thread.
class Doorbell final {
public:
    Doorbell();
    [[nodiscard]] int fd() const { return fd_.get(); }
    void ring() noexcept;
    void take() noexcept;

private:
    Fd fd_;
};

}  // namespace fantail::sys
