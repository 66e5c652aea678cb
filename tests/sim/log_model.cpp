// SPDX-License-Identifier: Apache-2.0
//! Judges logs.
#include "sim/log_model.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace fantail::sim {

namespace {

/// Within it, what is durable reaches a reader who waits for it.
constexpr std::int64_t wait_max = 5 * second;

std::string text(std::int64_t number) { return std::to_string(number); }

}  // namespace

void LogModel::fail(const LogRecord& record, const std::string& what) {
    const char* fate = record.fate == RecordFate::durable  ? "acknowledged"
                       : record.fate == RecordFate::stored ? "acknowledged before it was durable"
                                                           : "unacknowledged";
    world_.fail(record.partition->queue() + ": message " + std::to_string(record.id) + " (" + fate +
                ", sent by writer " + std::to_string(record.writer) + " at " +
                std::to_string(static_cast<double>(record.sent_at) / 1e9) + " s" +
                (record.offset < 0 ? "" : ", seen at offset " + text(record.offset)) + ") " + what);
}

// ---- producing

void LogModel::sent(LogRecord record) {
    record.sent_at = world_.time();
    ++world_.counts.records_written;
    records_.emplace(record.id, record);
}

/// It is there from now on, and nothing else ever is.
void LogModel::place(LogRecord& record, std::int64_t offset) {
    Log& log = logs_[record.partition];
    const auto [at, fresh] = log.at.emplace(offset, record.id);
    if (!fresh && at->second != record.id)
        fail(record, "is at offset " + text(offset) + ", where message " + std::to_string(at->second) + " was");
    if (!record.repeats && record.offset >= 0 && record.offset != offset)
        fail(record, "is there twice, at offset " + text(offset) + " too");
    const auto claim = log.claimed.find(offset);
    if (claim != log.claimed.end() && claim->second != record.id)
        fail(record,
             "is at offset " + text(offset) + ", which message " + std::to_string(claim->second) + " was given");
    if (log.markers.contains(offset)) fail(record, "is at offset " + text(offset) + ", where a transaction ended");
    record.offset = offset;
    transactions_.stands(record.id, record.sent_at, offset, *record.partition);
    const auto passed = log.passed_over.extract(offset);
    if (passed) transactions_.shown(record.id, false, passed.mapped());
}

void LogModel::stored(const std::vector<std::uint64_t>& ids, std::int64_t base, bool durable, std::uint64_t restarts) {
    for (const std::uint64_t id : ids) {
        LogRecord& record = records_.at(id);
        const std::int64_t offset = base++;
        if (durable) {
            place(record, offset);
            confirmed(id);
        } else if (restarts == restarts_) {
            record.fate = std::max(record.fate, RecordFate::stored);
            Log& log = logs_[record.partition];
            const auto [at, fresh] = log.claimed.emplace(offset, id);
            const auto seen = log.at.find(offset);
            if ((!fresh && at->second != id) || (seen != log.at.end() && seen->second != id))
                fail(record, "is given offset " + text(offset) + ", which another has");
        }
    }
}

void LogModel::confirmed(std::uint64_t id) {
    LogRecord& record = records_.at(id);
    if (record.fate == RecordFate::durable) return;
    ++world_.counts.records_acknowledged;
    record.fate = RecordFate::durable;
    record.durable_at = world_.time();
}

void LogModel::numbered(std::int64_t producer) {
    if (!producers_.insert(producer).second) world_.fail("producer id " + text(producer) + " is given twice");
}

// ---- reading

void LogModel::read(LogReader& reader, std::int64_t offset, std::uint64_t id) {
    LogRecord* record = step(reader, offset, id);
    if (record == nullptr) return;
    ++world_.counts.records_read;
    if (reader.committed_only) transactions_.shown(id, true, reader.name);
    std::uint64_t& newest = reader.newest[record->writer];
    if (id < newest && !record->repeats)
        fail(*record, "stands behind message " + std::to_string(newest) + " of the same writer");
    newest = std::max(newest, id);
}

void LogModel::skip(LogReader& reader, std::int64_t offset, std::uint64_t id) {
    if (step(reader, offset, id) != nullptr) transactions_.shown(id, false, reader.name);
}

LogRecord* LogModel::step(LogReader& reader, std::int64_t offset, std::uint64_t id) {
    const auto known = records_.find(id);
    if (known == records_.end() || known->second.partition != reader.partition) {
        world_.fail(reader.name + ": " + reader.partition->queue() + " has message " + std::to_string(id) +
                    ", which was not sent there");
        return nullptr;
    }
    LogRecord& record = known->second;
    if (reader.next >= 0 && offset != reader.next)
        fail(record, "is read by " + reader.name + " at offset " + text(offset) + " instead of " + text(reader.next));
    reader.next = offset + 1;
    place(record, offset);
    return &record;
}

void LogModel::marker(LogReader& reader, std::int64_t offset) {
    Log& log = logs_[reader.partition];
    if (reader.next >= 0 && offset != reader.next)
        world_.fail(reader.name + ": " + reader.partition->queue() + " has a marker at " + text(offset) +
                    " instead of " + text(reader.next));
    if (const auto at = log.at.find(offset); at != log.at.end())
        fail(records_.at(at->second), "was where a transaction ended");
    log.markers.insert(offset);
    log.passed_over.erase(offset);
    reader.next = offset + 1;
}

void LogModel::pass_over(LogReader& reader, std::int64_t offset) {
    Log& log = logs_[reader.partition];
    for (; reader.next < offset; ++reader.next) {
        if (const auto at = log.at.find(reader.next); at != log.at.end())
            transactions_.shown(at->second, false, reader.name);
        else if (!log.markers.contains(reader.next)) log.passed_over.emplace(reader.next, reader.name);
    }
}

void LogModel::batch(const PartitionSpec& partition, std::int64_t base, std::size_t bytes) {
    Log& log = logs_[&partition];
    log.batches[base] = bytes;
    log.largest = std::max(log.largest, bytes);
}

void LogModel::sent(const PartitionSpec& partition, std::size_t bytes) {
    Log& log = logs_[&partition];
    log.largest = std::max(log.largest, bytes);
}

LogBounds LogModel::told(const PartitionSpec& partition) const {
    const auto at = logs_.find(&partition);
    LogBounds bounds = at == logs_.end() ? LogBounds{} : at->second.told;
    // What was removed may be back after a crash, until it is removed again; and open transactions with it.
    if (bounds.restarts != restarts_ && partition.topic->forgets()) bounds.start = bounds.stable = 0;
    bounds.restarts = restarts_;
    return bounds;
}

void LogModel::bounds(const PartitionSpec& partition, const LogBounds& now, const LogBounds& before) {
    LogBounds& told = logs_[&partition].told;
    if (now.high_watermark < before.high_watermark)
        world_.fail(partition.queue() + ": its high watermark went back from " + text(before.high_watermark) + " to " +
                    text(now.high_watermark));
    if (now.stable < before.stable)
        world_.fail(partition.queue() + ": its last stable offset went back from " + text(before.stable) + " to " +
                    text(now.stable));
    if (now.stable > now.high_watermark)
        world_.fail(partition.queue() + ": what is stable ends at " + text(now.stable) +
                    ", behind its high watermark " + text(now.high_watermark));
    judge_end(partition, now.stable);
    if (now.start < before.start && before.restarts == restarts_ && told.restarts == restarts_)
        world_.fail(partition.queue() + ": its start went back from " + text(before.start) + " to " + text(now.start));
    if (now.start > 0 && !partition.topic->forgets())
        world_.fail(partition.queue() + ": starts at " + text(now.start) + " though it keeps all");
    told.high_watermark = std::max(told.high_watermark, now.high_watermark);
    const bool goes_on = before.restarts == restarts_ && told.restarts == restarts_;
    told.stable = goes_on || !partition.topic->forgets() ? std::max(told.stable, now.stable) : now.stable;
    told.start = goes_on ? std::max(told.start, now.start) : now.start;
    told.restarts = restarts_;
}

void LogModel::judge_end(const PartitionSpec& partition, std::int64_t stable) {
    if (partition.topic->forgets()) return;  // retention takes open transactions too
    if (const auto open = transactions_.open_from(partition); open && *open < stable)
        world_.fail(partition.queue() + ": what is stable ends at " + text(stable) +
                    ", and a transaction is open from " + text(*open) + " on");
}

void LogModel::out_of_range(const LogReader& reader, std::int64_t start) {
    if (reader.next >= start)
        world_.fail(reader.name + ": " + reader.partition->queue() + " starts at " + text(start) +
                    " and has no offset " + text(reader.next) + ", up to which it was read");
}

// ---- the node

void LogModel::restarted() {
    ++restarts_;
    for (auto& [partition, log] : logs_) log.claimed.clear();
}

void LogModel::judge_waits(std::int64_t calm_since) {
    std::erase_if(readers_, [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : readers_) {
        const auto reader = weak.lock();
        const auto link = reader->link.lock();
        if (!link || reader->waiting_since < 0 || link->unreliable() || link->was_stalled() || link->server_gone())
            continue;
        const LogRecord* record = awaited(*reader);
        if (record == nullptr) continue;
        ++world_.counts.waits_judged;
        std::int64_t since = std::max({record->durable_at, reader->waiting_since, calm_since});
        if (reader->committed_only)
            since = std::max(since, transactions_.undecided_until(*reader->partition, record->offset, calm_since));
        if (record->fate == RecordFate::durable && world_.time() - since > wait_max)
            fail(*record, "is not given to " + reader->name + ", which waits for it");
    }
}

/// What is next for it, of what is known.
const LogRecord* LogModel::awaited(const LogReader& reader) const {
    const auto log = logs_.find(reader.partition);
    if (log == logs_.end()) return nullptr;
    const auto& all = log->second.at;
    for (auto at = all.lower_bound(reader.next); at != all.end(); ++at)
        if (!reader.committed_only || transactions_.is_committed(at->second)) return &records_.at(at->second);
    return nullptr;
}

// ---- the end

void LogModel::judge_log(const LogReader& reader, const LogBounds& bounds) {
    const PartitionSpec& partition = *reader.partition;
    if (reader.next != bounds.high_watermark)
        world_.fail(partition.queue() + ": ends at " + text(reader.next) + ", its high watermark is " +
                    text(bounds.high_watermark));
    if (bounds.stable != bounds.high_watermark)
        world_.fail(partition.queue() + ": something is undecided for ever at " + text(bounds.stable));
    for (const auto& [id, record] : records_)
        if (record.partition == &partition && record.fate == RecordFate::durable) judge_record(record, bounds);
    judge_retention(partition, bounds);
}

void LogModel::judge_record(const LogRecord& record, const LogBounds& bounds) {
    if (record.offset >= bounds.high_watermark) return fail(record, "is lost");
    if (record.offset >= bounds.start) return;  // its place was read, and place() knows what was there
    if (!record.partition->topic->forgets()) return fail(record, "is lost");
    if (!may_be_forgotten(record)) fail(record, "was removed before its time");
}

bool LogModel::may_be_forgotten(const LogRecord& record) const {
    const TopicSpec& topic = *record.partition->topic;
    if (topic.retention_bytes) return true;  // judge_size() sees to it
    const auto wall_ms = [](std::int64_t shown_ns) { return World::wall_start_ms + shown_ns / ms; };
    const std::int64_t time_ms =
        topic.append_time ? wall_ms(world_.shown(record.sent_at, record.durable_at).least) : record.time_ms;
    return wall_ms(world_.shown(record.sent_at, world_.time()).most) >= time_ms + *topic.retention_ms;
}

/// The oldest batch goes when all of them are too many bytes or it is too old, and not before; the newest stays.
void LogModel::judge_retention(const PartitionSpec& partition, const LogBounds& bounds) {
    const TopicSpec& topic = *partition.topic;
    const Log& log = logs_[&partition];
    std::size_t kept = 0;
    std::size_t batches = 0;
    for (auto at = log.batches.lower_bound(bounds.start); at != log.batches.end(); ++at, ++batches) kept += at->second;
    // Nothing has been written for longer than any topic keeps. Of many batches the broker takes several together.
    if (topic.retention_ms && batches > 1 && bounds.high_watermark < limits::retention_entries_max)
        world_.fail(partition.queue() + ": keeps " + std::to_string(batches) + " batches, whose time is over");
    if (!topic.retention_bytes || topic.crossed) return;
    const auto most = static_cast<std::size_t>(*topic.retention_bytes);
    if (bounds.start > 0 && !topic.retention_ms && kept + log.largest <= most)
        world_.fail(partition.queue() + ": keeps " + std::to_string(kept) + " bytes, and may keep " +
                    std::to_string(most));
    if (batches > 1 && kept > most)
        world_.fail(partition.queue() + ": keeps " + std::to_string(kept) + " bytes of at most " +
                    std::to_string(most));
}

}  // namespace fantail::sim
