// SPDX-License-Identifier: Apache-2.0
//! The segments of a log: their runs, open files and indexes, and how their space is given back.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "storage/local/rim.hpp"
#include "storage/local/segment_writer.hpp"
#include "storage/local/snapshot.hpp"

namespace fantail::storage {

struct SegmentRun {
    std::uint64_t position = 0;
    std::uint64_t length = 0;
    std::uint64_t first_base = 0;  ///< the base offset stored in its first batch
    std::uint32_t live_targets = 0;
    bool transient = false;
    bool dead = false;  ///< and the change that says so is durable
    bool punched = false;
};

struct Segment {
    static constexpr std::uint64_t no_source = ~std::uint64_t{0};

    std::uint64_t sequence = 0;
    std::uint64_t source = no_source;  ///< the journal file it came from: needed until a snapshot lists the segment
    SegmentTrailer trailer;
    std::vector<SegmentRun> runs;
    std::uint32_t live_runs = 0;  ///< that are not dead
    bool written = false;         ///< its trailer is on disk
    bool finished = false;        ///< nothing in it is needed; the file goes once no snapshot names it
    std::uint64_t holes = 0;
    bool emptied = false;  ///< all its bytes were given back
    Lsn lsn;               ///< of an external batch's entry: recovery reads the body until a snapshot holds that
    SharedBytes body;      ///< of an external batch until it is written
    std::optional<sys::FileId> file;
    std::uint32_t users = 0;
    std::uint64_t used = 0;
    std::vector<sys::Done<sys::FileId>> opening;
    std::unique_ptr<std::vector<RunDescription>> index;
};

/// Invariants: a segment's bytes are given back only when the change that released them is durable and nobody reads; its
/// file is removed only when neither the newest snapshot nor the journal that recovery reads can name it.
class SegmentStore {
public:
    explicit SegmentStore(Rim& rim) : rim_(rim) {}

    [[nodiscard]] std::uint64_t take_sequence() { return next_++; }
    [[nodiscard]] std::uint64_t next_sequence() const { return next_; }
    void set_checkpoint(Lsn lsn) { checkpoint_ = lsn; }
    void set_next_sequence(std::uint64_t next) { next_ = std::max(next_, next); }
    Segment& add(std::uint64_t sequence);
    [[nodiscard]] Segment* find(std::uint32_t sequence);
    [[nodiscard]] std::map<std::uint64_t, Segment>& all() { return segments_; }
    /// Its writer is done: the segment can be read.
    void written(Segment& segment, const SegmentWriter::Written& result);

    /// One target of a run needs it no more; `at`: the last lsn appended so far.
    void target_died(std::uint32_t segment, std::uint32_t run, Lsn at);
    /// A run that nobody needed any more when its segment came to be.
    void born_dead(Segment& segment, std::uint32_t run, Lsn at);
    /// Gives back what died at or before `durable`.
    void reclaim(Lsn durable);
    /// A snapshot of `lsn` that lists just `listed` (sequences) and replays from `replay_from` is stable: removes
    /// finished segments.
    void snapshot_stored(Lsn lsn, const std::vector<std::uint64_t>& listed, std::uint64_t replay_from);
    /// Finished segments whose files wait for the next snapshot.
    [[nodiscard]] std::size_t lingering() const { return lingering_; }

    /// Gives the open file of a written segment; the segment stays until unuse(). Completes from the loop or at once.
    void use(Segment& segment, sys::Done<sys::FileId> done);
    void unuse(Segment& segment);
    /// The same, with the index loaded.
    void use_index(Segment& segment, sys::Done<sys::FileId> done);

    [[nodiscard]] std::uint64_t disk_bytes() const;
    void close_all();

private:
    struct Death {
        Lsn at;
        std::uint32_t segment;
        std::uint32_t run;
    };
    bool bury(const Death& death);
    void punch_around(Segment& segment, std::uint32_t run);
    void punch(Segment& segment, std::uint64_t first, std::uint64_t end);
    void opened(std::uint64_t sequence, Result<sys::FileId> file);
    void load_index(Segment& segment, sys::FileId file, sys::Done<sys::FileId> done);
    void index_read(Segment& segment, sys::FileId file, ByteView footer, sys::Done<sys::FileId> done);
    void empty(Segment& segment);
    void trim_open_files();
    void trim_indexes();

    Rim& rim_;
    std::uint64_t next_ = 1;
    std::uint64_t tick_ = 0;
    std::size_t lingering_ = 0;
    std::size_t open_files_ = 0;
    std::size_t indexes_ = 0;
    std::map<std::uint64_t, Segment> segments_;
    std::deque<Death> deaths_;
    Lsn checkpoint_;  ///< of the newest stable snapshot
};

}  // namespace fantail::storage
