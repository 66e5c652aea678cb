// SPDX-License-Identifier: Apache-2.0
//! The subscribing side.
#include "patterns/publish.hpp"

namespace fantail::patterns {

void Subscriber::ready(Peer& peer) {
    peer.is_ready = true;
    wanted_.for_each([&peer](ByteView prefix, const Count&) { peer.subscribe(prefix, true); });
}

Outcome Subscriber::subscribe(byte_view prefix, bool add) {
    if (is_dish_ && prefix.size() > group_size_max) return Outcome::invalid;
    Count& count = wanted_.at(prefix);
    if (!add && count.n == 0) {
        wanted_.prune(prefix);
        return Outcome::invalid;
    }
    count.n += add ? 1 : -1;
    const bool changed = add ? count.n == 1 : count.n == 0;
    if (!changed) return Outcome::done;
    if (!add) wanted_.prune(prefix);
    for (Peer* peer : in_) {
        if (peer->is_ready) peer->subscribe(prefix, add);
    }
    return Outcome::done;
}

Outcome Subscriber::send(message& m) {
    if (!sends_) return Outcome::not_supported;
    const ByteView bytes = m[0].bytes();
    if (!bytes.empty() && bytes[0] <= 1) {
        static_cast<void>(subscribe(bytes.subspan(1), bytes[0] == 1));
        m = {};
        return Outcome::done;
    }
    for (Peer* peer : in_) {
        message copy = m.share();
        static_cast<void>(peer->send(copy));
    }
    m = {};
    return Outcome::done;
}

bool Subscriber::is_wanted(const message& m) const {
    if (is_dish_) return m.size() == 2 && wanted_.find(m[0].bytes()) != nullptr;
    return wanted_.match(m[0].bytes(), [](const Count&) { return true; }) != invert_;
}

Outcome Subscriber::receive(message& m) {
    // Publishers filter; messages that were under way when a subscription ended, or of a publisher that does not, are passed over.
    while (in_.receive(m) != nullptr) {
        if (is_wanted(m)) return Outcome::done;
    }
    return Outcome::would_block;
}

}  // namespace fantail::patterns
