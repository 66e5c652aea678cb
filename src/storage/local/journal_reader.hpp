// SPDX-License-Identifier: Apache-2.0
//! Reads journal files at start-up: frame after frame, in large reads.
#pragma once

#include "storage/local/journal_format.hpp"
#include "storage/local/rim.hpp"
#include "sys/aligned_buffer.hpp"

namespace fantail::storage {

/// A journal file found on disk.
struct FoundJournal {
    std::string name;
    sys::FileId file;
    std::uint64_t size = 0;
    JournalHeader header;
};

/// Blocking. One buffer, used for one file after the other.
class JournalReader {
public:
    explicit JournalReader(Rim& rim) : rim_(rim) {}
    void open(const FoundJournal& journal) {
        journal_ = &journal;
        start_ = end_ = 0;
    }
    /// A frame's place in the file, and its bytes (header and payload): a view until the next call.
    struct Frame {
        std::uint64_t position = 0;
        FrameHeader header;
        ByteView bytes;
        [[nodiscard]] std::uint64_t next() const { return position + sys::round_up_to_block(bytes.size()); }
    };
    /// The frame at `position` if there is a whole one of this file; nothing if not. Errors: of reading.
    [[nodiscard]] Result<std::optional<Frame>> frame_at(std::uint64_t position);
    /// The first whole frame behind `position`, looking at most `window` bytes far, that starts at `first` or later and
    /// was written when everything up to `durable` was stable.
    [[nodiscard]] Result<std::optional<Frame>> find_behind(std::uint64_t position, std::uint64_t window, Lsn first,
                                                           Lsn durable);

private:
    [[nodiscard]] Result<ByteView> view(std::uint64_t position, std::uint64_t length);

    Rim& rim_;
    const FoundJournal* journal_ = nullptr;
    sys::AlignedBuffer buffer_;
    std::uint64_t start_ = 0;  ///< of the buffer's bytes in the file
    std::uint64_t end_ = 0;
};

}  // namespace fantail::storage
