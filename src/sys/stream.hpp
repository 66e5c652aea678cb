// SPDX-License-Identifier: Apache-2.0
//! Stream sockets, TCP and unix, without a loop: each function is about one system call and never blocks.
#pragma once

#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sys/address.hpp"
#include "sys/fd.hpp"

namespace fantail::sys {

struct StreamOptions {
    int send_buffer = 0;     ///< SO_SNDBUF in bytes; 0: the system's choice
    int receive_buffer = 0;  ///< SO_RCVBUF in bytes; 0: the system's choice
};

/// Binds and listens. A unix path left behind by a dead process is replaced; one that begins with NUL is abstract. Errors:
/// unavailable (address in use or not permitted), io.
[[nodiscard]] Result<Fd> listen_stream(const Address& at, int backlog);
/// The next waiting connection; an empty Fd: none. Errors: no_space (descriptors or memory have run out), io.
[[nodiscard]] Result<Fd> accept_stream(int listener, const StreamOptions& options);
/// Begins to connect; writable once that has ended, see stream_connected(). Errors: unavailable, io.
[[nodiscard]] Result<Fd> connect_stream(const Address& to, const StreamOptions& options);
/// How it went. Errors: unavailable (refused, unreachable, timed out), io.
[[nodiscard]] Result<void> stream_connected(int fd);

/// What a read or write did.
struct Transferred {
    std::size_t bytes = 0;
    bool at_end = false;  ///< of reads: the peer has sent everything
};
/// Reads what is there; nothing: 0 bytes and not at_end. Errors: unavailable (the peer has broken off), io.
[[nodiscard]] Result<Transferred> read_stream(int fd, MutableBytes into);
/// Sends as much as the kernel takes, at most 64 pieces. Errors: unavailable (the peer is gone), io.
[[nodiscard]] Result<std::size_t> write_stream(int fd, std::span<const ByteView> pieces);
inline constexpr std::size_t write_pieces_max = 64;
/// Tells the peer that nothing more comes.
void finish_stream(int fd);

}  // namespace fantail::sys
