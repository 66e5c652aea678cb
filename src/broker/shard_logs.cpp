// SPDX-License-Identifier: Apache-2.0
//! Streams as logs: appends with their confirms, and reads that wait for what is not there yet.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/queue_records.hpp"
#include "broker/shard.hpp"

namespace fantail::broker {

Queue* Shard::find_log(QueueId id) {
    Queue* queue = find_open(id);
    return queue == nullptr || !queue->rules().is_stream() ? nullptr : queue;
}

// ------------------------------------------------------------------------------------------------------------ appends

void Shard::carry_out(const Origin& origin, AppendLog& command) {
    FANTAIL_ASSERT(command.count > 0 && command.batch->size() >= record::batch_header_size);
    LogAppended answer{origin.request, LogOutcome::not_found, {}, {}};
    Queue* log = find_log(command.log);
    if (log == nullptr) return answer_append(origin, answer, Lsn());
    const LogProducers::Verdict verdict = log->check_producer(ProducerBatch::of(*command.batch));
    answer.outcome = verdict.outcome;
    answer.start = Offset(log->log_start());
    Lsn after;
    if (verdict.duplicate_of) {
        answer.base = *verdict.duplicate_of;
        after = log->log().undurable.empty() ? Lsn() : log->log().undurable.back().lsn;
    } else if (verdict.outcome == LogOutcome::ok) {
        answer.base = Offset(log->level(0).end);
        after = store(command, *log);
    }
    answer_append(origin, answer, command.when_durable ? after : Lsn());
}

void Shard::carry_out(const Origin& origin, EnlistInLog& command) {
    Queue* log = find_log(command.log);
    if (log != nullptr) log->log().transactions.enlist(command.producer);
    context_.host.emit(origin.connection,
                       LogMarked{origin.request, log != nullptr ? LogOutcome::ok : LogOutcome::not_found});
}

void Shard::carry_out(const Origin& origin, EndInLog& command) {
    Queue* queue = find_log(command.log);
    if (queue == nullptr) {
        context_.host.emit(origin.connection, LogMarked{origin.request, LogOutcome::not_found});
        return;
    }
    Log& log = queue->log();
    if (log.transactions.start_of(command.producer.id)) {
        SharedBytes marker = make_marker(command.producer, command.commit, context_.now.wall);
        const std::uint64_t bytes = marker->size();
        (void)store(AppendLog{command.log, std::move(marker), 1, bytes, true}, *queue);
    } else {
        log.transactions.dismiss(command.producer.id);
    }
    const Lsn after = log.undurable.empty() ? Lsn() : log.undurable.back().lsn;
    answer_append(origin, LogMarked{origin.request, LogOutcome::ok}, after);
}

/// As an append to a single queue.
Lsn Shard::store(const AppendLog& command, Queue& log) {
    Append append;
    append.targets.push_back({command.log, 0});
    append.batch = command.batch;
    append.count = command.count;
    append.body_bytes = command.body_bytes;
    accepted_.assign(1, {&log, 0, log.level(0).end});
    return store(append);
}

void Shard::answer_append(const Origin& origin, const AppendAnswer& answer, Lsn after) {
    const auto emit = [&](const auto& each) { context_.host.emit(origin.connection, each); };
    if (after <= context_.durable) std::visit(emit, answer);
    else if (append_confirms_.empty() || append_confirms_.back().after <= after)
        append_confirms_.push_back({origin.connection, answer, after});
    else append_confirms_.push_back({origin.connection, answer, append_confirms_.back().after});
}

void Shard::logs_became_durable() {
    for (; !append_confirms_.empty() && append_confirms_.front().after <= context_.durable;
         append_confirms_.pop_front()) {
        const AppendConfirm& confirm = append_confirms_.front();
        std::visit([&](const auto& answer) { context_.host.emit(confirm.connection, answer); }, confirm.answer);
    }
    std::erase_if(awaiting_durable_, [&](Queue* queue) {
        const std::uint64_t before = queue->high_watermark();
        const bool waits_on = queue->became_durable();
        if (queue->high_watermark() > before && !queue->log().waiting.empty())
            look_again(queue->log().waiting, queue->id());
        return !waits_on;
    });
}

// -------------------------------------------------------------------------------------------------------------- reads

void Shard::carry_out(const Origin& origin, ReadLogs& command) {
    auto made = std::make_unique<LogRead>();
    LogRead& read = *made;
    read.origin = origin;
    read.question = std::move(command);
    read.answer.request = origin.request;
    read.answer.slices.resize(read.question.places.size());
    log_reads_[{origin.connection, origin.request}] = std::move(made);
    for (std::size_t i = 0; i < read.question.places.size(); ++i) fill(read, i);
    proceed(read);
}

/// From memory, else by a read of the disk that is answered later.
void Shard::fill(LogRead& read, std::size_t place) {
    const LogPlace& wanted = read.question.places[place];
    LogSlice& slice = read.answer.slices[place];
    slice.log = wanted.log;
    Queue* log = find_log(wanted.log);
    if (log == nullptr) {
        slice.outcome = LogOutcome::not_found;
        return;
    }
    const std::uint64_t left = read.question.bytes_max - std::min<std::uint64_t>(read.bytes, read.question.bytes_max);
    const std::uint64_t room = std::min<std::uint64_t>(left, wanted.bytes_max);
    if (room == 0 && read.bytes > 0) {
        (void)log->fill(slice, Offset(log->high_watermark()), 0, false);  // the offsets alone
        return;
    }
    const auto on_disk = log->fill(slice, wanted.offset, room, read.question.committed_only);
    for (const StoredBatch& each : slice.batches) read.bytes += each.bytes->size();
    if (!on_disk) return;
    ++read.reads_under_way;
    read.bytes += room;  // until it is known
    const ConsumerKey key{read.origin.connection, {}, wanted.log};
    const auto bytes = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(room, 1, limits::log_read_bytes_max));
    context_.read(level_stream(wanted.log, 0), *on_disk, bytes,
                  {ReadPurpose::For::log_read, 0, key, read.origin.request, static_cast<std::uint32_t>(place)});
}

/// Answers, or waits, unless the disk is being read.
void Shard::proceed(LogRead& read) {
    if (read.reads_under_way > 0) return;
    const bool failed =
        std::ranges::any_of(read.answer.slices, [](const LogSlice& s) { return s.outcome != LogOutcome::ok; });
    if (read.ended || failed || read.bytes >= read.question.bytes_min) return finish(read);
    wait(read);
}

void Shard::wait(LogRead& read) {
    if (read.waits) return;
    for (std::size_t i = 0; i < read.answer.slices.size(); ++i) {
        if (find_log(read.question.places[i].log) != nullptr) continue;
        // It went while another was read from the disk.
        read.answer.slices[i].outcome = LogOutcome::not_found;
        return finish(read);
    }
    read.waits = true;
    for (const LogPlace& place : read.question.places) find_log(place.log)->log().waiting.push_back(&read);
}

void Shard::stop_waiting(LogRead& read) {
    if (!std::exchange(read.waits, false)) return;
    for (const LogPlace& place : read.question.places)
        if (Queue* log = find(place.log)) std::erase(log->log().waiting, &read);
}

/// The log has more: fills its part of these reads anew.
void Shard::look_again(const std::vector<LogRead*>& reads, QueueId log) {
    const std::vector<LogRead*> all = reads;  // those that are answered leave the list
    for (LogRead* read : all) {
        if (read->reads_under_way > 0) continue;
        const auto& places = read->question.places;
        const auto at = std::ranges::find(places, log, &LogPlace::log);
        const auto place = static_cast<std::size_t>(at - places.begin());
        LogSlice& slice = read->answer.slices[place];
        for (const StoredBatch& each : slice.batches) read->bytes -= each.bytes->size();
        slice.batches.clear();
        fill(*read, place);
        proceed(*read);
    }
}

void Shard::finish(LogRead& read) {
    stop_waiting(read);
    for (std::size_t i = 0; i < read.answer.slices.size(); ++i) {
        const LogPlace& place = read.question.places[i];
        LogSlice& slice = read.answer.slices[i];
        if (slice.outcome != LogOutcome::ok) continue;
        if (const Queue* log = find_log(place.log)) log->conclude(slice, place.offset, read.question.committed_only);
    }
    context_.host.emit(read.origin.connection, std::move(read.answer));
    log_reads_.erase({read.origin.connection, read.origin.request});
}

void Shard::carry_out(const Origin& origin, EndWait& command) {
    const auto at = log_reads_.find({origin.connection, command.read});
    if (at == log_reads_.end()) return;  // it is answered
    at->second->ended = true;
    proceed(*at->second);
}

void Shard::on_log_read(const ReadPurpose& purpose, Result<std::vector<StoredBatch>>&& batches) {
    const auto at = log_reads_.find({purpose.key.connection, purpose.request});
    if (at == log_reads_.end()) return;
    LogRead& read = *at->second;
    LogSlice& slice = read.answer.slices[purpose.place];
    const LogPlace& place = read.question.places[purpose.place];
    --read.reads_under_way;
    read.bytes = 0;
    if (!batches) slice.outcome = LogOutcome::storage;
    else if (const Queue* log = find_log(place.log)) {
        const bool committed_only = read.question.committed_only;
        for (StoredBatch& each : *batches)
            if (each.base.value < log->readable_end(committed_only)) slice.batches.push_back(std::move(each));
        // Where the disk has nothing (any more), what follows may be in memory alone.
        if (slice.batches.empty())
            (void)log->fill(slice, Offset(log->next_in_memory(place.offset.value)), place.bytes_max, committed_only);
    } else {
        slice.outcome = LogOutcome::not_found;
    }
    for (const LogSlice& each : read.answer.slices)
        for (const StoredBatch& batch : each.batches) read.bytes += batch.bytes->size();
    proceed(read);
}

/// The log is about to go: who waits for it is told.
void Shard::end_log_reads(const Queue& queue) {
    if (!queue.rules().is_stream()) return;
    Queue& log = *find(queue.id());
    const std::vector<LogRead*> all = log.log().waiting;
    for (LogRead* read : all) {
        const auto at = std::ranges::find(read->question.places, queue.id(), &LogPlace::log);
        read->answer.slices[static_cast<std::size_t>(at - read->question.places.begin())].outcome =
            LogOutcome::not_found;
        proceed(*read);
    }
}

void Shard::drop_log_reads(ConnectionId connection) {
    for (auto at = log_reads_.lower_bound({connection, RequestId()});
         at != log_reads_.end() && at->first.first == connection;) {
        stop_waiting(*at->second);
        at = log_reads_.erase(at);
    }
}

// ---------------------------------------------------------------------------------------------------- single questions

void Shard::carry_out(const Origin& origin, FindOffset& command) {
    OffsetFound answer{origin.request, LogOutcome::ok, {}, {}};
    Queue* log = find_log(command.log);
    if (log == nullptr) {
        answer.outcome = LogOutcome::not_found;
    } else {
        switch (command.query) {
            case OffsetQuery::start: answer.offset = Offset(log->log_start()); break;
            case OffsetQuery::end: answer.offset = Offset(log->high_watermark()); break;
            case OffsetQuery::stable_end: answer.offset = Offset(log->stable_end()); break;
            case OffsetQuery::newest_time:
                return search({origin, command.log, {}, log->log().newest.base, false, true});
            case OffsetQuery::at_time:
                return search(
                    {origin, command.log, command.time, log->seek_time(command.time), command.committed_only, false});
        }
    }
    context_.host.emit(origin.connection, std::move(answer));
}

/// Goes on from memory as long as it can, then by reads.
void Shard::search(TimeSearch search) {
    const Queue* log = find_log(search.log);
    OffsetFound answer{search.origin.request, LogOutcome::ok, {}, {}};
    if (log == nullptr) answer.outcome = LogOutcome::not_found;
    while (log != nullptr && search.next < log->readable_end(search.committed_only)) {
        const BatchRef batch = log->durable_in_memory(search.next);
        if (!batch) {
            const ReadPurpose purpose{ReadPurpose::For::time_search, 0, {{}, {}, search.log}, {}, 0};
            context_.read(level_stream(search.log, 0), search.next, limits::read_chunk_size, purpose);
            time_searches_[context_.tokens] = search;
            return;
        }
        if (search.look_at(**batch.bytes, batch.base, answer)) break;
        search.next = batch.end();
    }
    context_.host.emit(search.origin.connection, std::move(answer));
}

void Shard::on_time_search(ReadToken token, Result<std::vector<StoredBatch>>&& batches) {
    auto node = time_searches_.extract(token.value);
    if (!node) return;
    TimeSearch search = node.mapped();
    const Queue* log = find_log(search.log);
    OffsetFound answer{search.origin.request, LogOutcome::ok, {}, {}};
    if (!batches) answer.outcome = LogOutcome::storage;
    for (const StoredBatch& each : batches.value_or(std::vector<StoredBatch>{})) {
        if (log == nullptr || each.base.value >= log->readable_end(search.committed_only)) break;
        if (search.look_at(*each.bytes, each.base.value, answer)) break;
        search.next = each.base.value + each.count;
    }
    if (batches && !answer.offset && !batches->empty()) return this->search(search);
    if (batches && batches->empty() && log != nullptr) {  // nothing there any more: what is in memory follows
        search.next = log->next_in_memory(search.next);
        if (log->durable_in_memory(search.next)) return this->search(search);
    }
    context_.host.emit(search.origin.connection, std::move(answer));
}

void Shard::carry_out(const Origin& origin, TrimLog& command) {
    LogTrimmed answer{origin.request, LogOutcome::not_found, {}};
    if (Queue* log = find_log(command.log)) {
        const std::uint64_t before = command.before ? command.before->value : log->high_watermark();
        const bool fits = before <= log->high_watermark();
        answer.outcome = fits ? LogOutcome::ok : LogOutcome::out_of_range;
        if (fits) log->trim_log(before);
        answer.start = Offset(log->log_start());
    }
    context_.host.emit(origin.connection, answer);
}

void Shard::carry_out(const Origin& origin, DescribeLog& command) {
    LogDescribed answer{origin.request, LogOutcome::not_found, {}, {}, 0, {}};
    if (Queue* log = find_log(command.log)) {
        answer.outcome = LogOutcome::ok;
        answer.start = Offset(log->log_start());
        answer.high_watermark = Offset(log->high_watermark());
        answer.bytes = log->figures().body_bytes;
        answer.producers = log->producers();
    }
    context_.host.emit(origin.connection, std::move(answer));
}

}  // namespace fantail::broker
