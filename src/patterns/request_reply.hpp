// SPDX-License-Identifier: Apache-2.0
//! Requester, replier and router: messages with an envelope that leads back.
//
// A request as it is sent:   [request id, 4 bytes]?  empty part  body parts…
// The id is there with `correlate` or `resend`, or if a peer's wire wants it.
// Routers on the way put the id of whom they had it from in front; the replier keeps all parts up to and including the first
// empty one, and puts them in front of its reply.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "patterns/peer_set.hpp"

namespace fantail::patterns {

/// Sends a request to one peer, in turn, and receives its reply, in lock-step.
/// With `resend`, a request is sent again, to another peer if need be, when its peer is lost or has not replied for so long.
class Requester final : public Pattern {
public:
    explicit Requester(const Settings& settings)
        : relaxed_(settings.relaxed),
          correlate_(settings.correlate || settings.relaxed || settings.resend_ms > 0),
          probe_(settings.probe),
          resend_ms_(settings.resend_ms),
          request_id_(settings.first_request_id) {}
    void attach(Peer& peer) override;
    void ready(Peer& peer) override;
    void lost(Peer& peer) override;
    void detach(Peer& peer) override;
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer& peer) override { out_.activate(peer); }
    Outcome send(message& m) override;
    Outcome receive(message& m) override;
    bool is_timed() const override { return resend_ms_ > 0; }
    MonoTime deadline() const override { return resend_at_; }

private:
    enum class State : std::uint8_t { idle, waiting, gone };
    void on_tick() override;
    void resend();
    void forget();
    [[nodiscard]] bool take_envelope(message& m) const;
    [[nodiscard]] bool is_late(const message& m) const;

    bool relaxed_;
    bool correlate_;
    bool probe_;
    std::int64_t resend_ms_;
    State state_ = State::idle;
    Peer* asked_ = nullptr;    ///< while waiting; null if it ceased to exist, or nobody could be asked again yet
    bool has_number_ = false;  ///< the request being waited for
    message kept_;             ///< to be sent again
    MonoTime resend_at_ = MonoTime::never();
    std::uint32_t request_id_;
    FairQueue in_;
    LoadBalancer out_;
};

/// Receives a request and sends its reply, in lock-step; or, `is_strict` being false, may receive the next one without having
/// replied, as a respondent to surveys does.
class Replier final : public Pattern {
public:
    explicit Replier(bool is_strict) : is_strict_(is_strict) {}
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer&) override {}
    void lost(Peer& peer) override;
    void detach(Peer& peer) override;
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;

private:
    [[nodiscard]] bool take_envelope(message& m);

    bool is_strict_;
    bool replying_ = false;
    Peer* client_ = nullptr;      ///< while replying; null if it is gone
    std::vector<part> envelope_;  ///< of the request being replied to, last part first
    FairQueue in_;
};

/// Talks to each peer by its routing id, the first part of each message.
class Router final : public Pattern {
public:
    /// \param is_server messages have one part behind the id, ids have four bytes, and an unknown one is always `no_route`
    explicit Router(const Settings& settings, bool is_server = false) : settings_(settings), is_server_(is_server) {
        if (!is_server_) return;
        settings_.mandatory = true;
        settings_.probe = false;
    }
    void attach(Peer& peer) override { in_.add(peer); }
    void ready(Peer& peer) override;
    void lost(Peer& peer) override;
    void detach(Peer& peer) override;
    void readable(Peer& peer) override { in_.activate(peer); }
    void writable(Peer&) override {}
    Outcome send(message& m) override;
    Outcome receive(message& m) override;

private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    [[nodiscard]] std::string next_id(const Peer& peer);

    Settings settings_;
    bool is_server_;
    std::uint32_t counter_ = 0;
    FairQueue in_;
    std::unordered_map<std::string, Peer*, TextHash, std::equal_to<>> peers_;
};

}  // namespace fantail::patterns
