// SPDX-License-Identifier: Apache-2.0
//! Stream sockets by plain system calls, readiness by Watch.
#include "sys/socket.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"

namespace fantail::sys {

static_assert(Socket::pieces_max <= IOV_MAX);

static void set_no_delay(int fd, int family) {
    const int one = 1;
    // We gather a turn's output ourselves; Nagle would only delay it. A failure costs speed, not correctness.
    if (family != AF_UNIX) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::move(other.fd_);
        at_end_ = other.at_end_;
        watch_ = std::move(other.watch_);
    }
    return *this;
}

Result<Socket> Socket::adopt(Loop& loop, Fd fd) {
    FANTAIL_TRY(auto watch, Watch::open(loop, fd.get()));
    return Socket(std::move(fd), std::move(watch));
}

Result<Socket> Socket::connect(Loop& loop, const Address& to) {
    Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return std::unexpected(errno_error(errno, to.text()));
    set_no_delay(fd.get(), to.family());
    if (::connect(fd.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS) {
        return std::unexpected(errno_error(errno, to.text()));
    }
    return adopt(loop, std::move(fd));
}

Result<void> Socket::connected() const {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return std::unexpected(errno_error(error, "connect"));
    return {};
}

Result<std::size_t> Socket::read_some(MutableBytes into) {
    FANTAIL_ASSERT(!into.empty());
    if (at_end_) return 0;
    ssize_t got = -1;
    do got = ::recv(fd_.get(), into.data(), into.size(), 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) [[likely]]
        return static_cast<std::size_t>(got);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    const int error = errno;
    // A finished stream stays readable for ever; without the pause it would call back every turn.
    watch_.pause_reading();
    at_end_ = true;
    if (got == 0) return 0;
    return std::unexpected(errno_error(error, "receive"));
}

Result<std::size_t> Socket::write_some(std::span<const ByteView> pieces) {
    iovec vectors[pieces_max];
    const std::size_t count = std::min(pieces.size(), pieces_max);
    for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = count;
    ssize_t sent = -1;
    do sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) [[likely]]
        return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    return std::unexpected(errno_error(errno, "send"));
}

void Socket::finish_writing() {
    if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void Socket::give_up() {
    int unacknowledged = 0;
    if (fd_ && ::ioctl(fd_.get(), SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close();
}

void Socket::close() {
    watch_.close();
    fd_.close();
}

Fd Socket::release() {
    watch_.close();
    return std::move(fd_);
}

}  // namespace fantail::sys
