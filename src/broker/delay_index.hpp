// SPDX-License-Identifier: Apache-2.0
//! Messages that wait for their time: a heap by due time and the set of their offsets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "broker/offset_set.hpp"

namespace fantail::broker {

/// Offsets of one level that must not be delivered before a time. 16 bytes a message and its bit.
///
/// Invariant: outside a replay each held offset has exactly one entry. While a replay lasts (from begin_replay() to
/// end_replay()) entries are merely collected, the last one of an offset counts.
class DelayIndex {
public:
    /// Holds `offset` until `due_ms` (wall time). REQUIRES that it is not held, unless replaying.
    void put(std::uint64_t offset, std::int64_t due_ms);
    /// Takes the next offset due at `now_ms`, earliest first.
    [[nodiscard]] std::optional<std::uint64_t> take_due(std::int64_t now_ms);
    /// When the next one is due.
    [[nodiscard]] std::optional<std::int64_t> next_due() const;
    [[nodiscard]] const OffsetSet& held() const { return held_; }
    [[nodiscard]] bool empty() const { return held_.empty(); }

    void begin_replay() { replaying_ = true; }
    /// Keeps the last entry of each offset for which `needed` says so.
    void end_replay(const std::function<bool(std::uint64_t)>& needed);

    /// Appends uvarint count, then per entry uvarint offset and svarint due time.
    void encode(Writer& out) const;
    /// Puts what encode() wrote.
    void decode(Reader& in);

private:
    struct Entry {
        std::int64_t due_ms;
        std::uint64_t offset;
        bool operator>(const Entry& o) const { return due_ms != o.due_ms ? due_ms > o.due_ms : offset > o.offset; }
    };
    std::vector<Entry> heap_;
    OffsetSet held_;
    bool replaying_ = false;
};

}  // namespace fantail::broker
