// SPDX-License-Identifier: Apache-2.0
//! A socket of the library and one of libzmq behind one face, for the same driver.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "fantail/fantail.hpp"
#ifdef WITH_ZMQ
#include <zmq.h>
#endif

namespace fantail::bench {

enum class Role : std::uint8_t { pair, push, pull, publisher, subscriber };

[[noreturn]] inline void give_up(const std::string& what) {
    std::fprintf(stderr, "brokerless_bench: %s\n", what.c_str());
    std::exit(1);
}

/// One of our sockets; all sends and receives wait.
class Ours {
public:
    explicit Ours(Role role) : socket_(make(role)) {}
    std::string bind(const std::string& address) {
        auto bound = socket_->bind(address);
        if (!bound) give_up(bound.error().text());
        return *bound;
    }
    void connect(const std::string& address) {
        if (auto done = socket_->connect(address); !done) give_up(done.error().text());
    }
    void subscribe_all() { static_cast<void>(socket_->change_subscription("", true)); }
    void send(std::size_t size, std::uint64_t number) {
        part body = part::with_size(size);
        std::memcpy(body.data(), &number, sizeof number);
        if (auto sent = socket_->send(message(std::move(body))); !sent) give_up(sent.error().text());
    }
    std::uint64_t receive() {
        if (auto got = socket_->receive_into(received_); !got) give_up(got.error().text());
        std::uint64_t number = 0;
        std::memcpy(&number, received_.body().data(), sizeof number);
        return number;
    }
    std::uint64_t receive_polling() {
        while (!socket_->receive_into(received_, milliseconds(0))) {}
        std::uint64_t number = 0;
        std::memcpy(&number, received_.body().data(), sizeof number);
        return number;
    }

private:
    struct Any : fantail::socket {
        template <class Socket>
        explicit Any(Socket&& made) : fantail::socket(std::forward<Socket>(made)) {}
        using fantail::socket::change_subscription;
        using fantail::socket::receive_into;
        using fantail::socket::send;
    };
    static std::unique_ptr<Any> make(Role role) {
        switch (role) {
            case Role::pair: return std::make_unique<Any>(fantail::pair());
            case Role::push: return std::make_unique<Any>(fantail::push());
            case Role::pull: return std::make_unique<Any>(fantail::pull());
            case Role::publisher: return std::make_unique<Any>(fantail::publisher());
            case Role::subscriber: break;
        }
        return std::make_unique<Any>(fantail::subscriber());
    }

    std::unique_ptr<Any> socket_;
    message received_;
};

#ifdef WITH_ZMQ
/// One of libzmq's, with its defaults.
class Theirs {
public:
    explicit Theirs(Role role) : socket_(zmq_socket(context_.get(), type_of(role))) {}
    Theirs(const Theirs&) = delete;
    Theirs& operator=(const Theirs&) = delete;
    ~Theirs() { zmq_close(socket_); }
    std::string bind(const std::string& address) {
        if (zmq_bind(socket_, address.c_str()) != 0) give_up(zmq_strerror(zmq_errno()));
        char bound[256];
        std::size_t size = sizeof bound;
        zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, bound, &size);
        return bound;
    }
    void connect(const std::string& address) {
        if (zmq_connect(socket_, address.c_str()) != 0) give_up(zmq_strerror(zmq_errno()));
    }
    void subscribe_all() { zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0); }
    void send(std::size_t size, std::uint64_t number) {
        zmq_msg_t m;
        zmq_msg_init_size(&m, size);
        std::memcpy(zmq_msg_data(&m), &number, sizeof number);
        if (zmq_msg_send(&m, socket_, 0) < 0) give_up(zmq_strerror(zmq_errno()));
    }
    std::uint64_t receive() { return receive_with(0); }
    std::uint64_t receive_polling() { return receive_with(ZMQ_DONTWAIT); }

private:
    std::uint64_t receive_with(int flags) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        while (zmq_msg_recv(&m, socket_, flags) < 0) {
            if (flags == 0 || zmq_errno() != EAGAIN) give_up(zmq_strerror(zmq_errno()));
        }
        std::uint64_t number = 0;
        std::memcpy(&number, zmq_msg_data(&m), sizeof number);
        zmq_msg_close(&m);
        return number;
    }
    static int type_of(Role role) {
        switch (role) {
            case Role::pair: return ZMQ_PAIR;
            case Role::push: return ZMQ_PUSH;
            case Role::pull: return ZMQ_PULL;
            case Role::publisher: return ZMQ_PUB;
            case Role::subscriber: break;
        }
        return ZMQ_SUB;
    }
    /// One for all sockets of the process that exist together, as its programs have it.
    static std::shared_ptr<void> shared_context() {
        static std::weak_ptr<void> shared;
        auto context = shared.lock();
        if (!context) shared = context = std::shared_ptr<void>(zmq_ctx_new(), [](void* c) { zmq_ctx_term(c); });
        return context;
    }
    std::shared_ptr<void> context_ = shared_context();
    void* socket_;
};
#endif

}  // namespace fantail::bench
