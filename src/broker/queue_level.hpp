// SPDX-License-Identifier: Apache-2.0
//! One priority level of a queue: which offsets of its stream are ready, and which are settled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "broker/delay_index.hpp"
#include "broker/lease_counts.hpp"
#include "broker/offset_set.hpp"
#include "broker/stream_reader.hpp"
#include "broker/stream_tail.hpp"

namespace fantail::broker {

/// A batch that is in memory, wherever. `bytes` null: it is not.
struct BatchRef {
    const SharedBytes* bytes = nullptr;
    std::uint64_t base = 0;
    std::uint32_t count = 0;
    explicit operator bool() const { return bytes != nullptr; }
    [[nodiscard]] std::uint64_t end() const { return base + count; }
};

/// The expiry times of the records of one batch, so that they are decoded once.
struct ExpiryTimes {
    std::uint64_t base = OffsetSet::no_limit;
    std::vector<std::int64_t> at_ms;
};

/// What few levels need, allocated on demand.
struct LevelRare {
    DelayIndex delay;
    LeaseCountMap counts;
    std::unique_ptr<StreamReader> reader;  ///< for consumers; a stream's consumers have their own
    ExpiryTimes expiries;
    std::uint64_t head_checked = OffsetSet::no_limit;  ///< the first ready offset when its expiry was last looked up
    std::int64_t head_expires_ms = 0;
};

/// Durable part (the same by live handling and by replay): head, end, body_bytes, settled, counts, delay, may_expire.
/// Every offset of [head, end) is exactly one of: settled; ready (in `returned`, or >= next and not held); held (in the
/// delay index); leased or dying (none of these sets: consumers and the queue know them).
///
/// Invariants: head is not settled unless head == end; `returned` lies in [head, next); `fresh` counts the offsets of
/// [next, end) that are neither settled nor held.
class Level {
public:
    std::uint64_t head = 0;
    std::uint64_t next = 0;
    std::uint64_t end = 0;
    std::uint64_t fresh = 0;
    std::uint64_t body_bytes = 0;         ///< of what is not settled
    std::uint64_t redelivered_below = 0;  ///< delivered by the former process, as far as known
    std::uint64_t next_logged = 0;        ///< the watermark of deliveries in the log
    std::uint64_t exempt_from = 0;        ///< offsets from here on arrived in this turn: deliverable though expired
    bool may_expire = false;              ///< some record had its own time to live
    OffsetSet settled;
    OffsetSet returned;
    StreamTail tail;
    std::unique_ptr<LevelRare> rare;

    [[nodiscard]] LevelRare& need_rare();
    [[nodiscard]] std::uint64_t ready() const { return fresh + returned.count(); }
    [[nodiscard]] std::uint64_t unsettled() const { return end - head - settled.count(); }
    /// Offsets of `span` not settled.
    [[nodiscard]] std::uint64_t live(OffsetSpan span) const;
    /// Bytes of ready bodies; exact while nothing is leased.
    [[nodiscard]] std::uint64_t ready_bytes() const;

    /// New offsets up to base + count; a gap before base is for recovery to settle. Returns false if known already.
    bool extend(std::uint64_t base, std::uint32_t count, std::uint64_t bytes);
    /// Marks unsettled, not ready offsets as settled. Hot: O(1) in order.
    void settle(OffsetSpan span, std::uint64_t bytes, TailCache& cache);
    /// As settle(), for a replayed change: any offsets, known or not.
    void replay_settled(OffsetSpan span);
    /// After replay: offsets that nothing stores are settled, the rest is ready from `head` on.
    void finish_replay(const OffsetSet& covered);

    /// The next ready run: returned ones first. Empty when none is ready. Hot.
    [[nodiscard]] OffsetSpan first_ready();
    /// Takes the front part of first_ready() out of ready.
    void take_ready(OffsetSpan span);
    /// Leased offsets are ready again, in their place.
    void put_back(OffsetSpan span) { returned.insert(span); }
    /// Undoes take_ready() of the last that was taken. \return false, and changes nothing, if it was not the last.
    [[nodiscard]] bool untake(OffsetSpan span);
    /// Holds an offset back until `due_ms`. REQUIRES it leased, or fresh and just appended.
    void hold(std::uint64_t offset, std::int64_t due_ms);
    /// Whether it waits in the delay index.
    [[nodiscard]] bool held(std::uint64_t offset) const { return rare && rare->delay.held().contains(offset); }
    /// Frees what is due. Returns whether anything was.
    bool release_due(std::int64_t now_ms);

    [[nodiscard]] std::pair<OffsetSpan, LeaseCounts> counts(OffsetSpan span) const;
    [[nodiscard]] BatchRef in_tail(std::uint64_t offset) const;

    void encode(Writer& out) const;
    [[nodiscard]] bool decode(Reader& in);

private:
    void absorb_settled();
    void skip_blocked();
};

}  // namespace fantail::broker
