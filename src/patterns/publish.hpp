// SPDX-License-Identifier: Apache-2.0
//! Publisher and subscriber, plain and with subscriptions in the program's hands.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "patterns/peer_set.hpp"
#include "patterns/prefix_table.hpp"

namespace fantail::patterns {

inline constexpr std::size_t subscriptions_a_peer_max = 1'000'000;
inline constexpr std::uint64_t subscription_bytes_a_peer_max = 64u << 20;
inline constexpr std::size_t group_size_max = 255;          ///< bytes of a radio's group
inline constexpr std::size_t notices_waiting_max = 65'536;  ///< subscriptions that an xpublisher's program has not read

/// Gives each message to all peers with a subscription that its first part begins with. A peer without room misses it,
/// unless `no_drop`. The x form shows subscriptions to the program, as messages: 1 or 0, then the prefix. A radio's messages
/// are a group and a body, and go to the peers that have joined exactly that group.
class Publisher final : public Pattern {
public:
    Publisher(Kind kind, const Settings& settings)
        : shows_(kind == Kind::xpublisher), is_radio_(kind == Kind::radio), settings_(settings) {}
    void attach(Peer&) override {}
    void ready(Peer& peer) override;
    void lost(Peer& peer) override;
    void detach(Peer& peer) override { lost(peer); }
    void readable(Peer& peer) override;
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;

private:
    /// The peers of one prefix.
    struct Subscribers {
        std::vector<Peer*> peers;
        [[nodiscard]] bool empty() const { return peers.empty(); }
    };
    /// What one peer subscribed to, and how often.
    struct Subscriptions {
        std::unordered_map<std::string, std::uint32_t> counts;
        std::uint64_t bytes = 0;
    };

    void on_inbound(Peer& peer, message& m);
    void add(Peer& peer, const message& prefix);
    void cancel(Peer& peer, ByteView prefix);
    void remove_from_table(Peer& peer, ByteView prefix);
    void show(bool added, ByteView prefix);
    void send_welcome(Peer& peer, ByteView prefix);
    void find_receivers(ByteView topic);

    bool shows_;
    bool is_radio_;
    Settings settings_;
    std::uint64_t message_ = 0;  ///< counts them
    PrefixTable<Subscribers> table_;
    std::unordered_map<Peer*, Subscriptions> peers_;
    std::vector<Peer*> receivers_;  ///< of the message being sent
    ChunkPool chunks_;
    OutputQueue encoded_{chunks_};  ///< the message being sent
    std::deque<message> notices_;
};

/// Receives what it has subscribed to. The x form subscribes by messages: 1 or 0, then the prefix.
class Subscriber final : public Pattern {
public:
    Subscriber(Kind kind, const Settings& settings)
        : sends_(kind == Kind::xsubscriber), is_dish_(kind == Kind::dish), invert_(settings.invert_matching) {}
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer& peer) override;
    void lost(Peer& peer) override { peer.is_ready = false; }
    void detach(Peer& peer) override { in_.remove(peer); }
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;
    Outcome subscribe(byte_view prefix, bool add) override;

private:
    struct Count {
        std::uint32_t n = 0;
        [[nodiscard]] bool empty() const { return n == 0; }
    };
    [[nodiscard]] bool is_wanted(const message& m) const;

    bool sends_;
    bool is_dish_;  ///< prefixes are groups, and match only themselves
    bool invert_;
    FairQueue in_;
    PrefixTable<Count> wanted_;
};

}  // namespace fantail::patterns
