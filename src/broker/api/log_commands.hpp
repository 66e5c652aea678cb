// SPDX-License-Identifier: Apache-2.0
//! A stream as a log: append at the end, read at offsets, look offsets up, trim the front.
//
// A log's offsets are [start, end); what is durable ends at the high watermark, and only that is read. Below the last stable
// offset no transaction is open.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "record/stored_batch.hpp"

namespace fantail::broker {

enum class LogOutcome : std::uint8_t {
    ok,
    not_found,            ///< no such log (any more), or it is no log
    out_of_range,         ///< the offset is below the start or beyond the end
    out_of_order,         ///< the producer's sequence has a gap
    old_duplicate,        ///< the producer sent it before, too long ago to tell where it stands
    fenced,               ///< the producer has a newer epoch
    invalid_transaction,  ///< the transaction does not include this log, or is over
    storage,              ///< it could not be read
};

/// Appends one batch as it is, but for its offset. Checksum, counts, size and times were checked by the sender, who knows the
/// topic's options. Answered by LogAppended.
struct AppendLog {
    QueueId log;
    SharedBytes batch;
    std::uint32_t count = 0;
    std::uint64_t body_bytes = 0;
    bool when_durable = true;  ///< false: answered as soon as it has its offset
};

struct LogPlace {
    QueueId log;
    Offset offset;
    std::uint32_t bytes_max = 0;
};

/// Reads whole batches from the one that holds each offset, `bytes_max` in all, but at least one batch if there is any.
/// Answered by LogsRead, once `bytes_min` are there, a log answers with an error, or EndWait comes.
struct ReadLogs {
    std::vector<LogPlace> places;  ///< of this shard, each log once
    std::uint32_t bytes_min = 0;   ///< 0: answered at once
    std::uint32_t bytes_max = 0;
    bool committed_only = false;  ///< up to the last stable offset, with what was aborted
};

/// A ReadLogs that still waits is answered with what there is.
struct EndWait {
    RequestId read;
};

enum class OffsetQuery : std::uint8_t {
    start,
    end,          ///< the high watermark
    stable_end,   ///< the last stable offset
    newest_time,  ///< the first record with the greatest time
    at_time,      ///< the first record at or after a time
};

/// Answered by OffsetFound.
struct FindOffset {
    QueueId log;
    OffsetQuery query = OffsetQuery::end;
    WallTime time;                ///< at_time
    bool committed_only = false;  ///< at_time: below the last stable offset
};

/// Removes what is below `before`; no offset: all that is durable. Answered by LogTrimmed.
struct TrimLog {
    QueueId log;
    std::optional<Offset> before;
};

/// Answered by LogDescribed.
struct DescribeLog {
    QueueId log;
};

// ---------------------------------------------------------------- answers

struct LogAppended {
    RequestId request;
    LogOutcome outcome = LogOutcome::ok;
    Offset base;   ///< of the first record; for a duplicate, where that was stored
    Offset start;  ///< of the log
};

/// Records of a producer from `first` on were aborted, up to its marker.
struct AbortedSpan {
    std::int64_t producer_id = 0;
    Offset first;
};

struct LogSlice {
    QueueId log;
    LogOutcome outcome = LogOutcome::ok;
    Offset start;
    Offset high_watermark;
    Offset stable_end;
    std::vector<StoredBatch> batches;  ///< ascending; their own base offsets are undefined
    std::vector<AbortedSpan> aborted;  ///< that touch the batches; only for committed_only
};

struct LogsRead {
    RequestId request;
    std::vector<LogSlice> slices;  ///< in the order asked for
};

struct OffsetFound {
    RequestId request;
    LogOutcome outcome = LogOutcome::ok;
    std::optional<Offset> offset;  ///< at_time: absent if there is no such record
    std::optional<WallTime> time;  ///< of that record, for queries by time
};

/// Answers EnlistInLog and EndInLog.
struct LogMarked {
    RequestId request;
    LogOutcome outcome = LogOutcome::ok;
};

struct LogTrimmed {
    RequestId request;
    LogOutcome outcome = LogOutcome::ok;
    Offset start;  ///< now
};

/// A producer whose sequence the log knows.
struct ProducerFigures {
    std::int64_t id = 0;
    std::int16_t epoch = 0;
    std::int32_t last_sequence = -1;
    WallTime last_time;
    std::optional<Offset> transaction_start;  ///< of an open transaction
};

struct LogDescribed {
    RequestId request;
    LogOutcome outcome = LogOutcome::ok;
    Offset start;
    Offset high_watermark;
    std::uint64_t bytes = 0;
    std::vector<ProducerFigures> producers;
};

}  // namespace fantail::broker
