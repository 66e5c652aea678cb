// SPDX-License-Identifier: Apache-2.0
//! Opens a log's directory: snapshot, journal, what is there and what of it is needed.
#pragma once

#include "storage/local/journal_reader.hpp"
#include "storage/local/journal_ring.hpp"
#include "storage/local/segment_store.hpp"
#include "storage/local/stream_index.hpp"

namespace fantail::storage {

/// What recovery found besides what it put into the ring, the index and the segments.
struct Recovered {
    sys::FileId lock;
    Lsn next{1};
    std::uint32_t epoch = 1;
    std::uint64_t replay_from = 1;
    std::uint64_t replayed_bytes = 0;
    std::vector<std::string> leftovers;  ///< names of files that nothing needs
    std::vector<std::string> snapshots;  ///< names, oldest first
};

/// Blocking; used once.
class Recovery {
public:
    Recovery(Rim& rim, JournalRing& ring, StreamIndex& index, SegmentStore& segments, RecoverySink& sink)
        : rim_(rim), ring_(ring), index_(index), segments_(segments), sink_(sink), reader_(rim) {}
    /// Errors: unavailable (locked, not writable), corrupt (damaged or missing files, by name), unsupported (a newer
    /// format), io, malformed (the owner's sink refused).
    [[nodiscard]] Result<Recovered> run();

private:
    [[nodiscard]] Result<void> open_directory();
    [[nodiscard]] Result<void> load_snapshot();
    [[nodiscard]] Result<bool> try_snapshot(const std::string& name);
    [[nodiscard]] Result<void> adopt_segments(const Snapshot& snapshot);
    void adopt_segment(const SnapshotSegment& segment);
    [[nodiscard]] Result<void> find_journals();
    [[nodiscard]] Result<void> look_at_journal(const std::string& name, std::uint64_t number);
    [[nodiscard]] Result<void> check_sequence();
    [[nodiscard]] Result<void> replay();
    [[nodiscard]] Result<void> replay_file(std::size_t i);
    [[nodiscard]] Result<bool> after_last_frame(std::size_t i, std::uint64_t& position);
    struct Behind {
        std::uint64_t end;        ///< of the last whole frame
        bool say_stable = false;  ///< one of them was written when what is missing was known to be on the disk
    };
    [[nodiscard]] Result<Behind> look_behind(std::uint64_t position);
    [[nodiscard]] Result<bool> stable_by_later_file(std::size_t i);
    [[nodiscard]] Result<void> apply_frame(const FoundJournal& journal, const JournalReader::Frame& frame);
    [[nodiscard]] Result<void> apply_entry(const Entry& entry, Lsn lsn);
    [[nodiscard]] Result<void> apply_batch(const Entry& entry, Lsn lsn);
    [[nodiscard]] Result<void> apply_external(const Entry& entry, Lsn lsn);
    [[nodiscard]] Result<SegmentTrailer> read_trailer(const std::string& path, std::uint64_t length, Bytes* body);
    [[nodiscard]] Lsn cut_of(std::size_t i) const;
    [[nodiscard]] std::uint64_t scan_window() const;
    void find_leftovers();
    void tell_covered();
    /// An error, or in salvage mode a report.
    [[nodiscard]] Result<void> damaged(const std::string& what, ErrorCode code = ErrorCode::corrupt);

    Rim& rim_;
    JournalRing& ring_;
    StreamIndex& index_;
    SegmentStore& segments_;
    RecoverySink& sink_;
    JournalReader reader_;
    Recovered out_;
    std::vector<std::string> names_;
    std::optional<Snapshot> snapshot_;
    std::vector<FoundJournal> journals_;
    Lsn checkpoint_;
    Lsn expected_{1};
    std::uint32_t previous_crc_ = 0;
    bool cut_ = false;  ///< the torn tail was found: nothing after it counts
    std::vector<Target> targets_;
};

}  // namespace fantail::storage
