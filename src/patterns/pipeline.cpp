// SPDX-License-Identifier: Apache-2.0
//! Push, dealer and pair.
#include "patterns/pipeline.hpp"

namespace fantail::patterns {

void Push::attach(Peer& peer) {
    out_.add(peer);
    out_.activate(peer);
}

void Dealer::attach(Peer& peer) {
    in_.add(peer);
    out_.add(peer);
    out_.activate(peer);
}

void Dealer::ready(Peer& peer) {
    message probe;
    if (probe_ && !peer.has_word_envelopes) static_cast<void>(peer.send(probe));
}

void Dealer::detach(Peer& peer) {
    in_.remove(peer);
    out_.remove(peer);
}

void Pair::attach(Peer& peer) {
    if (peer_ == nullptr) peer_ = &peer;
    else peer.reject("a pair has one peer, and that one is here");
}

void Pair::detach(Peer& peer) {
    if (peer_ == &peer) peer_ = nullptr;
}

void Pair::readable(Peer& peer) {
    if (peer_ != &peer) peer.in.clear();
}

Outcome Pair::send(message& m) { return peer_ != nullptr && peer_->send(m) ? Outcome::done : Outcome::would_block; }

Outcome Pair::receive(message& m) {
    return peer_ != nullptr && peer_->in.pop(m) ? Outcome::done : Outcome::would_block;
}

}  // namespace fantail::patterns
