// SPDX-License-Identifier: Apache-2.0
//! The receiving end of lanes: gives each message to the program once, in order, and says what is acknowledged.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "patterns/lane_settings.hpp"
#include "patterns/peer_set.hpp"

namespace fantail::patterns {

/// Hears all senders in turn. What it gives has a LaneGiven as first part.
///
/// Invariant: of each lane, every number up to `delivered` has been given to the program, waits in held_ to be, or was settled before this
/// receiver met the lane; nothing above it was, but what the program wanted again.
class LaneReceiver final : public Pattern {
public:
    explicit LaneReceiver(LaneSettings settings) : settings_(std::move(settings)) {}

    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer& peer) override;
    void lost(Peer& peer) override;
    void detach(Peer& peer) override;
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message&) override { return Outcome::not_supported; }
    Outcome receive(message& m) override;
    /// Invalid: it has not been given, or is acknowledged and wanted again.
    Outcome settle(const Settlement& settlement) override;
    [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }

private:
    struct Lane {
        LaneNumber delivered;
        LaneNumber acked;
        LaneNumber given;         ///< the highest that was ever delivered
        std::uint32_t round = 0;  ///< RETRYs sent on this connection: frames of earlier ones are dropped
        bool has_begun = false;   ///< a frame of this round has come: the next ones follow without gaps
        Peer* peer = nullptr;     ///< its connection
        std::uint64_t last_seen = 0;
    };
    struct IdHash {
        std::size_t operator()(const LaneId& id) const {
            return static_cast<std::size_t>(load_be<std::uint64_t>(id.data()));
        }
    };
    /// A peer's lane; none: a peer without lanes, taken as it is.
    struct Source {
        std::optional<LaneId> id;
        Lane* lane = nullptr;
    };

    void open(Peer& peer, const LaneId& id);
    void forget_oldest();
    void absorb(Peer& peer);
    [[nodiscard]] bool take(Peer& peer, message& m);
    [[nodiscard]] bool take_frame(Peer& peer, const Source& source, message& m);
    [[nodiscard]] bool is_next(Peer& peer, Lane& lane, const LaneFrame& frame) const;
    void give(const message& m);
    void acknowledge(Lane& lane, LaneNumber number) const;
    void give_again(const LaneId& id, Lane& lane, LaneNumber number);
    [[nodiscard]] static LaneGiven given_of(const message& m) { return decode_lane_given(m[0].bytes()); }

    LaneSettings settings_;
    FairQueue in_;
    std::unordered_map<LaneId, Lane, IdHash> lanes_;
    std::unordered_map<const Peer*, Source> sources_;
    MessageQueue held_{
        {.messages_max = 0, .bytes_max = ~0ull}};  ///< delivered over connections that are no more; given first
    std::optional<LaneGiven> last_;                ///< given last, not acknowledged yet; kept if that happens by itself
    std::uint64_t seen_ = 0;
};

}  // namespace fantail::patterns
