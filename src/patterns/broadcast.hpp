// SPDX-License-Identifier: Apache-2.0
//! Surveyor and bus: messages to all peers.
//
// A survey as it is sent:   survey id (4 bytes)  empty part  body parts…
#pragma once

#include "patterns/peer_set.hpp"

namespace fantail::patterns {

/// Asks all peers whose connections stand, and receives their answers until the time is over. A survey ends the one before it.
/// A peer without room is not asked.
class Surveyor final : public Pattern {
public:
    explicit Surveyor(const Settings& settings)
        : survey_ms_(settings.survey_ms), survey_id_(settings.first_request_id) {}
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer& peer) override { peer.is_ready = true; }
    void lost(Peer& peer) override { peer.is_ready = false; }
    void detach(Peer& peer) override { in_.remove(peer); }
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;
    bool is_timed() const override { return true; }
    MonoTime deadline() const override { return until_ > now() ? until_ : MonoTime::never(); }

private:
    [[nodiscard]] bool is_answer(const message& m) const;

    std::int64_t survey_ms_;
    bool is_asking_ = false;
    MonoTime until_;
    std::uint32_t survey_id_;
    FairQueue in_;
};

/// Sends each message to all peers whose connections stand and that have room, receives from all; passes nothing on.
class Bus final : public Pattern {
public:
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer& peer) override { peer.is_ready = true; }
    void lost(Peer& peer) override { peer.is_ready = false; }
    void detach(Peer& peer) override { in_.remove(peer); }
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override { return in_.receive(m) != nullptr ? Outcome::done : Outcome::would_block; }

private:
    FairQueue in_;
};

}  // namespace fantail::patterns
