// SPDX-License-Identifier: Apache-2.0
//! poll(), send() and recv().
#include "cli/blocking_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "sys/address.hpp"

namespace fantail::cli {

namespace {

constexpr std::size_t receive_size = 256u << 10;

std::string reason(int error) { return std::generic_category().message(error); }

/// Waits until `fd` is ready for `events`. False: the time is over.
Result<bool> wait_for(int fd, short events, int timeout_ms) {
    pollfd watched{fd, events, 0};
    for (;;) {
        const int ready = ::poll(&watched, 1, timeout_ms);
        if (ready >= 0) return ready > 0;
        if (errno != EINTR) return fail(ErrorCode::io, "poll: " + reason(errno));
    }
}

Result<sys::Fd> connect_to(const sys::Address& address, int timeout_ms) {
    sys::Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail(ErrorCode::io, "socket: " + reason(errno));
    int error = ::connect(fd.get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        FANTAIL_TRY(const bool in_time, wait_for(fd.get(), POLLOUT, timeout_ms));
        socklen_t size = sizeof error;
        if (!in_time) error = ETIMEDOUT;
        else (void)::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) return fail(ErrorCode::unavailable, "cannot connect to " + address.text() + ": " + reason(error));
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int flags = ::fcntl(fd.get(), F_GETFL);
    (void)::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

}  // namespace

Result<BlockingSocket> BlockingSocket::connect(const std::string& host, std::uint16_t port, int timeout_ms) {
    FANTAIL_TRY(const auto addresses, sys::resolve({host, port}, false));
    Error last{ErrorCode::not_found, "'" + host + "' has no address"};
    for (const sys::Address& address : addresses) {
        auto fd = connect_to(address, timeout_ms);
        if (fd) return BlockingSocket(std::move(*fd));
        last = fd.error();
    }
    return std::unexpected(std::move(last));
}

Result<void> BlockingSocket::send(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return fail(ErrorCode::unavailable, "the connection broke: " + reason(errno));
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return {};
}

Result<std::size_t> BlockingSocket::receive(Bytes& into, int timeout_ms) {
    FANTAIL_TRY(const bool readable, wait_for(fd_.get(), POLLIN, timeout_ms));
    if (!readable) return std::size_t{0};
    const std::size_t before = into.size();
    into.resize(before + receive_size);
    ssize_t got = 0;
    do got = ::recv(fd_.get(), into.data() + before, receive_size, 0);
    while (got < 0 && errno == EINTR);
    const int error = errno;
    into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return fail(ErrorCode::unavailable, "the connection broke: " + reason(error));
    if (got == 0) return fail(ErrorCode::unavailable, "the broker has closed the connection");
    return static_cast<std::size_t>(got);
}

}  // namespace fantail::cli
