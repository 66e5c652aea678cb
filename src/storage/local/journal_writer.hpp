// SPDX-License-Identifier: Apache-2.0
//! Gathers entries into frames, keeps several writes under way, and says what is durable.
#pragma once

#include <deque>

#include "storage/local/journal_ring.hpp"
#include "storage/local/segment_store.hpp"
#include "storage/local/stream_index.hpp"

namespace fantail::storage {

/// Invariants: frames_ are in log order: [0, submitted_) are written or being written, the last may still grow. Entries are
/// durable in order only: a frame counts when all before it are done. A batch stands in memory until its frame counts.
class JournalWriter {
public:
    JournalWriter(Rim& rim, JournalRing& ring, StreamIndex& index, SegmentStore& segments);
    /// Where the log goes on: `next` is the first lsn to give out.
    void start(Lsn next, std::uint32_t epoch);

    /// Hot: one copy of the batch into the frame.
    Lsn append_batch(const BatchEntry& entry);
    Lsn append_change(ByteView change, bool lazy);
    /// A batch that stands in a segment of its own, which is not written yet: the log waits for external_written().
    Lsn append_external(const BatchEntry& entry, Segment& segment);
    void external_written(std::uint64_t segment);

    /// Starts the writes that may start. `all`: also what would rather gather or wait.
    void pump(bool all = false);
    /// Remembers how long lazy entries have waited; called at the end of each turn.
    void turn_ended();
    /// When lazy entries must go.
    [[nodiscard]] MonoTime deadline() const;

    [[nodiscard]] Lsn durable() const { return durable_; }
    [[nodiscard]] Lsn last() const { return Lsn(next_.value - 1); }
    [[nodiscard]] std::uint64_t undurable_bytes() const { return undurable_; }
    [[nodiscard]] bool empty() const { return frames_.empty(); }
    [[nodiscard]] bool in_flight() const { return in_flight_ > 0; }
    /// Waits for a prepared file.
    [[nodiscard]] bool starved() const { return starved_; }
    /// The bytes of a batch that still stands in memory (JournalBatch::file == 0).
    [[nodiscard]] ByteView in_memory(std::uint32_t batch);
    [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
    /// Writes a frame without entries, so that the next recovery sees that all before it was stable.
    void append_seal();
    /// Frees the buffers that wait for the next frames.
    void give_back_memory() { pool_.clear(); }

private:
    struct Frame {
        sys::AlignedBuffer buffer;
        std::size_t used = frame_header_size;
        Lsn first;
        std::uint32_t entries = 0;
        std::uint32_t first_batch = 0;
        std::uint32_t batches = 0;
        std::uint64_t bytes = 0;
        std::uint32_t external_waiting = 0;
        std::vector<std::uint64_t> externals;
        bool urgent = false;
        bool closed = false;  ///< takes no more entries
        bool header = false;  ///< a file's header block, not a frame
        bool done = false;
        std::uint64_t file = 0;
        std::uint64_t position = 0;
    };
    std::uint8_t* room(std::size_t size);
    void add_frame(std::size_t size);
    Lsn count_entry(std::size_t bytes, bool urgent);
    [[nodiscard]] bool may_start(const Frame& frame, bool last, bool all) const;
    bool place(std::size_t size);
    void write_file_header();
    void seal_and_write(Frame& frame);
    void write(Frame& frame, std::size_t length);
    void wrote(std::uint64_t serial, Result<void> result);
    bool pop_done();
    void pop_frame(Frame& frame);
    void put_back(sys::AlignedBuffer buffer);
    [[nodiscard]] sys::AlignedBuffer take_buffer(std::size_t size);

    Rim& rim_;
    JournalRing& ring_;
    StreamIndex& index_;
    SegmentStore& segments_;
    std::deque<Frame> frames_;
    std::uint64_t first_serial_ = 0;  ///< of frames_.front()
    std::size_t submitted_ = 0;
    std::uint32_t in_flight_ = 0;
    Lsn next_{1};
    Lsn durable_;
    std::uint32_t epoch_ = 1;
    std::uint32_t previous_crc_ = 0;
    std::uint64_t undurable_ = 0;
    std::optional<MonoTime> lazy_since_;
    bool starved_ = false;
    std::vector<sys::AlignedBuffer> pool_;
};

}  // namespace fantail::storage
