// SPDX-License-Identifier: Apache-2.0
//! The AMQP 0-9-1 session: one connection from its protocol header to its close.
#pragma once

#include <memory>
#include <unordered_map>

#include "protocols/amqp091/channel.hpp"
#include "protocols/amqp091/sasl.hpp"
#include "protocols/session.hpp"

namespace fantail::amqp091 {

/// Speaks AMQP 0-9-1 as RabbitMQ 4.3 does (docs/protocols/amqp091.md).
/// Invariants: channels exist only while running; once `closing` or later, nothing the peer sends has an effect but
/// close and close-ok; what the connection announced to the broker is given back exactly once.
class Session final : public protocols::Session {
public:
    Session(protocols::SessionHost& host, std::shared_ptr<const AmqpOptions> options);

    std::size_t on_bytes(ByteView bytes) override;
    void end_of_input() override;
    void on_event(broker::Event& event) override;
    void end_of_turn() override;
    void on_tick() override;
    [[nodiscard]] MonoTime deadline() const override;
    void on_writable(bool writable) override;
    void on_closed() override;
    [[nodiscard]] protocols::SessionInfo info() const override;
    void describe(protocols::SessionDetails& details) const override;

private:
    enum class Phase : std::uint8_t {
        header,    ///< nothing has come yet
        starting,  ///< connection.start was sent
        checking,  ///< the broker is asked whether the password is right
        tuning,    ///< connection.tune was sent
        entering,  ///< connection.open is due
        opening,   ///< the broker is asked whether the connection may be
        running,
        refused,  ///< a bad login that waits to be dropped
        closing,  ///< we sent connection.close
        leaving,  ///< the client sent connection.close; the broker lets go of what the connection held
        parting,  ///< close-ok was sent: the client's to hang up; what still comes is read and forgotten
        ended,    ///< nothing further is read
    };
    /// A channel number in use. Without a channel: closed by us, close-ok is due.
    struct Slot {
        std::unique_ptr<Channel> channel;
    };

    // Input
    std::size_t consume(ByteView bytes);
    std::size_t take_header(ByteView bytes);
    std::size_t take_quickly(ByteView bytes);
    std::size_t take_ack(ByteView bytes);
    std::size_t take_publish(ByteView bytes);
    [[nodiscard]] bool reads_frames() const;
    [[nodiscard]] bool awaits_broker() const { return phase_ == Phase::checking || phase_ == Phase::opening; }
    void on_frame(const Frame& frame, ByteView wire);
    void on_channel_frame(const Frame& frame, ByteView wire);
    void on_new_channel(const Frame& frame);
    void on_closed_channel(const Frame& frame);
    void on_open_channel(Channel& channel, const Frame& frame);
    void resume(std::uint16_t number);

    // Connection methods
    void on_connection_frame(const Frame& frame);
    void on_connection_method(const Method& method);
    template <class M>
    Handled handle(const M& method);
    Handled handle(const ConnectionStartOk& method);
    Handled handle(const ConnectionTuneOk& method);
    Handled handle(const ConnectionOpen& method);
    Handled handle(const ConnectionClose& method);
    Handled handle(const ConnectionCloseOk& method);
    Handled handle(const ConnectionUpdateSecret& method);

    // Events
    void on_answer(RequestId request, broker::Event& event);
    void on_appended(const broker::Appended& event);
    void on_cancelled(const broker::ConsumerCancelled& event);
    void on_login(const broker::LoginChecked& answer);
    void on_opened(const broker::AdminReply& reply);
    void on_blocked(const broker::Blocked& event);
    void tell_blocked();
    void stop_at_publish();

    // Logging in
    void log_in();
    Handled refuse_login(ReplyError error);

    // Closing
    void fail(const ReplyError& error, std::uint16_t channel, MethodId method);
    void close_channel(std::uint16_t number, const ReplyError& error, MethodId method);
    void close_connection(const ReplyError& error, MethodId method);
    void drop_channels();
    void part();
    void end();

    [[nodiscard]] Channel* find(std::uint16_t number);
    [[nodiscard]] MonoTime heartbeat_deadline() const;

    Link link_;
    ConnectionParts parts_;
    Phase phase_ = Phase::header;
    bool announced_ = false;  ///< the broker knows the connection
    bool blocked_ = false;
    bool told_blocked_ = false;
    bool stopped_ = false;  ///< before a publish, while an alarm is on
    std::uint16_t heartbeat_s_ = 0;
    std::uint32_t serials_ = 0;  ///< channels opened so far
    MethodId method_{};          ///< of class connection, being handled
    MonoTime phase_deadline_;    ///< of every phase but running
    MonoTime last_sent_;
    MonoTime last_received_;
    std::string client_name_;
    std::unique_ptr<Claim> claim_;  ///< while checking
    std::string blocked_reason_;
    std::unordered_map<std::uint16_t, Slot> channels_;
    Channel* last_channel_ = nullptr;
};

}  // namespace fantail::amqp091
