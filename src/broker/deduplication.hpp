// SPDX-License-Identifier: Apache-2.0
//! The deduplication window of one queue or exchange: which ids were seen lately.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/bytes.hpp"

namespace fantail::broker {

/// Ids seen within a window of time, at most limits::deduplication_ids_max of them: beyond, the oldest is forgotten.
/// The window is the queue's, given with each call, or the message's own if that is longer.
class Deduplication {
public:
    /// How long an id counts as seen.
    struct Windows {
        std::int64_t queue_ms = 0;
        std::int64_t message_ms = 0;
        [[nodiscard]] bool any() const { return queue_ms > 0 || message_ms > 0; }
    };

    /// Whether `id` was seen no longer than its window before `now_ms`.
    [[nodiscard]] bool seen(ByteView id, std::int64_t now_ms, Windows windows);
    /// Remembers `id` unless it was seen in its window. Returns whether it is new.
    bool insert(ByteView id, std::int64_t now_ms, Windows windows);
    /// Forgets what left the window.
    void expire(std::int64_t now_ms, std::int64_t queue_ms);
    [[nodiscard]] std::size_t size() const { return ids_.size(); }

    /// Appends uvarint count, then per id svarint time, uvarint own window and a string, oldest first.
    void encode(Writer& out) const;
    void decode(Reader& in);

private:
    struct Seen {
        std::int64_t at_ms = 0;
        std::int64_t message_ms = 0;
        std::uint64_t turn = 0;  ///< of arrival: tells it from an earlier arrival of the id
        /// Without a window at once, also when the clock was set back since.
        [[nodiscard]] bool expired(std::int64_t now_ms, std::int64_t queue_ms) const {
            const std::int64_t window_ms = std::max(message_ms, queue_ms);
            return window_ms <= 0 || at_ms + window_ms <= now_ms;
        }
    };
    using Ids = std::unordered_map<std::string, Seen>;
    struct Arrival {
        std::uint64_t turn;
        Ids::value_type* id;  ///< whose nodes do not move
    };
    void forget_oldest();

    Ids ids_;
    std::deque<Arrival> order_;  ///< every id's last arrival is in it
    std::uint64_t turns_ = 0;
};

}  // namespace fantail::broker
