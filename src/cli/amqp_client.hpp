// SPDX-License-Identifier: Apache-2.0
//! A small blocking AMQP 0-9-1 client for commands: one connection, one channel.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "cli/blocking_socket.hpp"
#include "cli/uri.hpp"
#include "protocols/amqp091/content.hpp"

namespace fantail::cli {

/// What the broker says unasked. Called from inside pump() and wait_for(); views live for the call.
struct AmqpHandlers {
    std::function<void(std::uint64_t tag, ByteView body)> on_message;  ///< basic.deliver and get-ok
    std::function<void()> on_empty;                                    ///< basic.get-empty
    std::function<void(std::uint64_t tag, bool multiple, bool accepted)> on_confirm;
    std::function<void(std::string_view reason)> on_returned;
    std::function<void(bool on, std::string_view reason)> on_blocked;
    std::function<void()> on_cancelled;  ///< the queue has gone
};

/// Methods append to an output buffer; flush(), pump() and wait_for() send it. Errors of all of them: unavailable (the
/// connection broke), precondition_failed (the broker closed channel or connection; the text has its code and words),
/// malformed (no AMQP).
class AmqpClient {
public:
    static constexpr std::uint16_t channel = 1;

    /// Connects, logs in by PLAIN, opens the vhost and the channel.
    [[nodiscard]] static Result<AmqpClient> connect(const AmqpUri& uri, AmqpHandlers handlers);
    /// The same over a connected socket.
    [[nodiscard]] static Result<AmqpClient> open(BlockingSocket socket, const AmqpUri& uri, AmqpHandlers handlers);

    /// Says a method and waits for the reply to it.
    template <class M>
    [[nodiscard]] Result<void> call(const M& method, amqp091::MethodId reply) {
        send(method);
        return wait_for(reply);
    }
    template <class M>
    void send(const M& method) {
        amqp091::FrameWriter(out_).method(channel, method);
    }
    /// REQUIRES property bytes that fit a frame (amqp091::header_fits()).
    void publish(const amqp091::BasicPublish& method, const amqp091::Content& content) {
        amqp091::write_publish(out_, channel, method, content, frame_max_);
    }
    [[nodiscard]] std::size_t unsent() const { return out_.size(); }
    [[nodiscard]] std::uint32_t frame_max() const { return frame_max_; }

    [[nodiscard]] Result<void> flush();
    /// Flushes, waits up to `timeout_ms` (negative: for ever) for something to come, and shows it to the handlers.
    [[nodiscard]] Result<void> pump(int timeout_ms);
    /// Pumps until the broker has said `reply`.
    [[nodiscard]] Result<void> wait_for(amqp091::MethodId reply);
    /// Says good-bye; what the broker still had to say before is shown to the handlers.
    [[nodiscard]] Result<void> close();

private:
    AmqpClient(BlockingSocket socket, AmqpHandlers handlers)
        : socket_(std::move(socket)), handlers_(std::move(handlers)) {}
    Result<void> shake_hands(const AmqpUri& uri);
    /// False: no whole frame is there.
    Result<bool> take_one();
    Result<std::size_t> receive(int timeout_ms);
    Result<void> dispatch(const amqp091::Frame& frame);
    Result<void> on_method(const amqp091::Method& method);
    void begin_content(std::uint64_t tag);
    void end_content();

    BlockingSocket socket_;
    AmqpHandlers handlers_;
    Bytes in_;
    std::size_t taken_ = 0;  ///< bytes at the front of in_ that are done with
    Bytes out_;
    Bytes body_;  ///< of the message under way
    std::uint64_t body_left_ = 0;
    std::uint64_t tag_ = 0;  ///< of the message under way; 0: a returned one
    bool awaiting_header_ = false;
    std::string returned_;  ///< why the message under way came back
    std::uint32_t frame_max_ = 131'072;
    amqp091::MethodId last_{};  ///< the last method that is a reply
};

}  // namespace fantail::cli
