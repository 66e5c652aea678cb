// SPDX-License-Identifier: Apache-2.0
//! Accepts connections, TCP or unix, and hands over their descriptors.
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "sys/address.hpp"
#include "sys/fd.hpp"

namespace fantail::sys {

class Loop;

/// Whether this machine has the numeric address `host`: that something could be bound to it.
[[nodiscard]] bool has_address(const std::string& host);

/// A listening socket on one loop, on whose thread it belongs and calls back. When descriptors or memory run out
/// (EMFILE, ENFILE, ENOBUFS, ENOMEM) it pauses and tries again after retry_delay_ms, so that waiting clients are served late
/// and not refused.
class Listener final {
public:
    /// Gets each connection, non-blocking and (TCP) without Nagle's delay; any loop may adopt it. May destroy the Listener.
    using OnAccept = std::move_only_function<void(Fd)>;
    static constexpr int backlog = 4096;  ///< the kernel lowers it to net.core.somaxconn
    static constexpr int retry_delay_ms = 100;
    static constexpr int accepts_per_turn_max = 64;

    /// Resolves (start-up only: see resolve()), binds and listens. A unix path left behind by a dead process is replaced.
    /// Errors: as resolve(); unavailable (address in use or not permitted), io.
    [[nodiscard]] static Result<Listener> open(Loop& loop, const Endpoint& endpoint, OnAccept on_accept);

    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) noexcept;
    ~Listener() { close(); }

    /// Where it really listens: port 0 is resolved.
    [[nodiscard]] Address local() const;
    /// Stops accepting; a unix path is removed. No call after it.
    void close();
    /// Stops accepting for now: connections wait in the backlog.
    void pause();
    void resume();

    struct State;

private:
    explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

}  // namespace fantail::sys
