// SPDX-License-Identifier: Apache-2.0
//! A consumer of a queue, or the holder of what single gets leased: its window and its leases.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/offset_set.hpp"
#include "broker/stream_reader.hpp"

namespace fantail::broker {

class Queue;

/// Ordered so that the consumers of one connection, and of ranges of ids in it, are adjacent.
struct ConsumerKey {
    ConnectionId connection;
    ConsumerId consumer;
    QueueId queue;
    auto operator<=>(const ConsumerKey&) const = default;
};

/// Where a consumer of a stream reads.
struct StreamCursor {
    explicit StreamCursor(ReadCache& cache) : reader(cache) {}
    std::uint64_t next = 0;
    std::optional<WallTime> not_before;  ///< records older than this are skipped until the first that is not
    std::vector<std::string> filters;
    bool match_unfiltered = false;
    StreamReader reader;
};

/// Invariants: `held` is the number of leased offsets over all levels; linked into its queue's ring iff takes().
struct Consumer {
    ConsumerKey key;
    Queue* queue = nullptr;
    std::uint32_t prefetch = 0;
    std::int32_t priority = 0;
    bool attached = false;  ///< false: gets nothing by itself, only holds leases
    bool active = true;     ///< false: waits behind the single active consumer
    bool yields = false;    ///< active until it has settled what it holds, then one of higher priority is
    bool flow = true;
    bool exclusive = false;
    bool settled_on_delivery = false;
    bool linked = false;
    std::uint64_t order = 0;  ///< of registration
    std::uint64_t held = 0;
    std::int64_t timeout_ms = -1;
    std::uint32_t gets = 0;    ///< single gets that wait for a read
    Consumer* next = nullptr;  ///< in the ring
    Consumer* previous = nullptr;
    std::unique_ptr<StreamCursor> cursor;

    [[nodiscard]] bool takes() const {
        return attached && active && !yields && flow && (prefetch == 0 || held < prefetch);
    }
    /// How many more it may hold.
    [[nodiscard]] std::uint64_t window() const { return prefetch == 0 ? ~std::uint64_t{0} : prefetch - held; }

    void lease(std::uint8_t level, OffsetSpan span, MonoTime now);
    /// Takes back the first run of leased offsets within `span`; empty when there is none. Hot.
    OffsetSpan unlease(std::uint8_t level, OffsetSpan span);
    /// When the oldest lease times out; never() without a time-out or leases.
    [[nodiscard]] MonoTime times_out_at();

    struct Leases {
        std::uint8_t level;
        OffsetSet offsets;
    };
    std::vector<Leases> leases;  ///< levels that were leased from

private:
    struct Mark {
        MonoTime at;
        std::uint8_t level;
        OffsetSpan span;
    };
    [[nodiscard]] Leases* leases_of(std::uint8_t level);

    std::unique_ptr<std::deque<Mark>> marks_;  ///< deliveries in order, only with a time-out
};

}  // namespace fantail::broker
