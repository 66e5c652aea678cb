// SPDX-License-Identifier: Apache-2.0
//! The answering side of request and reply.
#include "patterns/request_reply.hpp"

namespace fantail::patterns {

void Replier::lost(Peer& peer) {
    if (client_ == &peer) client_ = nullptr;
}

void Replier::detach(Peer& peer) {
    lost(peer);
    in_.remove(peer);
}

bool Replier::take_envelope(message& m) {
    std::size_t delimiter = 0;
    while (delimiter < m.size() && !m[delimiter].empty()) ++delimiter;
    if (delimiter + 1 >= m.size()) return false;
    envelope_.clear();
    for (std::size_t i = 0; i <= delimiter; ++i) envelope_.push_back(m.take_first());
    return true;
}

Outcome Replier::receive(message& m) {
    if (replying_ && is_strict_) return Outcome::wrong_state;
    while (Peer* from = in_.receive(m)) {
        if (!take_envelope(m)) continue;  // nothing to answer: probes, and what no requester sends
        client_ = from;
        replying_ = true;
        return Outcome::done;
    }
    return Outcome::would_block;
}

Outcome Replier::send(message& m) {
    if (!replying_) return Outcome::wrong_state;
    for (; !envelope_.empty(); envelope_.pop_back()) m.add_first(std::move(envelope_.back()));
    // A client that is gone, or does not take its replies, gets none: a replier never waits.
    if (client_ == nullptr || !client_->send(m)) m = {};
    client_ = nullptr;
    replying_ = false;
    return Outcome::done;
}

}  // namespace fantail::patterns
