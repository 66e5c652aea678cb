// SPDX-License-Identifier: Apache-2.0
//! The seam between the pure shard and its log.
#include "runtime/shard_slot.hpp"

#include "base/limits.hpp"
#include "runtime/core.hpp"
#include "runtime/core_ids.hpp"

namespace fantail::runtime {

ShardSlot::ShardSlot(ShardId id, Core& core, broker::Catalog& catalog)
    : id_(id), core_(core), catalog_(catalog), shard_(id, *this) {}

ShardSlot::~ShardSlot() = default;

void ShardSlot::end_of_turn(const Now& now) {
    if (closing_) return;
    if (log_->wants_checkpoint()) log_->checkpoint(snapshot());
    log_->submit(now.mono);
    update_pressure();
}

void ShardSlot::close_log(std::move_only_function<void()> done) {
    closing_ = true;
    log_->checkpoint(snapshot(true));
    log_->close(std::move(done));
}

MonoTime ShardSlot::deadline() const { return std::min(shard_.deadline(), log_->deadline()); }

void ShardSlot::update_pressure() {
    const std::uint64_t waiting = log_->undurable_bytes();
    const bool stuck = log_->state() != storage::LogState::ok;
    const bool on = stuck || waiting > (pressured_ ? limits::undurable_bytes_max / 2 : limits::undurable_bytes_max);
    if (on == pressured_) return;
    pressured_ = on;
    core_.shard_pressure(id_, on);
}

Lsn ShardSlot::log_owned(ChangeOwner owner, ByteView change, bool lazy) {
    if (closing_) return last_;  // a late message of another core: nobody waits for it any more
    scratch_.clear();
    scratch_.push_back(static_cast<std::uint8_t>(owner));
    append(scratch_, change);
    return last_ = log_->append_change(scratch_, lazy);
}

Lsn ShardSlot::log_catalog_change(ByteView change) { return log_owned(ChangeOwner::catalog, change, false); }

Lsn ShardSlot::log_batch(std::span<const Target> targets, std::uint32_t count, SharedBytes batch, bool transient) {
    if (closing_) return last_;
    return last_ = log_->append_batch({targets, count, std::move(batch), transient});
}

Lsn ShardSlot::log_change(ByteView change, bool lazy) { return log_owned(ChangeOwner::shard, change, lazy); }

void ShardSlot::read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) {
    if (closing_) return;  // the log may have closed its files: dead letters that must be read wait for the next start
    log_->read(stream, from, bytes_max, token);
}

void ShardSlot::release(StreamId stream, Offset first, Offset end) {
    if (closing_) return;  // why it is not needed would not be logged any more: after a restart it is needed again
    if (log_) log_->release(stream, first, end);  // while the log opens it asks live() instead
}

void ShardSlot::forget(StreamId stream) {
    if (log_ && !closing_) log_->forget(stream);
}

void ShardSlot::emit(ConnectionId to, broker::Event event) { core_.emit(to, std::move(event)); }
void ShardSlot::dead_letter(broker::DeadLetter letter) { core_.dead_letter(std::move(letter)); }
void ShardSlot::queue_unused(QueueId queue) { core_.queue_unused(queue); }

void ShardSlot::send(ShardId shard, RequestId request, broker::ShardCommand command) {
    core_.send(shard, {own_id(), request}, std::move(command));
}

std::uint64_t ShardSlot::random() { return core_.random(); }

ConnectionId ShardSlot::own_id() const { return shards_of(core_.id()); }

void ShardSlot::on_durable(Lsn lsn) {
    shard_.on_durable(lsn);
    if (id_.value == 0) core_.controller()->on_durable(lsn);
}

void ShardSlot::on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) {
    shard_.on_read(token, std::move(batches));
}

void ShardSlot::on_state(storage::LogState state, const Error& reason) {
    core_.host().log_state_changed(id_, state, reason);
    update_pressure();
}

Bytes ShardSlot::snapshot(bool last) const {
    Bytes out;
    Writer writer(out);
    const Bytes catalog = id_.value == 0 ? catalog_.snapshot() : Bytes();
    writer.uvarint(catalog.size());
    writer.raw(catalog);
    writer.raw(shard_.snapshot(last));
    return out;
}

Result<void> ShardSlot::on_snapshot(ByteView state) {
    Reader reader(state);
    const ByteView catalog = reader.take(reader.uvarint());
    if (reader.failed())
        return fail(ErrorCode::corrupt, "snapshot of shard " + std::to_string(id_.value) + " is cut off");
    if (id_.value == 0) FANTAIL_CHECK(catalog_.restore(catalog));
    return shard_.restore(reader.rest());
}

Result<void> ShardSlot::on_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch) {
    return shard_.replay_batch(targets, count, batch);
}

Result<void> ShardSlot::on_change(ByteView change) {
    if (change.empty())
        return fail(ErrorCode::corrupt, "empty change in the log of shard " + std::to_string(id_.value));
    const ByteView body = change.subspan(1);
    if (change[0] == static_cast<std::uint8_t>(ChangeOwner::shard)) return shard_.replay_change(body);
    FANTAIL_TRY([[maybe_unused]] auto effect, catalog_.apply(body));
    return {};
}

void ShardSlot::on_covered(StreamId stream, Offset first, Offset end) { shard_.covered(stream, first, end); }
std::uint64_t ShardSlot::live(StreamId stream, Offset first, Offset end) { return shard_.live(stream, first, end); }

Lsn ControllerSlot::log_change(ByteView change) { return core_.shards().front()->log_catalog_change(change); }

void ControllerSlot::broadcast(std::shared_ptr<const broker::CatalogChange> change, RequestId barrier) {
    core_.broadcast(std::move(change), barrier);
}

void ControllerSlot::send(ShardId shard, RequestId request, broker::ShardCommand command) {
    core_.send(shard, {controller_id(), request}, std::move(command));
}

void ControllerSlot::emit(ConnectionId to, broker::Event event) { core_.emit(to, std::move(event)); }
std::uint64_t ControllerSlot::random() { return core_.random(); }

}  // namespace fantail::runtime
