// SPDX-License-Identifier: Apache-2.0
//! The sending end of a lane: numbers messages, keeps them until they are acknowledged, and sends them again where that is needed.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "patterns/api.hpp"
#include "patterns/lane_settings.hpp"

namespace fantail::patterns {

/// Gives messages to one receiver, in order; the other peers stand by, and the first of them that can goes on when that one is lost.
///
/// Invariants: what is in the journal is not acknowledged. Of it, what is before next_ has been sent to the active peer, or was
/// delivered by it earlier; what is before sent_end_ has been sent to somebody. Nothing is sent that is not durable yet: after a crash
/// its number would be another message's. Nobody new is sent to before the store knows of it: else nobody would know, after a crash,
/// which messages two programs may have been given.
class LaneSender final : public Pattern {
public:
    static constexpr std::size_t commit_bytes = 1u << 20;  ///< posted messages wait for so many
    static constexpr std::int64_t commit_ms = 1;           ///< and at most so long
    static constexpr std::int64_t commit_again_ms = 100;   ///< where there was no room
    static constexpr std::int64_t save_ms = 100;           ///< acknowledgements are stored at most so late
    static constexpr std::uint64_t marks_looked_at_max = 10'000;

    /// Goes on with what settings.store has found.
    explicit LaneSender(LaneSettings settings);

    void attach(Peer& peer) override { ports_.push_back({.peer = &peer}); }
    void ready(Peer& peer) override;
    void lost(Peer& peer) override;
    void detach(Peer& peer) override;
    void readable(Peer& peer) override;
    void writable(Peer&) override { pump(); }
    /// Done once it is in the journal, and durable if there is a store, whoever is there to receive it; would_block while that is full.
    Outcome send(message& m) override { return take(m, true); }
    Outcome post(message& m) override { return take(m, false); }
    Outcome flush() override;
    LaneProgress progress() const override;
    std::string trouble() const override { return store_ == nullptr ? std::string() : store_->trouble(); }
    void finish() override;
    Outcome receive(message&) override { return Outcome::not_supported; }
    std::uint64_t unsettled() const override { return journal_.size(); }
    bool is_timed() const override { return true; }
    MonoTime deadline() const override { return std::min({paused_until_, commit_due_, save_due_}); }

private:
    /// A peer, and what it has said on its present connection.
    struct Port {
        Peer* peer = nullptr;
        bool is_ready = false;
        std::optional<LaneId> receiver;  ///< none: a peer without lanes
        std::optional<LaneResume> resume;
        std::uint32_t round = 0;  ///< RETRYs taken from it
        [[nodiscard]] bool is_usable() const { return is_ready && (resume || !receiver); }
    };

    void on_tick() override;
    [[nodiscard]] Port& port_of(Peer& peer);
    void on_command(Peer& peer, byte_view bytes);
    void on_resume(Port& port, const LaneResume& resume);
    void on_ack(Port& port, LaneNumber acked);
    void on_retry(Port& port, const LaneRetry& retry);
    void choose();
    void activate(Port& port);
    [[nodiscard]] bool begin_with(const Port& port);
    void count_loss();
    void bury(LaneNumber number, const std::string& why);
    [[nodiscard]] bool is_too_large(const message& m) const;
    void take_acked(LaneNumber acked);
    void drop_dead();
    void pump();
    [[nodiscard]] bool may_send() const;
    [[nodiscard]] bool send_next();
    [[nodiscard]] bool send_plain();
    // lane_sender_store.cpp
    void go_on_with(LaneStore::Found found);
    [[nodiscard]] Outcome take(message& m, bool is_awaited);
    [[nodiscard]] LaneStore::Kept keep(message& m, bool is_awaited);
    LaneStore::Kept commit();
    [[nodiscard]] LaneState state();
    [[nodiscard]] bool save();
    void has_changed();

    void report(LaneNews what, const std::string& detail) const;
    [[nodiscard]] std::int64_t pause_ms(std::uint32_t attempts) const;
    [[nodiscard]] bool is_too_often(std::uint32_t attempts) const {
        return settings_.attempts_max != 0 && attempts >= settings_.attempts_max;
    }

    LaneSettings settings_;
    LaneJournal journal_;
    LaneStore* store_;        ///< or none
    bool is_broken_ = false;  ///< it is
    std::vector<Port> ports_;
    Peer* active_ = nullptr;
    bool is_plain_ = false;       ///< the active peer
    std::uint32_t window_ = 1;    ///< its
    std::uint64_t size_max_ = 0;  ///< of what it takes; 0: not said
    std::uint32_t round_ = 0;     ///< its
    bool has_begun_ = false;      ///< a frame of this round has been sent
    LaneState::SentTo sent_to_ = LaneState::SentTo::nobody;
    std::optional<LaneId> receiver_;  ///< who was active last
    LaneNumber next_{1};
    LaneNumber durable_end_{1};  ///< of the journal, if it is in memory alone
    LaneNumber sent_end_{1};
    LaneNumber doubtful_end_{1};  ///< before it, a program may have been given a message already
    bool is_pumping_ = false;
    MonoTime paused_until_ = MonoTime::never();  ///< never: it is not paused
    MonoTime commit_due_ = MonoTime::never();    ///< never: nothing waits
    MonoTime save_due_ = MonoTime::never();      ///< never: the store knows all that matters
};

}  // namespace fantail::patterns
