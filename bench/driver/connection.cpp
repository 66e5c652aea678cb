// SPDX-License-Identifier: Apache-2.0
//! Handshake and calls of AMQP 0-9-1 (specification 2.2.4, 1.4-1.8) on a blocking socket.
#include "driver/connection.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "driver/report.hpp"

namespace fantail::bench {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::int64_t stall_limit_ns = 30'000'000'000;
constexpr std::uint16_t channel = 1;

void set_socket_options(int socket) {
    const int one = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const timeval wait{.tv_sec = 0, .tv_usec = 200'000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

}  // namespace

int connect_tcp(const Endpoint& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    if (::inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr) != 1) fail("--host must be an IPv4 address");
    if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) fail("the driver loads loopback addresses only");
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    ::close(socket);
    return -1;
}

Connection::Connection(const Endpoint& endpoint) : Connection(connect_tcp(endpoint)) {}

Connection::Connection(int socket, WithoutLogin) : socket_(socket), buffer_(read_bytes + frame_size_max) {
    set_socket_options(socket_);
}

Connection::Connection(int socket) : Connection(socket, WithoutLogin{}) {
    if (socket_ < 0) fail("the server's port does not accept connections");
    if (!log_in()) fail("the server closed the connection during the handshake");
}

std::optional<Connection> Connection::try_open(const Endpoint& endpoint) {
    const int socket = connect_tcp(endpoint);
    if (socket < 0) return std::nullopt;
    Connection connection(socket, WithoutLogin{});
    if (!connection.log_in()) return std::nullopt;
    return connection;
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      buffer_(std::move(other.buffer_)),
      read_at_(other.read_at_),
      filled_(other.filled_) {}

Connection::~Connection() {
    if (socket_ >= 0) ::close(socket_);
}

int Connection::release() { return std::exchange(socket_, -1); }

bool Connection::log_in() {
    static constexpr std::array<std::uint8_t, 8> protocol_header{'A', 'M', 'Q', 'P', 0, 0, 9, 1};
    if (!send(protocol_header) || !try_await(Method::connection_start)) return false;
    FrameWriter out;
    out.begin_method(0, Method::connection_start_ok).text_table({}).short_text("PLAIN");
    out.long_text(std::string_view("\0guest\0guest", 12)).short_text("en_US").end();
    if (!send(out.bytes())) return false;
    const std::optional<Frame> tune = try_await(Method::connection_tune);
    if (!tune) return false;
    FieldReader fields(tune->payload.subspan(4));
    const std::uint16_t channels = fields.u16();
    const std::uint32_t offered = fields.u32();
    if (offered != 0 && offered < frame_size_max)
        fail(fmt::format("the server offers frames of {} bytes, the driver needs 131072", offered));
    out.clear();
    out.begin_method(0, Method::connection_tune_ok).u16(channels).u32(frame_size_max).u16(0).end();
    out.begin_method(0, Method::connection_open).short_text("/").short_text("").u8(0).end();
    if (!send(out.bytes()) || !try_await(Method::connection_open_ok)) return false;
    out.clear();
    out.begin_method(channel, Method::channel_open).short_text("").end();
    return send(out.bytes()) && try_await(Method::channel_open_ok);
}

std::uint32_t Connection::declare_queue(const QueueSpec& spec) {
    FrameWriter out;
    const std::array<std::pair<std::string_view, std::string_view>, 1> arguments{{{"x-queue-type", spec.type}}};
    const auto flags = static_cast<std::uint8_t>((spec.passive ? 1 : 0) | (spec.durable ? 2 : 0));
    out.begin_method(channel, Method::queue_declare).u16(0).short_text(spec.name).u8(flags);
    out.text_table(std::span(arguments).first(spec.type.empty() ? 0 : 1)).end();
    FieldReader fields(call(out, Method::queue_declare_ok).payload.subspan(4));
    fields.short_text();
    return fields.u32();
}

void Connection::delete_queue(std::string_view name) {
    FrameWriter out;
    out.begin_method(channel, Method::queue_delete).u16(0).short_text(name).u8(0).end();
    call(out, Method::queue_delete_ok);
}

void Connection::declare_fanout(std::string_view name) {
    FrameWriter out;
    out.begin_method(channel, Method::exchange_declare)
        .u16(0)
        .short_text(name)
        .short_text("fanout")
        .u8(0)
        .text_table({})
        .end();
    call(out, Method::exchange_declare_ok);
}

void Connection::delete_exchange(std::string_view name) {
    FrameWriter out;
    out.begin_method(channel, Method::exchange_delete).u16(0).short_text(name).u8(0).end();
    call(out, Method::exchange_delete_ok);
}

void Connection::bind(std::string_view queue, std::string_view exchange) {
    FrameWriter out;
    out.begin_method(channel, Method::queue_bind)
        .u16(0)
        .short_text(queue)
        .short_text(exchange)
        .short_text("")
        .u8(0)
        .text_table({})
        .end();
    call(out, Method::queue_bind_ok);
}

void Connection::select_confirms() {
    FrameWriter out;
    out.begin_method(channel, Method::confirm_select).u8(0).end();
    call(out, Method::confirm_select_ok);
}

void Connection::consume(const ConsumeSpec& spec) {
    FrameWriter out;
    if (spec.prefetch > 0) {
        out.begin_method(channel, Method::basic_qos).u32(0).u16(spec.prefetch).u8(0).end();
        call(out, Method::basic_qos_ok);
        out.clear();
    }
    const std::uint8_t flags = spec.auto_ack ? 2 : 0;
    // An empty tag lets the server choose; no-wait, so that no delivery of an earlier consumer can come before a reply.
    const std::string tag = fmt::format("c-{}", spec.queue);
    out.begin_method(channel, Method::basic_consume)
        .u16(0)
        .short_text(spec.queue)
        .short_text(tag)
        .u8(flags | 8)
        .text_table({})
        .end();
    if (!send(out.bytes())) fail("the server closed the connection at basic.consume");
}

Frame Connection::call(FrameWriter& request, Method reply) {
    if (!send(request.bytes())) fail("the server closed the connection during a call");
    return await(reply);
}

std::optional<Frame> Connection::try_await(Method method) {
    const std::int64_t give_up = now_ns() + stall_limit_ns;
    Frame frame;
    while (now_ns() < give_up) {
        while (next(frame)) {
            if (frame.type == frame_heartbeat) continue;
            if (frame.type == frame_method && frame.method() == method) return frame;
            return std::nullopt;
        }
        if (fill() == ReadStatus::closed) return std::nullopt;
    }
    return std::nullopt;
}

Frame Connection::await(Method method) {
    const std::int64_t give_up = now_ns() + stall_limit_ns;
    Frame frame;
    while (now_ns() < give_up) {
        while (next(frame)) {
            if (frame.type == frame_heartbeat) continue;
            if (frame.type == frame_method && frame.method() == method) return frame;
            unexpected(frame);
        }
        if (fill() == ReadStatus::closed) fail("the server closed the connection while a reply was awaited");
    }
    fail("the server did not answer a call within 30 s");
}

bool Connection::send(Bytes bytes) {
    std::int64_t give_up = 0;
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            give_up = 0;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return false;
        if (give_up == 0) give_up = now_ns() + stall_limit_ns;
        if (now_ns() > give_up) fail("the server took no byte for 30 s");
    }
    return true;
}

void Connection::compact() {
    if (read_at_ == filled_) {
        read_at_ = filled_ = 0;
    } else if (buffer_.size() - filled_ < read_bytes) {
        std::memmove(buffer_.data(), buffer_.data() + read_at_, filled_ - read_at_);
        filled_ -= read_at_;
        read_at_ = 0;
    }
}

ReadStatus Connection::fill(std::int64_t spin_us) {
    compact();
    const std::size_t room = std::min(read_bytes, buffer_.size() - filled_);
    ssize_t got = -1;
    if (spin_us > 0) {
        const std::int64_t until = now_ns() + spin_us * 1000;
        do {
            got = ::recv(socket_, buffer_.data() + filled_, room, MSG_DONTWAIT);
        } while (got < 0 && errno == EAGAIN && now_ns() < until);
    }
    if (got < 0) got = ::recv(socket_, buffer_.data() + filled_, room, 0);
    if (got > 0) {
        filled_ += static_cast<std::size_t>(got);
        return ReadStatus::data;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return ReadStatus::idle;
    return ReadStatus::closed;
}

bool Connection::next(Frame& frame) {
    const std::size_t have = filled_ - read_at_;
    if (have < frame_overhead_bytes) return false;
    const std::uint8_t* at = buffer_.data() + read_at_;
    const std::size_t size = load_be<std::uint32_t>(at + 3);
    if (size > frame_size_max) fail("the server sent a frame larger than frame-max");
    if (have < size + frame_overhead_bytes) return false;
    if (at[7 + size] != frame_end) fail("a frame from the server does not end with 0xCE");
    frame = {.type = at[0], .channel = load_be<std::uint16_t>(at + 1), .payload = {at + 7, size}};
    read_at_ += size + frame_overhead_bytes;
    return true;
}

void Connection::unexpected(const Frame& frame) const {
    if (frame.type != frame_method) fail(fmt::format("unexpected frame of type {}", frame.type));
    const auto method = static_cast<std::uint32_t>(frame.method());
    if (frame.method() == Method::connection_close || frame.method() == Method::channel_close) {
        FieldReader fields(frame.payload.subspan(4));
        const auto code = fields.u16();
        fail(fmt::format("the server closed: {} {}", code, fields.short_text()));
    }
    fail(fmt::format("unexpected method {}.{}", method >> 16, method & 0xFFFF));
}

}  // namespace fantail::bench
