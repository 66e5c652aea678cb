// SPDX-License-Identifier: Apache-2.0
//! A peer for tests of patterns: keeps what it is sent, has as much room as the test says.
#pragma once

#include <string>
#include <vector>

#include "patterns/api.hpp"

namespace fantail::patterns {

/// The parts of a message, joined by `|`.
inline std::string text_of(const message& m) {
    std::string out;
    for (std::size_t i = 0; i < m.size(); ++i) out += (i > 0 ? "|" : "") + std::string(m[i].text());
    return out;
}

/// A message of parts.
inline message parts(std::initializer_list<std::string_view> texts) {
    message m(*texts.begin());
    for (const auto* at = texts.begin() + 1; at != texts.end(); ++at) m.add(*at);
    return m;
}

struct FakePeer final : Peer {
    bool send(message& m) override {
        if (!has_room()) return false;
        sent.push_back(text_of(m));
        m = {};
        return true;
    }
    bool has_room() override { return sent.size() < room; }
    void subscribe(byte_view prefix, bool add) override {
        subscriptions.push_back((add ? "+" : "-") + std::string(as_text(prefix)));
    }
    void reject(const char* reason) override { rejected = reason; }

    /// It sends a message; tells the pattern as the runtime would.
    void sends(Pattern& pattern, message m) {
        in.push(std::move(m));
        pattern.readable(*this);
    }
    void subscribes(Pattern& pattern, std::string_view prefix, Inbound kind = Inbound::subscribe) {
        message m(prefix);
        m.set_tag(static_cast<std::uint32_t>(kind));
        sends(pattern, std::move(m));
    }

    std::size_t room = 1000;
    std::vector<std::string> sent;
    std::vector<std::string> subscriptions;
    std::string rejected;
};

/// Attached and ready.
inline void join(Pattern& pattern, FakePeer& peer) {
    pattern.attach(peer);
    pattern.ready(peer);
}

inline Outcome send(Pattern& pattern, message m) { return pattern.send(m); }

/// The next message's parts, or how it failed.
inline std::string receive(Pattern& pattern) {
    message m;
    switch (pattern.receive(m)) {
        case Outcome::done: return text_of(m);
        case Outcome::would_block: return "(would block)";
        case Outcome::wrong_state: return "(wrong state)";
        case Outcome::peer_gone: return "(peer gone)";
        case Outcome::timed_out: return "(timed out)";
        case Outcome::no_route:
        case Outcome::not_supported:
        case Outcome::invalid:
        case Outcome::no_room:
        case Outcome::broken: break;
    }
    return "(other)";
}

}  // namespace fantail::patterns
