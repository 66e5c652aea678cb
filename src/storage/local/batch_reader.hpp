// SPDX-License-Identifier: Apache-2.0
//! Answers reads from the journal's memory, the journal's files and the segments.
#pragma once

#include <string>
#include <unordered_set>

#include "storage/local/journal_writer.hpp"

namespace fantail::storage {

/// Every read completes from the loop, never inside read().
class BatchReader {
public:
    BatchReader(Rim& rim, JournalRing& ring, JournalWriter& writer, StreamIndex& index, SegmentStore& segments)
        : rim_(rim), ring_(ring), writer_(writer), index_(index), segments_(segments) {}
    void read(StreamId stream, std::uint64_t from, std::uint32_t bytes_max, ReadToken token);

private:
    using Batches = std::vector<StoredBatch>;
    struct JournalPiece {
        std::uint64_t base;
        std::uint32_t count;
        std::uint32_t length;
        std::uint64_t position;
    };
    struct JournalRead {
        ReadToken token;
        StreamId stream;
        std::uint32_t bytes_max = 0;
        std::uint64_t file = 0;
        std::vector<JournalPiece> pieces;  ///< at least one
    };
    struct RunRead {
        ReadToken token;
        StreamId stream;
        std::uint64_t end = 0;  ///< offset behind the run
        bool has_lost = false;  ///< something damaged was passed over (salvage)
        Segment* segment = nullptr;
        std::uint32_t run = 0;
        std::uint64_t shift = 0;  ///< added to a stored base offset
        std::uint64_t from = 0;
        std::uint64_t bytes_max = 0;
        std::uint64_t position = 0;  ///< of buffer, in the file
        std::uint64_t at = 0;        ///< of the next batch, in the file
        sys::FileId file;
        sys::AlignedBuffer buffer;
        std::size_t size = 0;  ///< bytes of it in use
        Batches out;
        std::uint64_t out_bytes = 0;
        std::shared_ptr<Bytes> large;  ///< a batch that is larger than the buffer
        std::uint64_t large_at = 0;
    };
    using RunReadPtr = std::unique_ptr<RunRead>;

    void answer_later(ReadToken token, Result<Batches> result);
    void read_memory(const StreamPlaces& places, std::size_t i, std::uint32_t bytes_max, ReadToken token);
    void read_journal(StreamId stream, const StreamPlaces& places, std::size_t i, std::uint32_t bytes_max,
                      ReadToken token);
    void journal_read(const JournalRead& read, std::uint64_t position, ByteView bytes);
    void read_run(StreamId stream, const StreamRun& run, std::uint64_t from, std::uint32_t bytes_max, ReadToken token);
    void run_opened(RunReadPtr read, Result<sys::FileId> file);
    void fetch(RunReadPtr read);
    void fetched(RunReadPtr read, Result<void> result);
    void fetch_large(RunReadPtr read);
    [[nodiscard]] Result<bool> take_batch(RunRead& read);
    [[nodiscard]] Result<bool> parse_batch(RunRead& read);
    void skip_damage(RunRead& read);
    void large_is_damaged(RunReadPtr read);
    void report(const Error& error);
    void fail_read(ReadToken token, const Error& error);
    [[nodiscard]] Result<void> add_batch(RunRead& read, SharedBytes bytes, std::uint32_t count, std::uint64_t base);
    void finish(RunReadPtr read, Result<void> result);
    [[nodiscard]] Result<SharedBytes> checked_copy(ByteView bytes, std::uint64_t base, const std::string& name,
                                                   std::uint64_t position);
    [[nodiscard]] sys::AlignedBuffer take_buffer(std::size_t size);
    void put_back(sys::AlignedBuffer buffer);

    Rim& rim_;
    JournalRing& ring_;
    JournalWriter& writer_;
    StreamIndex& index_;
    SegmentStore& segments_;
    std::vector<sys::AlignedBuffer> pool_;
    std::unordered_set<std::string> reported_;  ///< damaged places
};

}  // namespace fantail::storage
