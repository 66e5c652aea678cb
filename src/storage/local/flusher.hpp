// SPDX-License-Identifier: Apache-2.0
//! Moves what is still needed of a full journal file into a segment, sorted by stream, so that the file can be recycled.
#pragma once

#include <memory>

#include "storage/local/journal_ring.hpp"
#include "storage/local/segment_store.hpp"
#include "storage/local/stream_index.hpp"

namespace fantail::storage {

/// One file at a time, oldest first. The journal is read window by window, each window sorted by (stream, offset) and copied
/// as runs. Reads go to the journal until the whole segment is on disk; then the index changes at once.
class Flusher {
public:
    Flusher(Rim& rim, JournalRing& ring, StreamIndex& index, SegmentStore& segments)
        : rim_(rim), ring_(ring), index_(index), segments_(segments) {}

    /// Starts the next flush if one is due. `last`: the last lsn appended so far.
    void poke(Lsn last);
    [[nodiscard]] bool busy() const { return job_ != nullptr; }

private:
    struct Item {
        std::uint64_t stream;
        std::uint64_t base;
        std::uint32_t batch;
    };
    struct Run {
        std::size_t first_item;
        std::size_t end_item;
    };
    struct Job {
        std::uint64_t file = 0;
        std::uint32_t next = 0;  ///< first batch behind the window
        std::uint32_t end = 0;
        std::uint64_t window_position = 0;
        std::uint64_t window_size = 0;
        std::vector<Item> items;  ///< of the whole segment so far
        std::size_t window_items = 0;
        std::size_t copying = 0;  ///< item
        std::size_t copied = 0;   ///< bytes of it
        std::vector<RunDescription> runs;
        std::vector<Run> run_items;
        std::optional<SegmentWriter> writer;
    };
    void begin(JournalFile& file);
    void next_window();
    [[nodiscard]] std::uint64_t choose_window();
    void read_piece(std::uint64_t at);
    void window_read();
    [[nodiscard]] Result<void> check_window();
    void plan_runs();
    void extend_run(std::size_t item, std::uint64_t base);
    [[nodiscard]] bool continues_run(std::size_t item, const std::vector<Target>& targets);
    std::size_t copy(MutableBytes out);
    void copy_piece(const Item& item, MutableBytes out);
    void finish();
    void install(const SegmentWriter::Written& written);
    void install_run(Segment& segment, std::uint32_t number);
    void give_up(const Error& error);
    void file_flushed();
    void live_targets(std::uint32_t batch, std::vector<Target>& out);

    Rim& rim_;
    JournalRing& ring_;
    StreamIndex& index_;
    SegmentStore& segments_;
    Lsn last_;
    std::unique_ptr<Job> job_;
    sys::AlignedBuffer window_;  ///< what is read of the file; kept, since fresh memory costs a fault a page
};

}  // namespace fantail::storage
