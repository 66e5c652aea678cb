// SPDX-License-Identifier: Apache-2.0
//! Snapshot and replay.
//
// Snapshot: version u8 (5; 4 has no groups that assign, 3 no transactions, 2 no logs either), last u8 (1: the process's last
// word), queues uvarint, each: id u64, Queue::encode(); ascending ids; ExchangeMemory::encode(); GroupTable::encode() (from 3);
// TransactionTable::encode() (from 4).
#include <algorithm>

#include "broker/queue_records.hpp"
#include "broker/shard.hpp"

namespace fantail::broker {

namespace {

constexpr std::uint8_t snapshot_version = 5;
constexpr std::uint8_t snapshot_without_assigned = 4;
constexpr std::uint8_t snapshot_without_transactions = 3;
constexpr std::uint8_t snapshot_without_logs = 2;

}  // namespace

Bytes Shard::snapshot(bool last) const {
    std::vector<const Queue*> durable;
    for (const auto& [id, queue] : queues_) {
        if (queue.rules().durable) durable.push_back(&queue);
    }
    std::sort(durable.begin(), durable.end(), [](const Queue* a, const Queue* b) { return a->id() < b->id(); });
    Bytes bytes;
    Writer out(bytes);
    out.u8(snapshot_version);
    out.u8(last ? 1 : 0);
    out.uvarint(durable.size());
    for (const Queue* queue : durable) {
        out.u64(queue->id().value);
        queue->encode(out);
    }
    exchanges_.encode(out);
    groups_.encode(out);
    transactions_.encode(out);
    return bytes;
}

Result<void> Shard::restore(ByteView snapshot) {
    context_.replaying = true;
    Reader in(snapshot);
    const std::uint8_t version = in.u8();
    if (version < snapshot_without_logs || version > snapshot_version)
        return fail(ErrorCode::corrupt, "shard snapshot: unknown version");
    crashed_ = in.u8() == 0;
    const Queue::Logs logs = version >= snapshot_without_assigned       ? Queue::Logs::whole
                             : version == snapshot_without_transactions ? Queue::Logs::without_transactions
                                                                        : Queue::Logs::unknown;
    for (std::uint64_t n = in.uvarint(); n > 0; --n) {
        const QueueId id(in.u64());
        if (in.failed() || !need(id).decode(in, logs))
            return fail(ErrorCode::corrupt, "shard snapshot: cut off or senseless");
    }
    const bool exchanges_fit = exchanges_.decode(in);
    using Holds = GroupStore::Holds;
    const Holds groups = version == snapshot_version            ? Holds::all
                         : version == snapshot_without_assigned ? Holds::no_assigned
                                                                : Holds::no_pending;
    const bool groups_fit = version == snapshot_without_logs || groups_.decode(in, groups);
    const bool fit = exchanges_fit && groups_fit && (version < snapshot_without_assigned || transactions_.decode(in));
    if (!fit || !in.done()) return fail(ErrorCode::corrupt, "shard snapshot: cut off or bytes left over");
    return {};
}

Result<void> Shard::replay_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch) {
    context_.replaying = true;
    crashed_ = true;
    if (count == 0 || batch.size() < record::batch_header_size) return fail(ErrorCode::corrupt, "log: batch too short");
    const std::uint64_t bytes = body_bytes(batch);
    for (const Target& target : targets) {
        if (shard_of(target.stream) != id_) return fail(ErrorCode::corrupt, "log: batch for a stream of another shard");
        need(queue_of(target.stream)).apply_batch(level_of(target.stream), target.base.value, count, bytes, batch);
    }
    return {};
}

Result<void> Shard::replay_change(ByteView bytes) {
    context_.replaying = true;
    crashed_ = true;
    if (is_group_change(bytes)) return groups_.apply(bytes);
    if (is_transaction_change(bytes)) return transactions_.apply(bytes);
    FANTAIL_TRY(const QueueChange change, decode_queue_change(bytes));
    if (const auto* progress = std::get_if<ProgressChange>(&change)) need(progress->queue).apply_progress(*progress);
    if (const auto* counts = std::get_if<CountsChange>(&change)) need(counts->queue).apply_counts(*counts);
    if (const auto* removed = std::get_if<RemovedChange>(&change)) {
        if (const Queue* queue = find(removed->queue)) erase_from_turn(*queue);
        queues_.erase(removed->queue);
    }
    if (const auto* passed = std::get_if<PassedChange>(&change)) exchanges_.apply(*passed);
    if (const auto* forgotten = std::get_if<ForgottenChange>(&change)) exchanges_.forget(forgotten->exchange);
    return {};
}

void Shard::covered(StreamId stream, Offset first, Offset end) {
    context_.replaying = true;
    covered_[stream].insert({first.value, end.value});
}

std::uint64_t Shard::live(StreamId stream, Offset first, Offset end) const {
    const auto at = queues_.find(queue_of(stream));
    if (at == queues_.end() || level_of(stream) >= at->second.levels()) return 0;
    return at->second.level(level_of(stream)).live({first.value, end.value});
}

void Shard::recovered(const Now& now, const std::function<bool(QueueId)>& exists) {
    context_.now = now;
    for (auto at = queues_.begin(); at != queues_.end();) {
        Queue& queue = at->second;
        if (queue.defined()) {
            queue.finish_replay([this](StreamId stream) -> const OffsetSet& { return covered_[stream]; }, crashed_);
            ++at;
            continue;
        }
        erase_from_turn(queue);
        encode_removed(change_, queue.id());
        context_.host.log_change(change_, true);
        forget_streams(queue);
        at = queues_.erase(at);
    }
    for (const ExchangeId gone : exchanges_.drop_unconfirmed()) {
        encode_forgotten(change_, gone);
        context_.host.log_change(change_, true);
    }
    groups_.recovered(now, exists);
    transactions_.recovered(now);
    // From here on a crash may hide deliveries, even if nothing else is ever written.
    encode_opened(change_);
    context_.host.log_change(change_, false);
    covered_.clear();
    context_.replaying = false;
}

}  // namespace fantail::broker
