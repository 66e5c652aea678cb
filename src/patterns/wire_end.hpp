// SPDX-License-Identifier: Apache-2.0
//! For tests and fuzzers of wire sessions: one end of a connection, driven as the runtime would, and two ends that talk.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.hpp"
#include "patterns/fake_peer.hpp"
#include "patterns/wire_session.hpp"

namespace fantail::patterns {

/// What is around a session. Who derives from it owns the session, which receives into `in`, and starts it.
struct WireEnd {
    explicit WireEnd(QueueLimits limits = {}) : in(limits) {}

    /// \param session lives as long as this end
    void start(WireSession& session) {
        wire = &session;
        wire->start({}, out);
    }
    /// All that it has to send.
    std::string take() {
        std::string all;
        while (!out.empty()) {
            ByteView piece;
            FANTAIL_ASSERT(out.gather({&piece, 1}) == 1);
            all += as_text(piece);
            out.consumed(piece.size());
        }
        return all;
    }
    /// Hands bytes over, `step` at a time, as a socket would. Errors: the session's.
    [[nodiscard]] Result<void> give(std::string_view bytes, std::size_t step = std::string::npos) {
        while (!bytes.empty()) {
            std::size_t now = std::min(step, bytes.size());
            if (const MutableBytes room = wire->body_room(); !room.empty()) {
                now = std::min(now, room.size());
                std::memcpy(room.data(), bytes.data(), now);
                FANTAIL_CHECK(wire->on_body(now, {}, out));
            } else {
                append(held, as_bytes(bytes.substr(0, now)));
                FANTAIL_TRY(const std::size_t used, wire->on_bytes(held, {}, out));
                FANTAIL_ASSERT(used <= held.size());
                held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(used));
            }
            bytes.remove_prefix(now);
        }
        return {};
    }
    /// The next message's parts, joined by `|`; subscriptions with their sign.
    std::string receive() {
        message m;
        if (!in.pop(m)) return "(none)";
        const auto kind = static_cast<Inbound>(m.tag());
        return (kind == Inbound::message ? "" : kind == Inbound::subscribe ? "+" : "-") + text_of(m);
    }
    void send(message m) { wire->encode(m, out); }

    MessageQueue in;
    ChunkPool pool;
    OutputQueue out{pool};
    Bytes held;  ///< what the session left where it was
    WireSession* wire = nullptr;
};

/// Passes bytes, `step` at a time, until both are quiet.
[[nodiscard]] inline Result<void> talk(WireEnd& a, WireEnd& b, std::size_t step = std::string::npos) {
    while (true) {
        const std::string there = a.take();
        FANTAIL_CHECK(b.give(there, step));
        const std::string back = b.take();
        FANTAIL_CHECK(a.give(back, step));
        if (there.empty() && back.empty()) return {};
    }
}

}  // namespace fantail::patterns
