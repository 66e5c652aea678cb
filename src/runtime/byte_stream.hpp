// SPDX-License-Identifier: Apache-2.0
//! What a connection reads from and writes to: a socket, or the simulator's network.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::runtime {

/// The two ends as people read them.
struct StreamEnds {
    std::string peer;  ///< "127.0.0.1:43210"
    std::string local;
    bool peer_is_loopback = false;
};

/// A connected stream of bytes that belongs to one core's thread. Never blocks and owns no buffer. Closed or destroyed, it
/// calls back no more; a callback may close or destroy its own stream.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    [[nodiscard]] virtual StreamEnds ends() const = 0;

    /// Reads what is there, at most `into.size()` bytes (at least 1). 0: nothing now, or at_end(). Errors: unavailable (the
    /// peer has broken off), io. After the end or an error when_readable calls no more.
    [[nodiscard]] virtual Result<std::size_t> read_some(MutableBytes into) = 0;
    /// The peer has sent everything; known once read_some() has met the end.
    [[nodiscard]] virtual bool at_end() const = 0;
    /// \return how many bytes were taken; fewer than given: see when_writable(). Errors: unavailable (the peer is gone), io.
    [[nodiscard]] virtual Result<std::size_t> write_some(ByteView bytes) = 0;

    /// Calls back in every turn in which there is something to read, until paused. Kept for the stream's life.
    virtual void when_readable(std::move_only_function<void()> callback) = 0;
    virtual void pause_reading() = 0;
    virtual void resume_reading() = 0;
    /// Calls back once, when there is room to write or the stream is broken.
    virtual void when_writable(std::move_only_function<void()> callback) = 0;
    virtual void close() = 0;
    /// Closes a stream whose peer is given up: by a reset if it has not taken all that was sent. Its window may be shut for
    /// good, and then no orderly end passes.
    virtual void give_up() { close(); }
};

}  // namespace fantail::runtime
