// SPDX-License-Identifier: Apache-2.0
//! A TCP connection for commands that have nothing else to do meanwhile.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sys/fd.hpp"

namespace fantail::cli {

/// Blocks. Movable.
class BlockingSocket {
public:
    /// Errors: not_found (no such host), unavailable (refused, timed out).
    [[nodiscard]] static Result<BlockingSocket> connect(const std::string& host, std::uint16_t port, int timeout_ms);
    /// Takes over a connected stream socket.
    explicit BlockingSocket(sys::Fd fd) : fd_(std::move(fd)) {}

    /// Sends everything. Errors: unavailable (the peer is gone).
    [[nodiscard]] Result<void> send(ByteView bytes);
    /// Appends what has come to `into`, waiting up to `timeout_ms` for the first byte; negative: for ever.
    /// \return how many; 0 if nothing came in time. Errors: unavailable (the peer has closed).
    [[nodiscard]] Result<std::size_t> receive(Bytes& into, int timeout_ms);

private:
    sys::Fd fd_;
};

}  // namespace fantail::cli
