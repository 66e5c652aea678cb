// SPDX-License-Identifier: Apache-2.0
//! The judge of logs: what producers were promised, and what readers of either protocol saw at which offset.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/log_topology.hpp"
#include "sim/network.hpp"
#include "sim/transaction_model.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

enum class RecordFate : std::uint8_t {
    sent,     ///< nothing is known
    stored,   ///< it has an offset, which a crash may take back
    durable,  ///< it must be there
};

struct LogRecord {
    std::uint64_t id = 0;
    const PartitionSpec* partition = nullptr;
    std::uint64_t writer = 0;  ///< whose records keep the order of their ids
    bool repeats = false;      ///< its producer has no number and sends it again when it hears nothing
    std::int64_t time_ms = 0;  ///< its producer's
    std::int64_t sent_at = 0;
    std::int64_t durable_at = 0;
    RecordFate fate = RecordFate::sent;
    std::int64_t offset = -1;  ///< where it was seen, or is for ever
};

/// Somebody who reads a partition from some offset on.
struct LogReader {
    std::string name;
    const PartitionSpec* partition = nullptr;
    std::int64_t next = -1;                         ///< -1: not known
    bool committed_only = false;                    ///< it gets what is committed
    std::map<std::uint64_t, std::uint64_t> newest;  ///< record, by writer
    std::weak_ptr<Link> link;
    std::int64_t waiting_since = -1;  ///< for what is at `next`; -1: it has not asked

    void seek(std::int64_t offset) {
        next = offset;
        newest.clear();
    }
};

/// What clients have been told of a log.
struct LogBounds {
    std::int64_t start = 0;
    std::int64_t high_watermark = 0;
    std::int64_t stable = 0;     ///< below it all is decided
    std::uint64_t restarts = 0;  ///< at that time
};

class LogModel {
public:
    LogModel(World& world, TransactionModel& transactions) : world_(world), transactions_(transactions) {}

    // Producing.
    void sent(LogRecord record);
    /// A batch of so many bytes, with the records.
    void sent(const PartitionSpec& partition, std::size_t bytes);
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
    /// The records have offsets from `base` on.
    /// \param restarts as they were when the records were sent
    void stored(const std::vector<std::uint64_t>& ids, std::int64_t base, bool durable, std::uint64_t restarts);
    /// Confirmed, wherever it may be.
    void confirmed(std::uint64_t id);
    /// A producer was given this number.
    void numbered(std::int64_t producer);

    // Reading.
    void waits(const std::shared_ptr<LogReader>& reader) { readers_.push_back(reader); }
    void read(LogReader& reader, std::int64_t offset, std::uint64_t id);
    /// The reader has been shown it, and knows that it was aborted.
    void skip(LogReader& reader, std::int64_t offset, std::uint64_t id);
    /// The reader has been shown the end of a transaction.
    void marker(LogReader& reader, std::int64_t offset);
    /// The reader is given nothing up to `offset`: what is there is not for it.
    void pass_over(LogReader& reader, std::int64_t offset);
    /// A batch as it is stored.
    void batch(const PartitionSpec& partition, std::int64_t base, std::size_t bytes);
    [[nodiscard]] LogBounds told(const PartitionSpec& partition) const;
    /// A log says where it starts and ends; `before` was known when it was asked.
    void bounds(const PartitionSpec& partition, const LogBounds& now, const LogBounds& before);
    void out_of_range(const LogReader& reader, std::int64_t start);
    /// What is decided is said to end there.
    void judge_end(const PartitionSpec& partition, std::int64_t stable);

    // The node.
    void restarted();
    /// Whether readers got what is there.
    /// \param calm_since when the last fault was over
    void judge_waits(std::int64_t calm_since);

    /// The end: `reader` has read all from `start` on.
    void judge_log(const LogReader& reader, const LogBounds& bounds);

private:
    struct Log {
        std::map<std::int64_t, std::uint64_t> at;       ///< records that are there for ever, by offset
        std::map<std::int64_t, std::uint64_t> claimed;  ///< those that are there until a crash
        std::map<std::int64_t, std::size_t> batches;    ///< bytes, by offset
        std::set<std::int64_t> markers;
        std::map<std::int64_t, std::string> passed_over;  ///< by whom
        std::size_t largest = 0;
        LogBounds told;
    };
    void fail(const LogRecord& record, const std::string& what);
    void place(LogRecord& record, std::int64_t offset);
    /// The reader goes on behind `offset`. \return what is there; null if it was not sent there
    LogRecord* step(LogReader& reader, std::int64_t offset, std::uint64_t id);
    [[nodiscard]] const LogRecord* awaited(const LogReader& reader) const;
    void judge_record(const LogRecord& record, const LogBounds& bounds);
    void judge_retention(const PartitionSpec& partition, const LogBounds& bounds);
    [[nodiscard]] bool may_be_forgotten(const LogRecord& record) const;

    World& world_;
    TransactionModel& transactions_;
    std::map<std::uint64_t, LogRecord> records_;
    std::map<const PartitionSpec*, Log> logs_;
    std::set<std::int64_t> producers_;
    std::vector<std::weak_ptr<LogReader>> readers_;
    std::uint64_t restarts_ = 0;
};

}  // namespace fantail::sim
