// SPDX-License-Identifier: Apache-2.0
//! A connected stream socket, TCP or unix, on one loop.
#pragma once

#include <functional>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sys/address.hpp"
#include "sys/fd.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {

/// Reads and writes never block and never own a buffer. Belongs to its loop's thread. A closed or destroyed Socket calls
/// back no more; a callback may close or destroy its own Socket.
class Socket final {
public:
    Socket() = default;
    Socket(Socket&& other) noexcept = default;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    /// Takes over a connected descriptor, e.g. from a Listener of another core. Errors: as Watch::open; then `fd` is closed.
    [[nodiscard]] static Result<Socket> adopt(Loop& loop, Fd fd);
    /// Begins to connect. Then when_writable() tells the end, and connected() how it went. Errors: unavailable, io.
    [[nodiscard]] static Result<Socket> connect(Loop& loop, const Address& to);
    /// After when_writable() following connect(). Errors: unavailable (refused, unreachable, timed out), io.
    [[nodiscard]] Result<void> connected() const;

    [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }

    /// Reads what is there, at most `into.size()` bytes (at least 1). 0: nothing now, or at_end(). Errors: unavailable
    /// (the peer has broken off), io. At the end and after an error reading is paused for good.
    [[nodiscard]] Result<std::size_t> read_some(MutableBytes into);
    /// The peer has sent everything; known once read_some() has met the end.
    [[nodiscard]] bool at_end() const { return at_end_; }
    /// Sends as much as the kernel takes, in one call of at most pieces_max pieces; empty pieces are allowed.
    /// Returns the number of bytes taken; fewer than given: see when_writable(). Errors: unavailable (the peer is gone), io.
    [[nodiscard]] Result<std::size_t> write_some(std::span<const ByteView> pieces);
    static constexpr std::size_t pieces_max = 1024;  ///< IOV_MAX

    /// Calls back in every turn in which there is something to read, until paused. Kept for the socket's life.
    void when_readable(std::move_only_function<void()> callback) { watch_.when_readable(std::move(callback)); }
    void pause_reading() { watch_.pause_reading(); }
    void resume_reading() {
        if (!at_end_ && fd_) watch_.resume_reading();
    }
    /// Calls back once, when there is room to write or the connection is broken.
    void when_writable(std::move_only_function<void()> callback) { watch_.when_writable(std::move(callback)); }

    [[nodiscard]] Address local() const { return local_address(fd_.get()); }
    [[nodiscard]] Address peer() const { return peer_address(fd_.get()); }

    /// Tells the peer that nothing more comes; reading goes on.
    void finish_writing();
    void close();
    /// Closes, by a reset if the peer has not acknowledged all that was sent: whoever waits there is told at once, though
    /// its window be shut, and the kernel keeps nothing.
    void give_up();
    /// Takes the descriptor off the loop and gives it away, open, e.g. to be adopted by another core's loop.
    [[nodiscard]] Fd release();

private:
    Socket(Fd fd, Watch watch) : fd_(std::move(fd)), watch_(std::move(watch)) {}

    Fd fd_;
    bool at_end_ = false;
    Watch watch_;
};

}  // namespace fantail::sys
