// SPDX-License-Identifier: Apache-2.0
//! Writes one segment file from front to back, a few large writes under way at a time.
#include "storage/local/segment_writer.hpp"

#include <algorithm>

#include "base/crc32c.hpp"

namespace fantail::storage {

namespace {
constexpr std::size_t piece_size_max = 1u << 20;
constexpr unsigned in_flight_max = 2;

SegmentWriter::Source source_of(Bytes bytes) {
    return [bytes = std::move(bytes), at = std::size_t{0}](MutableBytes out) mutable {
        const auto n = std::min(out.size(), bytes.size() - at);
        std::memcpy(out.data(), bytes.data() + at, n);
        at += n;
        return n;
    };
}
}  // namespace

std::string segment_name(std::uint64_t sequence) { return numbered_name("segment-", sequence, ".seg"); }

SegmentWriter::SegmentWriter(Rim& rim, std::uint64_t sequence, std::uint64_t size_hint)
    : rim_(rim),
      sequence_(sequence),
      piece_size_(std::clamp<std::size_t>(sys::round_up_to_block(size_hint + 2 * segment_header_size),
                                          4 * sys::block_size, piece_size_max)),
      path_(rim.path(segment_name(sequence))) {}

void SegmentWriter::create(Created done) {
    rim_.files.create(path_,
                      rim_.counted<sys::FileId>([this, done = std::move(done)](Result<sys::FileId> file) mutable {
                          if (!file) return done(std::unexpected(file.error()));
                          file_ = *file;
                          write(source_of(encode_segment_header(rim_.options.shard, sequence_)), std::move(done));
                      }));
}

void SegmentWriter::write(Source source, Created done) {
    FANTAIL_ASSERT(ended_ && in_flight_ == 0 && !done_);
    source_ = std::move(source);
    done_ = std::move(done);
    ended_ = false;
    pump();
}

void SegmentWriter::fill(sys::AlignedBuffer& piece) {
    if (!tail_.empty()) std::memcpy(piece.data(), tail_.data(), tail_.size());
    std::size_t have = tail_.size();
    const auto got = source_(piece.bytes().subspan(have));
    position_ += got;
    have += got;
    ended_ = have < piece.size();
    const std::size_t whole = have / sys::block_size * sys::block_size;
    tail_.assign(piece.data() + whole, piece.data() + have);
    if (whole > 0) send(std::move(piece), whole);
    else free_.push_back(std::move(piece));
}

void SegmentWriter::pump() {
    while (!ended_ && in_flight_ < in_flight_max && !error_) {
        if (free_.empty()) free_.emplace_back(piece_size_);
        auto piece = std::move(free_.back());
        free_.pop_back();
        fill(piece);
    }
    if (in_flight_ > 0) return;
    // Nothing had to be written (or the last write failed): complete from the loop all the same.
    if (ended_ || error_)
        rim_.files.defer(
            [this, done = rim_.counted<void>([this](Result<void>) { complete(); })]() mutable { done({}); });
}

void SegmentWriter::send(sys::AlignedBuffer piece, std::size_t length) {
    const ByteView bytes(piece.data(), length);
    ++in_flight_;
    rim_.files.write(*file_, written_, bytes,
                     rim_.counted<void>([this, piece = std::move(piece)](Result<void> r) mutable {
                         free_.push_back(std::move(piece));
                         wrote(std::move(r));
                     }));
    written_ += length;
    rim_.figures.bytes_written += length;
}

void SegmentWriter::wrote(Result<void> result) {
    --in_flight_;
    if (!result && !error_) error_ = result.error();
    if (!ended_ && !error_) return pump();
    if (in_flight_ == 0) complete();
}

void SegmentWriter::complete() {
    auto done = std::exchange(done_, {});
    ended_ = true;
    if (error_) done(std::unexpected(*error_));
    else done({});
}

void SegmentWriter::finish(Bytes footer, std::move_only_function<void(Result<Written>)> done) {
    SegmentTrailer trailer{.sequence = sequence_,
                           .footer_position = position_,
                           .footer_length = footer.size(),
                           .footer_crc = crc32c(footer)};
    const auto end = sys::round_up_to_block(position_ + footer.size() + segment_trailer_size);
    footer.resize(end - position_ - segment_trailer_size, 0);
    const auto last = encode_segment_trailer(trailer);
    footer.insert(footer.end(), last.begin(), last.end());
    write(source_of(std::move(footer)), [this, trailer, done = std::move(done)](Result<void> r) mutable {
        if (!r) return done(std::unexpected(r.error()));
        FANTAIL_ASSERT(tail_.empty());
        rim_.files.sync(*file_,
                        rim_.counted<void>([this, trailer, done = std::move(done)](Result<void> synced) mutable {
                            if (!synced) return done(std::unexpected(synced.error()));
                            done(Written{*file_, trailer});
                        }));
    });
}

void SegmentWriter::abandon() {
    if (file_) rim_.files.close(*file_);
    rim_.files.remove(path_, rim_.counted<void>([](Result<void>) {}));
}

}  // namespace fantail::storage
