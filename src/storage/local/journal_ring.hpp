// SPDX-License-Identifier: Apache-2.0
//! The journal's files: one is written, one is prepared, full ones wait to be flushed and are recycled.
#pragma once

#include <deque>

#include "storage/local/journal_format.hpp"
#include "storage/local/rim.hpp"
#include "sys/aligned_buffer.hpp"

namespace fantail::storage {

/// A journal file with entries in it.
struct JournalFile {
    std::uint64_t sequence = 0;
    sys::FileId file;
    std::uint64_t size = 0;
    std::uint64_t end = journal_header_size;  ///< where the next frame goes
    std::uint32_t seed = 0;                   ///< of its frames' checksums
    Lsn last;                                 ///< of its last stable entry (or the one before its first)
    std::uint32_t batches_end = 0;            ///< number behind its last stable batch
    std::uint32_t frames_in_flight = 0;
    std::uint32_t reads = 0;
    bool full = false;     ///< nothing is added any more
    bool flushed = false;  ///< no batch in it is needed from here any more
};

/// Invariants: sequences are adjacent and ascend; all but the last file are full. Every file on disk under a journal
/// name has a good header: files are made under another name and get their header before their name.
class JournalRing {
public:
    explicit JournalRing(Rim& rim) : rim_(rim) {}

    [[nodiscard]] std::deque<JournalFile>& files() { return files_; }
    /// By sequence; REQUIRES that it is in the ring.
    [[nodiscard]] JournalFile& file(std::uint64_t sequence);
    /// The file that is written; nullptr before the first.
    [[nodiscard]] JournalFile* current() { return files_.empty() || files_.back().full ? nullptr : &files_.back(); }
    /// Whether take() may be called.
    [[nodiscard]] bool has_next() const { return next_.has_value(); }
    /// Makes the prepared file the current one. Its header must be the next write.
    JournalFile& take();
    /// Prepares the next file if there is none and the ring has room.
    /// \param must a snapshot waits for it: files that are flushed, and wait for that snapshot, do not count
    void prepare(bool must);
    /// Files before `replay_from` are no longer needed to recover: they may be used again.
    void retire(std::uint64_t replay_from);
    /// Full files whose batches still stand only here.
    [[nodiscard]] std::size_t unflushed() const;
    [[nodiscard]] std::uint64_t disk_bytes() const;
    void close_all();

    // For recovery.
    void adopt(JournalFile file) { files_.push_back(file); }
    void adopt_spare(std::string name, sys::FileId file, std::uint64_t size) {
        spares_.push_back({std::move(name), file, size});
    }
    [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
    void set_next_sequence(std::uint64_t sequence) { next_sequence_ = sequence; }

private:
    struct Spare {
        std::string name;
        sys::FileId file;
        std::uint64_t size = 0;
    };
    void recycle();
    void create();
    void write_header(Spare spare);
    void name_it(Spare spare);
    void ready(Spare spare);
    void not_ready(const Error& error);

    Rim& rim_;
    std::deque<JournalFile> files_;
    std::vector<Spare> spares_;
    std::optional<Spare> next_;
    std::uint64_t next_sequence_ = 1;
    bool preparing_ = false;
    std::uint32_t removing_ = 0;
};

[[nodiscard]] std::string journal_name(std::uint64_t sequence);
inline constexpr const char* journal_new_name = "journal.new";

}  // namespace fantail::storage
