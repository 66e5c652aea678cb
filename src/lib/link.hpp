// SPDX-License-Identifier: Apache-2.0
//! A peer over a stream socket: its connection, or the attempt to make one, and its queues.
#pragma once

#include <memory>
#include <string>

#include "fantail/event.hpp"
#include "lib/connection.hpp"
#include "lib/endpoint.hpp"
#include "lib/pollable.hpp"
#include "patterns/output_queue.hpp"
#include "patterns/wire_session.hpp"
#include "sys/fd.hpp"
#include "sys/poll_set.hpp"

namespace fantail::lib {

class Engine;

/// One that connects keeps its queue from connection to connection.
///
/// Invariant: fd_ is open in the phases connecting, handshake, ready; session_ exists in the latter two.
class Link final : public Connection, public Pollable {
public:
    /// Accepted.
    Link(Engine& engine, sys::Fd fd, Endpoint endpoint);
    /// To connect, again and again.
    Link(Engine& engine, Endpoint endpoint);
    ~Link() override;

    // For the pattern.
    bool send(message& m) override;
    bool send_shared(patterns::Fanout& fanout) override;
    bool has_room() override;
    void subscribe(byte_view prefix, bool add) override;
    void tell(byte_view command) override;
    void forget_queued() override { pending_.clear(); }
    void reject(const char* reason) override;

    // For the engine.
    void begin() override;  ///< the session of an accepted one, the first attempt of one that connects
    void on_ready(bool readable, bool writable) override;
    /// Writes what the kernel takes.
    void flush() override;
    bool resume() override;
    void on_timer(MonoTime now) override;
    MonoTime deadline() const override;
    void settle_loss() override;
    void finish() override;
    bool is_connector() const override { return is_connector_; }
    bool is_over() const override { return !is_connector_ && phase_ == Phase::idle; }
    bool has_unsent() const override {
        return (!pending_.empty() || !out_.empty()) && (phase_ != Phase::idle || is_connector_);
    }
    const std::string& endpoint() const override { return endpoint_.text; }

private:
    enum class Phase : std::uint8_t { idle, connecting, handshake, ready };

    void try_connect();
    void on_connected();
    void open_session();
    [[nodiscard]] std::unique_ptr<patterns::WireSession> make_session();
    void on_session_ready();
    void read();
    [[nodiscard]] bool read_once();
    [[nodiscard]] bool read_body(MutableBytes room);
    [[nodiscard]] std::size_t receive(MutableBytes room);
    void decode();
    [[nodiscard]] std::string end_reason(std::string what) const;
    void broke(event::type what, Error error);
    void set_interest(bool in, bool out);
    void refill();
    [[nodiscard]] bool may_encode_now() const;
    void has_encoded();
    [[nodiscard]] std::uint64_t queued() const { return pending_.size() + out_.messages(); }
    [[nodiscard]] bool at_high_water() const;
    void close_connection();
    [[nodiscard]] std::int64_t next_delay_ms();

    Engine& engine_;
    Endpoint endpoint_;
    bool is_connector_;
    Phase phase_ = Phase::idle;
    bool was_ready_ = false;
    bool is_broken_ = false;
    bool is_starved_ = false;  ///< a send was refused
    event::type loss_ = event::type::disconnected;
    std::string loss_reason_;
    bool loss_is_refusal_ = false;  ///< the peer said no: trying again soon is pointless

    sys::Fd fd_;
    sys::Interest interest_{.in = false};
    std::unique_ptr<patterns::WireSession> session_;
    patterns::MessageQueue pending_;  ///< not encoded yet: survives a lost connection
    patterns::OutputQueue out_;
    patterns::ChunkPool::Chunk chunk_;  ///< received and not decoded, or null
    std::size_t chunk_begin_ = 0;       ///< of what is in it
    std::size_t chunk_end_ = 0;
    std::size_t read_size_ = patterns::ChunkPool::chunk_size;
    std::string peer_address_;

    std::uint32_t failures_ = 0;
    std::size_t next_address_ = 0;
    MonoTime next_attempt_ = MonoTime::never();
    MonoTime connect_until_ = MonoTime::never();
};

}  // namespace fantail::lib
