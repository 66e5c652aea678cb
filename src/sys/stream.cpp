// SPDX-License-Identifier: Apache-2.0
//! The system calls of stream sockets.
#include "sys/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "sys/errno_error.hpp"

namespace fantail::sys {

static void apply(int fd, int family, const StreamOptions& options) {
    // Failures cost speed, not correctness. Nagle's delay is off: output is gathered before it gets here.
    const int one = 1;
    if (family != AF_UNIX) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (options.send_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options.send_buffer, sizeof(int));
    if (options.receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(int));
}

static std::string path_of(const Address& address) {
    return reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
}

/// A socket file that nobody listens on any more.
static bool is_stale(const Address& address) {
    struct stat info{};
    const std::string path = path_of(address);
    if (path.empty() || ::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return probe && ::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

static bool bind_to(int fd, const Address& at) {
    if (::bind(fd, at.data(), at.size()) == 0) return true;
    if (errno != EADDRINUSE || !at.is_unix()) return false;
    if (!is_stale(at)) {
        errno = EADDRINUSE;
        return false;
    }
    ::unlink(path_of(at).c_str());
    return ::bind(fd, at.data(), at.size()) == 0;
}

Result<Fd> listen_stream(const Address& at, int backlog) {
    Fd fd(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return std::unexpected(errno_error(errno, at.text()));
    const int one = 1;
    if (!at.is_unix()) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!bind_to(fd.get(), at) || ::listen(fd.get(), backlog) != 0)
        return std::unexpected(errno_error(errno, at.text()));
    return fd;
}

Result<Fd> accept_stream(int listener, const StreamOptions& options) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Fd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
        apply(fd.get(), peer.ss_family, options);
        return fd;
    }
    const bool none = errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR;
    if (none) return Fd();
    return std::unexpected(errno_error(errno, "accept"));
}

Result<Fd> connect_stream(const Address& to, const StreamOptions& options) {
    Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return std::unexpected(errno_error(errno, to.text()));
    apply(fd.get(), to.family(), options);
    if (::connect(fd.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS) {
        return std::unexpected(errno_error(errno, to.text()));
    }
    return fd;
}

Result<void> stream_connected(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return std::unexpected(errno_error(error, "connect"));
    return {};
}

Result<Transferred> read_stream(int fd, MutableBytes into) {
    ssize_t got = -1;
    do got = ::recv(fd, into.data(), into.size(), 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) [[likely]]
        return Transferred{.bytes = static_cast<std::size_t>(got)};
    if (got == 0) return Transferred{.at_end = true};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Transferred{};
    return std::unexpected(errno_error(errno, "receive"));
}

Result<std::size_t> write_stream(int fd, std::span<const ByteView> pieces) {
    iovec vectors[write_pieces_max];
    const std::size_t count = std::min(pieces.size(), write_pieces_max);
    for (std::size_t i = 0; i < count; ++i)
        vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = count;
    ssize_t sent = -1;
    do sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) [[likely]]
        return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    return std::unexpected(errno_error(errno, "send"));
}

void finish_stream(int fd) { ::shutdown(fd, SHUT_WR); }

}  // namespace fantail::sys
