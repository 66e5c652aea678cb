// SPDX-License-Identifier: Apache-2.0
//! Peers taken in turn: fair queueing of what comes in, round robin of what goes out.
#pragma once

#include <vector>

#include "patterns/api.hpp"

namespace fantail::patterns {

/// Peers in two groups, active first, and whose turn it is. All in constant time.
/// Invariant: the peer at place i knows i; places below active_ are active; cursor_ < active_, or both are 0.
template <std::uint32_t Peer::* place>
class PeerSet {
public:
    [[nodiscard]] std::size_t size() const { return peers_.size(); }
    [[nodiscard]] bool has_active() const { return active_ > 0; }
    [[nodiscard]] bool contains(const Peer& peer) const { return peer.*place != Peer::nowhere; }
    [[nodiscard]] auto begin() const { return peers_.begin(); }
    [[nodiscard]] auto end() const { return peers_.end(); }
    [[nodiscard]] Peer& current() const { return *peers_[cursor_]; }

    /// Adds it as inactive; nothing if it is there.
    void add(Peer& peer) {
        if (contains(peer)) return;
        peer.*place = static_cast<std::uint32_t>(peers_.size());
        peers_.push_back(&peer);
    }
    void remove(Peer& peer) {
        if (!contains(peer)) return;
        deactivate(peer);
        swap(peer.*place, static_cast<std::uint32_t>(peers_.size() - 1));
        peers_.pop_back();
        peer.*place = Peer::nowhere;
    }
    void activate(Peer& peer) {
        if (!contains(peer) || peer.*place < active_) return;
        swap(peer.*place, active_++);
    }
    void deactivate(Peer& peer) {
        if (!contains(peer) || peer.*place >= active_) return;
        swap(peer.*place, --active_);
        if (cursor_ >= active_) cursor_ = 0;
    }
    void advance() {
        if (++cursor_ >= active_) cursor_ = 0;
    }

private:
    void swap(std::uint32_t a, std::uint32_t b) {
        std::swap(peers_[a], peers_[b]);
        peers_[a]->*place = a;
        peers_[b]->*place = b;
    }
    std::vector<Peer*> peers_;
    std::uint32_t active_ = 0;
    std::uint32_t cursor_ = 0;
};

/// Hears peers in turn, a message each. Hot.
class FairQueue : public PeerSet<&Peer::in_place> {
public:
    /// The sender of the message now in `into`, or nobody.
    Peer* receive(message& into) {
        while (has_active()) {
            Peer& peer = current();
            if (peer.in.pop(into)) {
                advance();
                return &peer;
            }
            deactivate(peer);
        }
        return nullptr;
    }
};

/// Gives messages to peers in turn, passing over those without room. Hot.
class LoadBalancer : public PeerSet<&Peer::out_place> {
public:
    /// Who took `m`, or nobody.
    Peer* send(message& m) {
        while (has_active()) {
            Peer& peer = current();
            if (peer.send(m)) {
                advance();
                return &peer;
            }
            deactivate(peer);
        }
        return nullptr;
    }
};

}  // namespace fantail::patterns
