// SPDX-License-Identifier: Apache-2.0
//! Listening sockets; accept4 until the queue is empty.
#include "sys/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {

/// Invariant: `fd` is empty once closed. Shared, as a callback may destroy the Listener.
struct Listener::State : std::enable_shared_from_this<State> {
    State(Fd listening, OnAccept callback) : fd(std::move(listening)), on_accept(std::move(callback)) {}

    void accept_ready();
    void retry_later();
    void retry();

    Fd fd;
    Fd timer;  ///< made at the start: when descriptors have run out, it could not be
    Watch watch;
    Watch timer_watch;
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
    itimerspec once{};
    once.it_value.tv_nsec = std::int64_t{retry_delay_ms} * 1'000'000;
    ::timerfd_settime(timer.get(), 0, &once, nullptr);
}

void Listener::State::retry() {
    std::uint64_t expired = 0;
    if (::read(timer.get(), &expired, sizeof expired) > 0 && fd && !paused) watch.resume_reading();
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
    if (const int error = bind_to(fd.get(), address); error != 0)
        return std::unexpected(errno_error(error, address.text()));
    if (::listen(fd.get(), Listener::backlog) != 0) return std::unexpected(errno_error(errno, address.text()));
    return fd;
}

bool has_address(const std::string& host) {
    const auto addresses = resolve({host, 0}, true);
    if (!addresses) return false;
    const Address& first = addresses->front();
    const Fd probe(::socket(first.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return probe && ::bind(probe.get(), first.data(), first.size()) == 0;
}

Result<Listener> Listener::open(Loop& loop, const Endpoint& endpoint, OnAccept on_accept) {
    FANTAIL_TRY(const auto addresses, resolve(endpoint, true));
    Result<Fd> fd = fail(ErrorCode::not_found, endpoint.host + ": no address");
    for (const Address& address : addresses) {
        fd = listen_on(address, endpoint.host.empty());
        if (fd) break;
    }
    if (!fd) return std::unexpected(std::move(fd).error());
    Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!timer) return std::unexpected(errno_error(errno, "timerfd"));
    auto state = std::make_shared<State>(std::move(*fd), std::move(on_accept));
    state->timer = std::move(timer);
    state->unix_path = addresses.front().is_unix();
    FANTAIL_TRY(Watch watch, Watch::open(loop, state->fd.get()));
    state->watch = std::move(watch);
    FANTAIL_TRY(Watch timer_watch, Watch::open(loop, state->timer.get()));
    state->timer_watch = std::move(timer_watch);
    // Plain pointers: the watches die with the state.
    state->watch.when_readable([s = state.get()] { s->accept_ready(); });
    state->timer_watch.when_readable([s = state.get()] { s->retry(); });
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
    state_->timer_watch.close();
    state_->fd.close();
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
