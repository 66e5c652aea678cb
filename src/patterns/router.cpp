// SPDX-License-Identifier: Apache-2.0
//! Sending by routing id.
#include "patterns/request_reply.hpp"

namespace fantail::patterns {

std::string Router::next_id(const Peer& peer) {
    // A zero byte and a counter: ids that peers choose do not begin so. Where envelopes are of words, an id is one.
    std::string id(peer.has_word_envelopes || is_server_ ? 4 : 5, '\0');
    do {
        std::uint8_t counter[4];
        store_be(counter, ++counter_);
        const std::size_t size = id.size() - 1;
        std::memcpy(id.data() + 1, counter + sizeof counter - size, size);
    } while (peers_.contains(id));
    return id;
}

void Router::ready(Peer& peer) {
    if (peer.routing_id.empty() || peer.routing_id[0] == '\0') peer.routing_id = next_id(peer);
    const auto [at, added] = peers_.try_emplace(peer.routing_id, &peer);
    if (!added && at->second != &peer) {
        if (!settings_.handover) return peer.reject("its routing id is in use by another peer");
        at->second->reject("another peer has taken over its routing id");
        at->second = &peer;
    }
    message probe;
    if (settings_.probe && !peer.has_word_envelopes) static_cast<void>(peer.send(probe));
}

void Router::lost(Peer& peer) {
    const auto at = peers_.find(peer.routing_id);
    if (at != peers_.end() && at->second == &peer) peers_.erase(at);
}

void Router::detach(Peer& peer) {
    lost(peer);
    in_.remove(peer);
}

Outcome Router::send(message& m) {
    if (m.size() < 2 || (is_server_ && m.size() != 2)) return Outcome::invalid;
    const auto at = peers_.find(m[0].text());
    if (at == peers_.end()) {
        if (settings_.mandatory) return Outcome::no_route;
        m = {};
        return Outcome::done;
    }
    part id = m.take_first();
    if (at->second->send(m)) return Outcome::done;
    if (!settings_.mandatory) {
        m = {};
        return Outcome::done;
    }
    m.add_first(std::move(id));
    return Outcome::would_block;
}

Outcome Router::receive(message& m) {
    const Peer* from = in_.receive(m);
    if (from == nullptr) return Outcome::would_block;
    m.add_first(part(std::string_view(from->routing_id)));
    return Outcome::done;
}

}  // namespace fantail::patterns
