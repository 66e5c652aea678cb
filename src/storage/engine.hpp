// SPDX-License-Identifier: Apache-2.0
//! The storage interface: one durable log a shard, with the bodies of its streams. Drivers implement it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "record/stored_batch.hpp"

namespace fantail::storage {

using fantail::ReadToken;
using fantail::StoredBatch;
using fantail::Target;

/// A record batch v2 (docs/formats/batch.md) to be stored once and read from one or many streams. The batch's own base
/// offset field is ignored; readers set it from the target.
struct BatchEntry {
    std::span<const Target> targets;  ///< at least one; streams of this log's shard, each at most once
    std::uint32_t count = 0;          ///< records in the batch, at least 1
    SharedBytes bytes;
    /// Not recovered after a restart: written only to take it out of memory.
    bool transient = false;
};

enum class LogState : std::uint8_t {
    ok,        ///< appends are accepted and become durable
    no_space,  ///< reads and settlements work; appends are accepted but wait until space is freed: hold producers back
    failed,    ///< a write or sync failed: nothing becomes durable any more, reads may still work; restart to recover
};

/// What a log tells its shard; called on the shard's thread, from its loop, never from inside a call to the log.
class LogListener {
public:
    virtual ~LogListener() = default;
    /// Everything appended with an lsn <= `lsn` is on stable storage. Grows monotonically.
    virtual void on_durable(Lsn lsn) = 0;
    /// The answer to read(). An empty vector: nothing is stored at or after that offset.
    virtual void on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) = 0;
    virtual void on_state(LogState state, const Error& reason) = 0;
};

/// What a log tells its shard while it opens, in this order: at most one on_snapshot; the entries after it in log order;
/// on_covered for every stream; then live() is asked for what is stored. Views live for the call only.
class RecoverySink {
public:
    virtual ~RecoverySink() = default;
    /// The state last given to checkpoint().
    virtual Result<void> on_snapshot(ByteView state) = 0;
    virtual Result<void> on_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch) = 0;
    virtual Result<void> on_change(ByteView change) = 0;
    /// The offsets [first, end) of `stream` can be read. Ascending per stream, not adjacent. Offsets of a stream that no
    /// call covers are gone for good (transient messages of the former process).
    virtual void on_covered(StreamId stream, Offset first, Offset end) = 0;
    /// How many offsets in [first, end) the shard still needs; 0 if it does not know the stream.
    virtual std::uint64_t live(StreamId stream, Offset first, Offset end) = 0;
};

/// Figures for people and metrics; all since the log was opened unless said otherwise.
struct LogFigures {
    std::uint64_t entries_appended = 0;
    std::uint64_t bytes_appended = 0;
    std::uint64_t writes = 0;            ///< group commits
    std::uint64_t bytes_written = 0;     ///< journal and segments, with padding
    std::uint64_t journal_bytes = 0;     ///< on disk now
    std::uint64_t segment_bytes = 0;     ///< on disk now, holes not counted
    std::uint64_t segments = 0;          ///< files now
    std::uint64_t replayed_entries = 0;  ///< while opening
};

/// The durable log of one shard. Single-threaded, never blocks. Within one turn the owner appends freely and then calls
/// submit() once; the log gathers what came into few large writes.
class ShardLog {
public:
    virtual ~ShardLog() = default;

    /// Appends a batch; its offsets can be read at once. Durable when on_durable reaches the returned lsn.
    virtual Lsn append_batch(const BatchEntry& entry) = 0;
    /// Appends a state change, opaque to the log, at most limits::change_size_max bytes.
    /// \param lazy it needs no write of its own: it rides along with the next one, at the latest after
    ///        limits::lazy_write_delay_ms. Order is kept all the same.
    virtual Lsn append_change(ByteView change, bool lazy) = 0;
    /// Ends the turn: starts a write if something is waiting and the write window allows. `now` times lazy entries.
    virtual void submit(MonoTime now) = 0;
    /// When submit() should be called though nothing else happens; never() if nothing is waiting.
    [[nodiscard]] virtual MonoTime deadline() const = 0;

    [[nodiscard]] virtual Lsn durable() const = 0;
    [[nodiscard]] virtual LogState state() const = 0;
    /// Bytes appended and not yet durable: hold producers back above limits::undurable_bytes_max.
    [[nodiscard]] virtual std::uint64_t undurable_bytes() const = 0;

    /// Reads whole batches of `stream` from the one holding `from` (or, if that is gone, the next stored one) up to about
    /// `bytes_max` bytes, at least one batch. Answered by on_read. Any number may be under way.
    virtual void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) = 0;
    /// The offsets [first, end) will never be read again; each offset is released at most once. Their space is given
    /// back when no other stream needs it.
    virtual void release(StreamId stream, Offset first, Offset end) = 0;
    /// The stream is gone with all that it holds. The owner has appended the change that says so.
    virtual void forget(StreamId stream) = 0;

    /// True when the owner should serialize its state and call checkpoint(): bounds the time of the next recovery.
    [[nodiscard]] virtual bool wants_checkpoint() const = 0;
    /// Stores the owner's whole state as of now, i.e. after everything appended so far.
    virtual void checkpoint(Bytes state) = 0;
    /// Writes out everything; `done` when durable (or failed). For a clean stop; append nothing afterwards.
    virtual void close(std::move_only_function<void()> done) = 0;

    [[nodiscard]] virtual LogFigures figures() const = 0;
    /// Frees what it keeps for the next burst of work.
    virtual void give_back_memory() = 0;
};

}  // namespace fantail::storage
