// SPDX-License-Identifier: Apache-2.0
//! Where the offsets of every stream stand, and how many of them are still needed.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>

#include "record/stored_batch.hpp"
#include "storage/local/front_vector.hpp"

namespace fantail::storage {

/// A batch that stands in the journal. Batches are numbered in the order of the log; the number wraps.
struct JournalBatch {
    std::uint32_t position = 0;  ///< in the journal file, or in its frame while that is in memory (file == 0)
    std::uint32_t length = 0;
    std::uint32_t count = 0;  ///< records
    std::uint32_t live = 0;   ///< targets that still need some of it
    StreamId stream;          ///< of the first target; the others stand in fan_out_
    std::uint32_t file = 0;   ///< sequence of its journal file
    bool transient = false;
    bool fan_out = false;
};
static_assert(sizeof(JournalBatch) <= 32);

/// A batch of the journal as one stream sees it.
struct StreamEntry {
    std::uint64_t base = 0;
    std::uint32_t batch = 0;
    std::uint32_t live = 0;  ///< offsets that are still needed
};
static_assert(sizeof(JournalBatch) + sizeof(StreamEntry) <= 64);

/// A run of a segment as one stream sees it.
struct StreamRun {
    std::uint64_t base = 0;
    std::uint64_t end = 0;
    std::uint64_t live = 0;
    std::uint32_t segment = 0;
    std::uint32_t run = 0;
};

/// Both parts ascend by offset and do not overlap; one may interleave with the other.
struct StreamPlaces {
    FrontVector<StreamEntry> entries;
    FrontVector<StreamRun> runs;
};

/// Invariants: an entry or run in a stream's list has live > 0, but for entries behind the first live one; a stream without
/// both is not in the map. Single-threaded, never blocks.
class StreamIndex {
public:
    using RunDied = std::function<void(std::uint32_t segment, std::uint32_t run)>;
    explicit StreamIndex(RunDied died) : died_(std::move(died)) {}

    /// Registers a batch whose offsets are all live. Returns its number. Hot.
    std::uint32_t add_batch(std::span<const Target> targets, std::uint32_t count, std::uint32_t length,
                            std::uint32_t position, bool transient);
    /// The batches [first, first + n) now stand in `file`, their frame at `position`.
    void place_batches(std::uint32_t first, std::uint32_t n, std::uint32_t file, std::uint32_t position);
    [[nodiscard]] JournalBatch& batch(std::uint32_t number) {
        return batches_[static_cast<std::uint32_t>(number - front_)];
    }
    [[nodiscard]] std::uint32_t next_batch() const { return front_ + static_cast<std::uint32_t>(batches_.size()); }
    [[nodiscard]] std::uint32_t first_batch() const { return front_; }
    /// Batches of a journal file that are still needed.
    [[nodiscard]] std::uint32_t live_batches(std::uint32_t file) const;
    /// Calls `visit` with every stream of a batch.
    template <class Visit>
    void each_stream(std::uint32_t number, Visit visit) {
        const auto& b = batch(number);
        if (!b.fan_out) return visit(b.stream);
        for (auto stream : fan_out_.at(number)) visit(stream);
    }
    /// The stream's entry for a batch; nullptr if it does not need it any more.
    [[nodiscard]] StreamEntry* find_entry(StreamId stream, std::uint32_t batch);
    /// Forgets the batches before `end` and the entries that name them (they were flushed or are dead).
    void drop_batches(std::uint32_t end);

    void add_run(StreamId stream, const StreamRun& run);
    [[nodiscard]] StreamPlaces* find(StreamId stream);
    [[nodiscard]] std::uint64_t end_of(const StreamEntry& e) { return e.base + batch(e.batch).count; }
    /// The first entry or run that reaches past `from`, by position in its list; size() if there is none.
    [[nodiscard]] std::size_t entry_after(const StreamPlaces& places, std::uint64_t from);
    [[nodiscard]] static std::size_t run_after(const StreamPlaces& places, std::uint64_t from);

    /// The offsets [first, end) are no longer needed. Hot.
    void release(StreamId stream, std::uint64_t first, std::uint64_t end);
    void forget(StreamId stream);
    /// Sets how much of every entry and run is live, and drops the dead: once, after recovery.
    void recount(const std::function<std::uint64_t(StreamId, std::uint64_t first, std::uint64_t end)>& live);
    [[nodiscard]] std::unordered_map<StreamId, StreamPlaces>& streams() { return streams_; }

private:
    void entry_died(std::uint32_t number);
    void release_runs(StreamPlaces& places, std::uint64_t first, std::uint64_t end);
    void release_entries(StreamPlaces& places, std::uint64_t first, std::uint64_t end);
    void drop_dead_front(StreamPlaces& places);
    void drop_if_empty(StreamId stream, const StreamPlaces& places);

    RunDied died_;
    std::unordered_map<StreamId, StreamPlaces> streams_;
    StreamId last_stream_;
    StreamPlaces* last_ = nullptr;
    std::deque<JournalBatch> batches_;
    std::uint32_t front_ = 0;
    std::unordered_map<std::uint32_t, std::vector<StreamId>> fan_out_;
    std::unordered_map<std::uint32_t, std::uint32_t> live_in_file_;
};

}  // namespace fantail::storage
