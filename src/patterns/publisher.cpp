// SPDX-License-Identifier: Apache-2.0
//! The publishing side: subscriptions of peers, and who gets a message.
#include "patterns/publish.hpp"

namespace fantail::patterns {

void Publisher::ready(Peer& peer) {
    peer.is_ready = true;
    peers_[&peer];
}

void Publisher::lost(Peer& peer) {
    peer.is_ready = false;
    const auto at = peers_.find(&peer);
    if (at == peers_.end()) return;
    const Subscriptions gone = std::move(at->second);
    peers_.erase(at);
    for (const auto& [prefix, count] : gone.counts) remove_from_table(peer, as_bytes(prefix));
}

void Publisher::readable(Peer& peer) {
    message m;
    while (peer.in.pop(m)) on_inbound(peer, m);
}

void Publisher::on_inbound(Peer& peer, message& m) {
    if (m.tag() == static_cast<std::uint32_t>(Inbound::subscribe)) return add(peer, m);
    if (m.tag() == static_cast<std::uint32_t>(Inbound::cancel)) return cancel(peer, m[0].bytes());
    // A message of an xsubscriber's program, for an xpublisher's.
    if (shows_ && notices_.size() < notices_waiting_max) notices_.push_back(std::move(m));
}

void Publisher::add(Peer& peer, const message& m) {
    const ByteView prefix = m[0].bytes();
    Subscriptions& of_peer = peers_[&peer];
    const auto [at, is_new] = of_peer.counts.try_emplace(std::string(as_text(prefix)), 0);
    ++at->second;
    bool first = false;
    if (is_new) {
        of_peer.bytes += prefix.size();
        std::vector<Peer*>& peers = table_.at(prefix).peers;
        first = peers.empty();
        peers.push_back(&peer);
    }
    if (first || settings_.verbose) show(true, prefix);
    if (!settings_.welcome.empty()) send_welcome(peer, prefix);
    if (of_peer.counts.size() > subscriptions_a_peer_max || of_peer.bytes > subscription_bytes_a_peer_max) {
        peer.reject("it has more subscriptions than a publisher keeps for a peer");
    }
}

void Publisher::cancel(Peer& peer, ByteView prefix) {
    Subscriptions& of_peer = peers_[&peer];
    const auto at = of_peer.counts.find(std::string(as_text(prefix)));
    if (at == of_peer.counts.end() || --at->second > 0) return;
    of_peer.counts.erase(at);
    of_peer.bytes -= prefix.size();
    remove_from_table(peer, prefix);
}

void Publisher::remove_from_table(Peer& peer, ByteView prefix) {
    Subscribers* subscribers = table_.find(prefix);
    if (subscribers == nullptr) return;
    std::erase(subscribers->peers, &peer);
    if (!subscribers->empty()) return;
    table_.prune(prefix);
    show(false, prefix);
}

void Publisher::show(bool added, ByteView prefix) {
    if (!shows_ || notices_.size() >= notices_waiting_max) return;
    part notice = part::with_size(prefix.size() + 1);
    notice.data()[0] = added ? 1 : 0;
    if (!prefix.empty()) std::memcpy(notice.data() + 1, prefix.data(), prefix.size());
    notices_.emplace_back(std::move(notice));
}

void Publisher::send_welcome(Peer& peer, ByteView prefix) {
    if (!settings_.welcome.starts_with(as_text(prefix))) return;
    message welcome{std::string_view(settings_.welcome)};
    static_cast<void>(peer.send(welcome));
}

void Publisher::find_receivers(ByteView topic) {
    ++message_;
    receivers_.clear();
    if (is_radio_) {
        if (const Subscribers* joined = table_.find(topic)) receivers_ = joined->peers;
        return;
    }
    table_.match(topic, [this](const Subscribers& subscribers) {
        for (Peer* peer : subscribers.peers) {
            if (peer->chosen_for == message_) continue;
            peer->chosen_for = message_;
            receivers_.push_back(peer);
        }
        return false;
    });
    if (!settings_.invert_matching) return;
    receivers_.clear();
    for (const auto& [peer, subscriptions] : peers_) {
        if (peer->chosen_for != message_) receivers_.push_back(peer);
    }
}

Outcome Publisher::send(message& m) {
    if (is_radio_ && (m.size() != 2 || m[0].size() > group_size_max)) return Outcome::invalid;
    find_receivers(m[0].bytes());
    const auto is_full = [](Peer* peer) { return !peer->has_room(); };
    if (settings_.no_drop && std::ranges::any_of(receivers_, is_full)) return Outcome::would_block;
    Fanout fanout{.m = m, .encoded = encoded_};
    for (Peer* peer : receivers_) static_cast<void>(peer->send_shared(fanout));  // whoever has no room misses it
    encoded_.clear();
    m = {};
    return Outcome::done;
}

Outcome Publisher::receive(message& m) {
    if (!shows_) return Outcome::not_supported;
    if (notices_.empty()) return Outcome::would_block;
    m = std::move(notices_.front());
    notices_.pop_front();
    return Outcome::done;
}

}  // namespace fantail::patterns
