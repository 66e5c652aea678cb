// SPDX-License-Identifier: Apache-2.0
//! Listening sockets; accept4 until the queue is empty.
#include "sys/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"
#include "sys/loop_impl.hpp"

namespace fantail::sys {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

/// Shared so that a retry's timer, which may fire after the end, can find out. Invariant: `fd` is empty once closed.
struct Listener::State : std::enable_shared_from_this<State> {
    State(Loop& loop, Fd listening, OnAccept callback)
        : fd(std::move(listening)), timer(loop.impl().context.get_executor()), on_accept(std::move(callback)) {}

    void accept_ready();
    void retry_later();

    Fd fd;
    Watch watch;
    Timer timer;
    OnAccept on_accept;
    bool paused = false;
    bool unix_path = false;
};

static bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void Listener::State::accept_ready() {
    const auto self = shared_from_this();
    for (int i = 0; i < accepts_per_turn_max && fd && !paused; ++i) {
        Fd connection(::accept4(fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!connection) {
            if (out_of_resources(errno)) return retry_later();
            if (errno == EAGAIN || errno == EWOULDBLOCK) return;
            continue;  // this one connection is gone already (ECONNABORTED and its like)
        }
        const int one = 1;
        if (!unix_path) ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        on_accept(std::move(connection));
    }
}

void Listener::State::retry_later() {
    watch.pause_reading();
    timer.expires_after(std::chrono::milliseconds(retry_delay_ms));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && self->fd && !self->paused) self->watch.resume_reading();
    });
}

/// A socket file that nobody listens on any more: its process died without removing it.
static bool is_stale(const Address& address) {
    struct stat info{};
    const std::string path = address.host().substr(5);
    if (::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return probe && ::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

static int bind_to(int fd, const Address& address) {
    if (::bind(fd, address.data(), address.size()) == 0) return 0;
    if (errno != EADDRINUSE || !address.is_unix() || !is_stale(address)) return errno != 0 ? errno : EADDRINUSE;
    ::unlink(address.host().substr(5).c_str());
    return ::bind(fd, address.data(), address.size()) == 0 ? 0 : errno;
}

static Result<Fd> listen_on(const Address& address, bool all_interfaces) {
    Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return std::unexpected(errno_error(errno, address.text()));
    const int one = 1;
    if (!address.is_unix()) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.family() == AF_INET6) {
        const int v6_only = all_interfaces ? 0 : 1;
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    }
    if (const int error = bind_to(fd.get(), address); error != 0) return std::unexpected(errno_error(error, address.text()));
    if (::listen(fd.get(), Listener::backlog) != 0) return std::unexpected(errno_error(errno, address.text()));
    return fd;
}

Result<Listener> Listener::open(Loop& loop, const Endpoint& endpoint, OnAccept on_accept) {
    FANTAIL_TRY(const auto addresses, resolve(endpoint, true));
    Result<Fd> fd = fail(ErrorCode::not_found, endpoint.host + ": no address");
    for (const Address& address : addresses) {
        fd = listen_on(address, endpoint.host.empty());
        if (fd) break;
    }
    if (!fd) return std::unexpected(std::move(fd).error());
    auto state = std::make_shared<State>(loop, std::move(*fd), std::move(on_accept));
    state->unix_path = addresses.front().is_unix();
    FANTAIL_TRY(Watch watch, Watch::open(loop, state->fd.get()));
    state->watch = std::move(watch);
    // A plain pointer: the watch dies with the state.
    state->watch.when_readable([s = state.get()] { s->accept_ready(); });
    return Listener(std::move(state));
}

Listener& Listener::operator=(Listener&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::move(other.state_);
    }
    return *this;
}

Address Listener::local() const { return state_ && state_->fd ? local_address(state_->fd.get()) : Address(); }

void Listener::close() {
    if (!state_ || !state_->fd) return;
    if (state_->unix_path) ::unlink(local().host().substr(5).c_str());
    state_->watch.close();
    state_->fd.close();
    state_->timer.cancel();
}

void Listener::pause() {
    state_->paused = true;
    state_->watch.pause_reading();
}

void Listener::resume() {
    state_->paused = false;
    if (state_->fd) state_->watch.resume_reading();
}

}  // namespace fantail::sys
