// SPDX-License-Identifier: Apache-2.0
//! The sockets: one class a pattern, each with what its pattern can do.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "fantail/event.hpp"
#include "fantail/message.hpp"
#include "fantail/options.hpp"
#include "fantail/result.hpp"

namespace fantail {

namespace lib {
class Engine;
}

/// What all sockets have in common. There is no context to make first: a socket stands alone, owns its connections, and
/// destroying it closes them.
///
/// Threads: one thread at a time may use a socket; it may move between threads. Calls do the socket's work themselves where
/// they can; while the program does not call, one thread of the library for all sockets goes on connecting, accepting, reading
/// ahead and answering heartbeats.
///
/// Addresses: `tcp://127.0.0.1:5555`, `tcp://[::1]:5555`, `tcp://name:5555`; to bind, `tcp://*:5555` means every interface and a port of
/// `*` or 0 lets the system choose; `ipc:///run/x.sock`, and `ipc://@name` for one without a file. These speak ZeroMQ's protocol;
/// `sp+tcp://` and `sp+ipc://` speak that of nanomsg and nng. One socket may have addresses of both. To connect, `file:///etc/peers` stands
/// for the addresses in that file, one a line, whenever it changes.
class socket {
public:
    socket(socket&&) noexcept;
    socket& operator=(socket&&) noexcept;
    /// Closes, see close().
    ~socket();

    /// Listens there. Returns the address with the port that it really is. A socket may bind and connect any number of times.
    /// Errors: invalid_argument, address_in_use, unreachable, exhausted, system.
    result<std::string> bind(std::string_view address);
    /// Connects there in the background, again and again until it works and after each loss. Returns at once; a name is
    /// resolved first, and that may take a while. Errors: invalid_argument, unreachable (no such name), exhausted.
    result<void> connect(std::string_view address);
    /// Stops listening there; connections already made stay. \param address as bind() returned it. Errors: invalid_argument.
    result<void> unbind(std::string_view address);
    /// Ends a connection and forgets what is queued for it. \param address as given to connect(). Errors: invalid_argument.
    result<void> disconnect(std::string_view address);

    /// Waits until everything sent is with the kernel, at most options::linger, then closes. What is not sent by then is lost.
    /// A closed socket answers everything with `closed`.
    void close();

    /// A descriptor for the program's own poll, select or epoll: readable when it is time to call receive() (or, for a socket
    /// that only sends, service()) with a time-out of 0 until it says `would_block`. Once asked for, the program has to do so: the
    /// library's thread no longer serves the socket.
    [[nodiscard]] int fd();
    /// Does what can be done without waiting: accepts, reads, sends.
    void service();

    /// The next thing that happened to a connection. The last 1024 are kept. Errors: would_block, timed_out, closed.
    result<event> next_event(milliseconds timeout = milliseconds{0});

protected:
    enum class pattern : std::uint8_t;
    socket(pattern kind, const options& settings);

    /// Sends `m`, which is moved from on success and unchanged otherwise. Returns once it is queued: delivery is not confirmed.
    /// A burst of messages goes to the kernel together, within a few tens of microseconds, or when the thread next waits for anything here.
    /// Errors: would_block (time-out 0), timed_out, wrong_state, no_route, invalid_argument, closed.
    result<void> send(message&& m);
    result<void> send(message&& m, milliseconds timeout);
    /// The next message. Errors: would_block (time-out 0), timed_out, wrong_state, peer_gone, closed.
    result<message> receive();
    result<message> receive(milliseconds timeout);
    /// The same into a message that exists: the cheapest form. \param into written on success only
    result<void> receive_into(message& into);
    result<void> receive_into(message& into, milliseconds timeout);
    result<void> change_subscription(std::string_view prefix, bool add);
    // Of lanes; docs in `fantail/lane.hpp`.
    result<std::uint64_t> post_message(message&& m);
    result<std::uint64_t> post_message(message&& m, milliseconds timeout);
    result<void> flush_journal();
    std::uint64_t durable_number();
    std::uint64_t unsettled();
    result<void> wait_settled(milliseconds timeout);
    void flush_settled();
    result<void> settle_lane(byte_view lane, std::uint64_t number, bool again);

private:
    std::unique_ptr<lib::Engine> engine_;
};

/// Sends each message to one puller, in turn.
class push : public socket {
public:
    explicit push(const options& settings = {});
    using socket::send;
};

/// Receives from all pushers, fairly.
class pull : public socket {
public:
    explicit pull(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
};

/// Sends each message to every subscriber with a matching prefix. Never waits: a subscriber that is full misses messages
/// (unless options::publisher.no_drop).
class publisher : public socket {
public:
    explicit publisher(const options& settings = {});
    using socket::send;
};

/// Receives the messages whose first part begins with one of its prefixes; without a prefix, none.
class subscriber : public socket {
public:
    explicit subscriber(const options& settings = {});
    /// \param prefix empty: everything. Each subscribe() needs its unsubscribe().
    result<void> subscribe(std::string_view prefix) { return change_subscription(prefix, true); }
    /// Errors: invalid_argument (it is not subscribed).
    result<void> unsubscribe(std::string_view prefix) { return change_subscription(prefix, false); }
    using socket::receive;
    using socket::receive_into;
};

/// A publisher that receives subscriptions, as messages: a byte 1 (begins) or 0 (ends), then the prefix.
class xpublisher : public socket {
public:
    explicit xpublisher(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// A subscriber that sends subscriptions as messages: a byte 1 or 0, then the prefix. For forwarders.
class xsubscriber : public socket {
public:
    explicit xsubscriber(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Asks one replier, in turn, and receives its reply: send, receive, send, receive. If the peer that was asked goes away, receive()
/// says `peer_gone` and the next request may be sent.
class requester : public socket {
public:
    explicit requester(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Receives a request and replies to it: receive, send, receive, send.
class replier : public socket {
public:
    explicit replier(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// A requester without lock-step: sends to peers in turn, receives from all. A replier's peer wants an empty part in front.
class dealer : public socket {
public:
    explicit dealer(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Receives with the sender's routing id as first part; sends to the peer whose id is the first part.
class router : public socket {
public:
    explicit router(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Asks all respondents at once and receives their answers, until options::survey.timeout has passed: then receive() says `timed_out`. A
/// survey ends the one before it. Over `sp+` addresses.
class surveyor : public socket {
public:
    explicit surveyor(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Receives surveys, and may answer each: receive, then send. Over `sp+` addresses.
class respondent : public socket {
public:
    explicit respondent(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Sends each message to all other buses that it is connected with, and receives from all; passes nothing on. A peer that is full misses
/// messages. Over `sp+` addresses.
class bus : public socket {
public:
    explicit bus(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// A dealer for servers: messages of one part, sent to servers in turn, received from all.
class client : public socket {
public:
    explicit client(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// A router for clients: receives two parts, an id of four bytes that names the client, and the body; sends the same. A client that is not
/// there is `no_route`.
class server : public socket {
public:
    explicit server(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

/// Sends messages of two parts, a group of up to 255 bytes and a body, to every dish that has joined exactly that group. Never waits, as a
/// publisher.
class radio : public socket {
public:
    explicit radio(const options& settings = {});
    using socket::send;
};

/// Receives the messages of the groups that it has joined, group and body.
class dish : public socket {
public:
    explicit dish(const options& settings = {});
    /// \param group up to 255 bytes. Each join() needs its leave(). Errors: invalid_argument.
    result<void> join(std::string_view group) { return change_subscription(group, true); }
    /// Errors: invalid_argument (it has not joined).
    result<void> leave(std::string_view group) { return change_subscription(group, false); }
    using socket::receive;
    using socket::receive_into;
};

/// Talks with exactly one other pair.
class pair : public socket {
public:
    explicit pair(const options& settings = {});
    using socket::receive;
    using socket::receive_into;
    using socket::send;
};

}  // namespace fantail
