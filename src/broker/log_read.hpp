// SPDX-License-Identifier: Apache-2.0
//! A ReadLogs on its way: what it has found, and what it still waits for.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "broker/api/commands.hpp"

namespace fantail::broker {

/// Invariant: while `waits`, it stands once in `waiting` of each of its logs.
struct LogRead {
    Origin origin;
    ReadLogs question;
    LogsRead answer;                    ///< a slice a place
    std::uint32_t reads_under_way = 0;  ///< of the log on disk
    std::uint64_t bytes = 0;            ///< in the slices
    bool waits = false;
    bool ended = false;  ///< answered as soon as no read is under way
};

/// By who asked and the request's number.
using LogReads = std::map<std::pair<ConnectionId, RequestId>, std::unique_ptr<LogRead>>;

/// Looks for the first record at or after a time, or with the greatest.
struct TimeSearch {
    Origin origin;
    QueueId log;
    WallTime time;
    std::uint64_t next = 0;  ///< offset of the next batch to look at
    bool committed_only = false;
    bool newest = false;  ///< the batch at `next` has the greatest time of all: its first record with that

    /// Looks into the next batch. Returns whether the search is over; `answer` then has what was found.
    [[nodiscard]] bool look_at(ByteView batch, std::uint64_t base, OffsetFound& answer) const;
};

}  // namespace fantail::broker
