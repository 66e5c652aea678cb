// SPDX-License-Identifier: Apache-2.0
//! One AMQP connection over a blocking socket: handshake, synchronous calls, batched sends and reads.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/wire.hpp"

namespace fantail::bench {

struct Endpoint {
    std::string host = "127.0.0.1";
    std::uint16_t port = 5672;
};

enum class ReadStatus : std::uint8_t { data, idle, closed };

struct QueueSpec {
    std::string_view name;
    std::string_view type;  // "classic", "quorum", "stream", or empty for none
    bool durable = false;
    bool passive = false;
};

struct ConsumeSpec {
    std::string_view queue;
    std::uint16_t prefetch = 0;  // 0: no limit
    bool auto_ack = true;
};

/// A connection with channel 1 open. Invariant: bytes [read_at_, filled_) of the buffer are received and not yet handed out.
/// One thread uses it at a time. Reads wait at most 200 ms; sends that make no progress for 30 s end the run.
class Connection final {
public:
    /// Connects and logs in as guest/guest; ends the run on any failure.
    explicit Connection(const Endpoint& endpoint);
    /// Takes over a connected socket and logs in; ends the run on any failure.
    explicit Connection(int socket);
    /// The same for a server that is still starting: nothing when it refuses or drops the connection.
    [[nodiscard]] static std::optional<Connection> try_open(const Endpoint& endpoint);
    ~Connection();
    Connection(Connection&& other) noexcept;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    Connection& operator=(Connection&&) = delete;

    /// Declares a queue; returns its number of ready messages. Passive ones must exist.
    std::uint32_t declare_queue(const QueueSpec& spec);
    void delete_queue(std::string_view name);
    void declare_fanout(std::string_view name);
    void delete_exchange(std::string_view name);
    void bind(std::string_view queue, std::string_view exchange);
    void select_confirms();
    /// Sets the prefetch and starts a consumer; deliveries may follow at once.
    void consume(const ConsumeSpec& spec);

    /// Sends everything. False when the server closed the connection.
    [[nodiscard]] bool send(Bytes bytes);
    /// One receive into the buffer, which invalidates frames handed out before. Polls for `spin_us` before it sleeps.
    [[nodiscard]] ReadStatus fill(std::int64_t spin_us = 0);
    /// Hands out the next complete frame; false when the buffer holds none.
    [[nodiscard]] bool next(Frame& frame);
    /// Reads until a frame of `method` came; ends the run on anything but heartbeats.
    Frame await(Method method);
    /// Ends the run with what the server said in `frame`.
    [[noreturn]] void unexpected(const Frame& frame) const;
    [[nodiscard]] int socket() const { return socket_; }
    /// Gives up the socket, logged in and open, to the caller.
    [[nodiscard]] int release();

private:
    struct WithoutLogin {};
    Connection(int socket, WithoutLogin);
    bool log_in();
    std::optional<Frame> try_await(Method method);
    Frame call(FrameWriter& request, Method reply);
    void compact();

    int socket_ = -1;
    std::vector<std::uint8_t> buffer_;
    std::size_t read_at_ = 0;
    std::size_t filled_ = 0;
};

/// Connects to `endpoint` without logging in; -1 when refused.
[[nodiscard]] int connect_tcp(const Endpoint& endpoint);

}  // namespace fantail::bench
