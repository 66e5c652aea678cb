// SPDX-License-Identifier: Apache-2.0
//! One connection: a stream of bytes, perhaps TLS, a protocol session, and what is on its way out.
#pragma once

#include <memory>

#include "base/limits.hpp"
#include "protocols/session.hpp"
#include "runtime/byte_stream.hpp"
#include "runtime/listener_config.hpp"
#include "sys/tls.hpp"

namespace fantail::runtime {

class Core;

/// Lives on one core. Owns no buffer while nothing waits to be parsed or sent.
/// Invariants: `session_` is null until the protocol is known; after close_now() nothing but destruction follows.
class Connection final : public protocols::SessionHost, public broker::Port {
public:
    Connection(Core& core, ConnectionId id, std::unique_ptr<ByteStream> stream,
               std::shared_ptr<const ListenerConfig> listener);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Asks for the first bytes. Call once, after construction.
    void start();
    /// The phases of a turn (protocols/session.hpp).
    void end_of_input();
    void on_event(broker::Event& event);
    void end_of_turn();
    /// Sends a large output while the turn goes on.
    void send_early();
    /// Sends what the kernel takes. False: the connection is finished and must be destroyed.
    [[nodiscard]] bool flush();
    /// Runs the session's timer if it is due. \return the next deadline.
    MonoTime tick();
    [[nodiscard]] MonoTime deadline() const;
    /// Shards whose logs are under pressure changed: read on or wait.
    void update_hold();
    /// Tells the session that it ends; keeps nothing.
    void close_now();

    [[nodiscard]] bool finished() const { return closed_; }
    [[nodiscard]] protocols::SessionInfo info() const;
    [[nodiscard]] protocols::SessionDetails details() const;
    [[nodiscard]] protocols::Session* session() { return session_.get(); }
    [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
    [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }
    /// Set while the connection stands in the core's list of touched ones.
    bool touched = false;
    /// When the core's timer list will look at it next.
    MonoTime scheduled = MonoTime::never();

    // SessionHost
    [[nodiscard]] ConnectionId id() const override { return id_; }
    [[nodiscard]] const protocols::PeerInfo& peer() const override { return peer_; }
    [[nodiscard]] const Now& now() const override;
    [[nodiscard]] broker::Port& broker() override { return *this; }
    [[nodiscard]] Bytes& out() override;
    [[nodiscard]] std::size_t unsent() const override { return out_.size() - sent_; }
    void resume_input() override;
    [[nodiscard]] bool input_held() const override { return held_; }
    void hold_input(bool hold) override;
    void close() override { closing_ = true; }

    // broker::Port
    [[nodiscard]] const broker::CatalogView& catalog() const override;
    [[nodiscard]] CoreId core() const override;
    [[nodiscard]] std::uint16_t shard_count() const override;
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override;
    void send(RequestId request, broker::AdminCommand command) override;
    void check_login(RequestId request, std::string_view user, std::string_view password) override;
    [[nodiscard]] std::uint64_t random() override;
    void open_direct(ConsumerId consumer) override;
    void close_direct(ConsumerId consumer) override;
    [[nodiscard]] bool has_direct(ConnectionId connection, ConsumerId consumer) const override;
    bool send_direct(ConnectionId to, ConsumerId consumer, SharedBytes batch) override;

private:
    void on_readable();
    void open_session(const protocols::Protocol& protocol);
    void parse_kept();
    bool read_once();
    bool read_large();
    void take_plain(MutableBytes buffer, std::size_t kept, std::size_t fresh);
    bool take_cipher(ByteView cipher);
    std::size_t parse(ByteView bytes);
    bool choose_protocol(ByteView first);
    /// Nothing to say to the peer any more: ends the connection with this turn.
    void abandon();
    /// The same for a peer that takes nothing: it may be unable to hear an orderly end.
    void give_up();
    bool send_some();
    void update_writable();
    void run_timer();
    void note_published(ShardId shard);

    Core& core_;
    ConnectionId id_;
    std::unique_ptr<ByteStream> stream_;
    std::shared_ptr<const ListenerConfig> listener_;
    protocols::PeerInfo peer_;
    std::unique_ptr<sys::TlsStream> tls_;
    std::unique_ptr<protocols::Session> session_;
    Bytes kept_;       ///< bytes read and not yet consumed (a frame's beginning)
    Bytes out_;        ///< plain bytes to send, or cipher bytes when TLS is on
    Bytes plain_out_;  ///< TLS only: what the session wrote in this turn
    std::size_t sent_ = 0;
    std::uint64_t published_to_ = 0;  ///< bit per shard this connection appended to
    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    MonoTime opened_;
    MonoTime send_by_;      ///< while writing_: the peer has until then to take some of it
    bool writing_ = false;  ///< a when_writable is armed
    bool held_ = false;     ///< not reading: a log is behind, or the session wants it
    bool session_holds_ = false;
    bool writable_ = true;  ///< what the session was told last
    bool closing_ = false;  ///< close once everything is sent
    bool closed_ = false;
    bool given_up_ = false;  ///< closing: the peer was silent, or took nothing
};

}  // namespace fantail::runtime
