// SPDX-License-Identifier: Apache-2.0
//! Push, pull, dealer and pair: messages without an envelope.
#pragma once

#include "patterns/peer_set.hpp"

namespace fantail::patterns {

/// Gives each message to one peer, in turn; waits when nobody has room.
class Push final : public Pattern {
public:
    void attach(Peer& peer) override;
    void ready(Peer&) override {}
    void lost(Peer&) override {}
    void detach(Peer& peer) override { out_.remove(peer); }
    void readable(Peer& peer) override { peer.in.clear(); }  // pullers have nothing to say
    void writable(Peer& peer) override { out_.activate(peer); }
    Outcome send(message& m) override { return out_.send(m) != nullptr ? Outcome::done : Outcome::would_block; }
    Outcome receive(message&) override { return Outcome::not_supported; }

private:
    LoadBalancer out_;
};

/// Hears all peers in turn.
class Pull final : public Pattern {
public:
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer&) override {}
    void lost(Peer&) override {}
    void detach(Peer& peer) override { in_.remove(peer); }
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message&) override { return Outcome::not_supported; }
    Outcome receive(message& m) override { return in_.receive(m) != nullptr ? Outcome::done : Outcome::would_block; }

private:
    FairQueue in_;
};

/// Both at once.
class Dealer final : public Pattern {
public:
    /// \param takes_parts false: a client, whose messages have one part
    explicit Dealer(const Settings& settings, bool takes_parts = true)
        : probe_(settings.probe && takes_parts), takes_parts_(takes_parts) {}
    void attach(Peer& peer) override;
    void ready(Peer& peer) override;
    void lost(Peer&) override {}
    void detach(Peer& peer) override;
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer& peer) override { out_.activate(peer); }
    Outcome send(message& m) override {
        if (!takes_parts_ && m.size() != 1) return Outcome::invalid;
        return out_.send(m) != nullptr ? Outcome::done : Outcome::would_block;
    }
    Outcome receive(message& m) override { return in_.receive(m) != nullptr ? Outcome::done : Outcome::would_block; }

private:
    bool probe_;
    bool takes_parts_;
    FairQueue in_;
    LoadBalancer out_;
};

/// Exactly one peer; others are turned away.
class Pair final : public Pattern {
public:
    void attach(Peer& peer) override;
    void ready(Peer&) override {}
    void lost(Peer&) override {}
    void detach(Peer& peer) override;
    void readable(Peer& peer) override;
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;

private:
    Peer* peer_ = nullptr;
};

}  // namespace fantail::patterns
