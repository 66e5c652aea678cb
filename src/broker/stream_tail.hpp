// SPDX-License-Identifier: Apache-2.0
//! Batches kept in memory: once a shard, referred to from the tail of every stream that holds them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"
#include "broker/host.hpp"
#include "broker/offset_set.hpp"

namespace fantail::broker {

class Level;

/// A batch in memory and the places where it stands.
struct CachedBatch {
    struct Place {
        Level* level = nullptr;  ///< null: this stream no longer needs it
        StreamId stream;
        std::uint64_t base = 0;
        bool logged = false;  ///< in the log under this stream, durable once `lsn` is
    };
    SharedBytes bytes;
    std::uint32_t count = 0;
    std::uint64_t body_bytes = 0;
    Lsn lsn;  ///< of the last entry written for it
    std::uint32_t places_left = 0;
    std::vector<Place> places;
    CachedBatch* older = nullptr;
    CachedBatch* newer = nullptr;
};

/// The cached batches of one stream in offset order, with holes where some were evicted.
class StreamTail {
public:
    struct Entry {
        std::uint64_t base = 0;
        std::uint32_t count = 0;
        std::uint32_t place = 0;  ///< index into batch->places
        CachedBatch* batch = nullptr;
        [[nodiscard]] std::uint64_t end() const { return base + count; }
        [[nodiscard]] bool logged() const { return batch->places[place].logged; }
    };

    /// REQUIRES a base not before the last entry's end.
    void push(const Entry& entry);
    /// The entry that holds `offset`, or null. Valid until the next change. Hot.
    [[nodiscard]] const Entry* find(std::uint64_t offset) const;
    /// The first entry at or after `offset`, or null.
    [[nodiscard]] const Entry* at_or_after(std::uint64_t offset) const;
    [[nodiscard]] const Entry* front() const { return first_ == entries_.size() ? nullptr : &entries_[first_]; }
    void pop_front();
    /// Takes out the entry with this base.
    void remove(std::uint64_t base);
    [[nodiscard]] bool empty() const { return first_ == entries_.size(); }

    /// The entries behind the last one that the log has, oldest first. Valid until the next change.
    [[nodiscard]] std::span<const Entry> unlogged_end() const;

    /// Entries that the log does not have: their offsets need no release. They are the newest ones.
    std::uint32_t unlogged = 0;

private:
    [[nodiscard]] std::size_t position(std::uint64_t offset) const;
    void compact();

    std::vector<Entry> entries_;
    std::size_t first_ = 0;
    mutable std::size_t hint_ = 0;
};

/// All cached batches of a shard, oldest first, within limits::tail_cache_bytes_max as far as durability allows: what
/// the log has durably is dropped; what it lacks is written as transient first.
class TailCache {
public:
    /// What a batch takes besides its bytes, counted against the limit.
    static constexpr std::uint64_t batch_overhead = 256;

    explicit TailCache(std::uint64_t bytes_max = limits::tail_cache_bytes_max) : bytes_max_(bytes_max) {}
    TailCache(const TailCache&) = delete;
    TailCache& operator=(const TailCache&) = delete;
    ~TailCache();

    /// Enters a batch into the tail of each of its places' levels. Takes ownership.
    void add(std::unique_ptr<CachedBatch> batch);
    /// Gives the log what it lacks of this level, so that it gets a level's batches in the order of their offsets.
    void write_out(ShardHost& host, Level& level);
    /// Drops what `level` has below `offset`.
    void drop_below(Level& level, std::uint64_t offset);
    /// Drops all that `level` has.
    void drop_all(Level& level);
    /// Brings the bytes under the limit if it can.
    void evict(ShardHost& host, Lsn durable);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    void set_limit(std::uint64_t bytes_max) { bytes_max_ = bytes_max; }

private:
    void let_go(const StreamTail::Entry& entry);
    void drop(CachedBatch* batch);
    void drop_settled(CachedBatch* batch);
    /// Whether the log has the batch for every stream that still needs it.
    [[nodiscard]] static bool lacks_nothing(const CachedBatch& batch);
    void write_out(ShardHost& host, CachedBatch& batch);
    static void release_settled(ShardHost& host, const CachedBatch::Place& place, std::uint32_t count);
    [[nodiscard]] static std::uint64_t cost(const CachedBatch& batch) { return batch.bytes->size() + batch_overhead; }

    CachedBatch* oldest_ = nullptr;
    CachedBatch* newest_ = nullptr;
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_max_;
    std::vector<Target> targets_;
};

}  // namespace fantail::broker
