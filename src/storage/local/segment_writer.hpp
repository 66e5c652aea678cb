// SPDX-License-Identifier: Apache-2.0
//! Writes one segment file from front to back, a few large writes under way at a time.
#pragma once

#include <deque>

#include "storage/local/rim.hpp"
#include "storage/local/segment_format.hpp"
#include "sys/aligned_buffer.hpp"

namespace fantail::storage {

/// Use: create(), then write() as often as there is more, then finish(); each after the one before has completed. After an
/// error the file is of no use; abandon() removes it. Memory: two pieces of 1 MiB.
class SegmentWriter {
public:
    /// Fills the bytes given from their front and says how many; fewer than asked for means there is no more for now.
    using Source = std::move_only_function<std::size_t(MutableBytes)>;
    using Created = std::move_only_function<void(Result<void>)>;
    struct Written {
        sys::FileId file;
        SegmentTrailer trailer;
    };

    SegmentWriter(Rim& rim, std::uint64_t sequence, std::uint64_t size_hint);
    void create(Created done);
    void write(Source source, Created done);
    void finish(Bytes footer, std::move_only_function<void(Result<Written>)> done);
    /// Removes what was written. The writer may go away at once. REQUIRES nothing under way.
    void abandon();
    /// Where the next byte goes.
    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t sequence() const { return sequence_; }

private:
    void pump();
    void fill(sys::AlignedBuffer& piece);
    void send(sys::AlignedBuffer piece, std::size_t length);
    void wrote(Result<void> result);
    void complete();

    Rim& rim_;
    std::uint64_t sequence_;
    std::size_t piece_size_;
    std::string path_;
    std::optional<sys::FileId> file_;
    std::uint64_t position_ = 0;  ///< bytes taken from sources
    std::uint64_t written_ = 0;   ///< bytes given to writes, whole blocks
    Bytes tail_;                  ///< bytes behind the last whole block
    Source source_;
    bool ended_ = true;
    unsigned in_flight_ = 0;
    std::optional<Error> error_;
    Created done_;
    std::vector<sys::AlignedBuffer> free_;
};

[[nodiscard]] std::string segment_name(std::uint64_t sequence);

}  // namespace fantail::storage
