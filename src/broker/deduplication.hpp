// SPDX-License-Identifier: Apache-2.0
//! The deduplication window of one queue: which ids were seen lately.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>

#include "base/bytes.hpp"

namespace fantail::broker {

/// Ids seen within a window of time, at most limits::deduplication_ids_max of them: beyond, the oldest is forgotten.
class Deduplication {
public:
    /// Whether `id` was seen no longer than `window_ms` before `now_ms`.
    [[nodiscard]] bool seen(ByteView id, std::int64_t now_ms, std::int64_t window_ms);
    /// Remembers `id` unless it is remembered already. Returns whether it is new.
    bool insert(ByteView id, std::int64_t now_ms);
    /// Forgets what left the window.
    void expire(std::int64_t now_ms, std::int64_t window_ms);
    [[nodiscard]] std::size_t size() const { return order_.size(); }

    /// Appends uvarint count, then per id svarint time and a string, oldest first.
    void encode(Writer& out) const;
    void decode(Reader& in);

private:
    struct Seen {
        std::int64_t at_ms;
        const std::string* id;  ///< in ids_, whose nodes do not move
    };
    void forget_oldest();

    std::unordered_set<std::string> ids_;
    std::deque<Seen> order_;
};

}  // namespace fantail::broker
