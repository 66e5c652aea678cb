// SPDX-License-Identifier: Apache-2.0
//! A shard with its log: carries out the shard's effects and brings it back from the log.
#pragma once

#include <memory>

#include "broker/catalog.hpp"
#include "broker/host.hpp"
#include "broker/shard.hpp"
#include "storage/engine.hpp"

namespace fantail::runtime {

class Core;

/// What owns a change in a shard's log: its first byte. Shard 0's log also holds the catalog.
enum class ChangeOwner : std::uint8_t { shard = 0, catalog = 1 };

/// One shard of one core. Single-threaded.
class ShardSlot final : public broker::ShardHost, public storage::LogListener, public storage::RecoverySink {
public:
    ShardSlot(ShardId id, Core& core, broker::Catalog& catalog);
    ~ShardSlot() override;

    [[nodiscard]] ShardId id() const { return id_; }
    [[nodiscard]] broker::Shard& shard() { return shard_; }
    [[nodiscard]] const broker::Shard& shard() const { return shard_; }
    [[nodiscard]] storage::ShardLog& log() { return *log_; }
    [[nodiscard]] const storage::ShardLog& log() const { return *log_; }
    void adopt_log(std::unique_ptr<storage::ShardLog> log) { log_ = std::move(log); }

    /// Bytes that wait for the disk; 0 before the log is open.
    [[nodiscard]] std::uint64_t undurable_bytes() const { return log_ ? log_->undurable_bytes() : 0; }
    /// Submits the turn's appends, takes a checkpoint when the log wants one, reports pressure.
    void end_of_turn(const Now& now);
    [[nodiscard]] MonoTime deadline() const;
    Lsn log_catalog_change(ByteView change);
    /// Writes a last checkpoint and closes the log; `done` when that is on disk or has failed.
    void close_log(std::move_only_function<void()> done);

    // broker::ShardHost
    Lsn log_batch(std::span<const Target> targets, std::uint32_t count, SharedBytes batch, bool transient) override;
    Lsn log_change(ByteView change, bool lazy) override;
    void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) override;
    void release(StreamId stream, Offset first, Offset end) override;
    void forget(StreamId stream) override;
    void emit(ConnectionId to, broker::Event event) override;
    void dead_letter(broker::DeadLetter letter) override;
    void queue_unused(QueueId queue) override;
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override;
    [[nodiscard]] std::uint64_t random() override;
    [[nodiscard]] const broker::CatalogView& catalog() const override { return catalog_; }
    [[nodiscard]] ConnectionId own_id() const override;

    // storage::LogListener
    void on_durable(Lsn lsn) override;
    void on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) override;
    void on_state(storage::LogState state, const Error& reason) override;

    // storage::RecoverySink
    Result<void> on_snapshot(ByteView state) override;
    Result<void> on_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch) override;
    Result<void> on_change(ByteView change) override;
    void on_covered(StreamId stream, Offset first, Offset end) override;
    std::uint64_t live(StreamId stream, Offset first, Offset end) override;

private:
    [[nodiscard]] Bytes snapshot(bool last = false) const;
    Lsn log_owned(ChangeOwner owner, ByteView change, bool lazy);
    void update_pressure();

    ShardId id_;
    Core& core_;
    broker::Catalog& catalog_;
    broker::Shard shard_;
    std::unique_ptr<storage::ShardLog> log_;
    Bytes scratch_;
    Lsn last_;
    bool pressured_ = false;
    bool closing_ = false;
};

/// The controller's effects, on core 0, through shard 0's log.
class ControllerSlot final : public broker::ControllerHost {
public:
    explicit ControllerSlot(Core& core) : core_(core) {}
    Lsn log_change(ByteView change) override;
    void broadcast(std::shared_ptr<const broker::CatalogChange> change, RequestId barrier) override;
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override;
    void emit(ConnectionId to, broker::Event event) override;
    [[nodiscard]] std::uint64_t random() override;

private:
    Core& core_;
};

}  // namespace fantail::runtime
