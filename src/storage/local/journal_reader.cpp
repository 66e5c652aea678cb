// SPDX-License-Identifier: Apache-2.0
//! Reads journal files at start-up: frame after frame, in large reads.
#include "storage/local/journal_reader.hpp"

#include <algorithm>

namespace fantail::storage {

namespace {
constexpr std::uint64_t read_size = 2u << 20;
}

Result<ByteView> JournalReader::view(std::uint64_t position, std::uint64_t length) {
    if (position >= start_ && position + length <= end_)
        return ByteView(buffer_.bytes()).subspan(position - start_, length);
    const auto start = position / sys::block_size * sys::block_size;
    const auto wanted =
        std::min(journal_->size, std::max(sys::round_up_to_block(position + length), start + read_size));
    std::uint64_t kept = 0;
    sys::AlignedBuffer larger;
    auto& target = buffer_.size() < wanted - start ? larger : buffer_;
    if (buffer_.size() < wanted - start) larger = sys::AlignedBuffer(std::max(wanted - start, read_size));
    if (start >= start_ && start < end_) {
        kept = end_ - start;
        std::memmove(target.data(), buffer_.data() + (start - start_), kept);
    }
    if (&target == &larger) buffer_ = std::move(larger);
    start_ = start;
    end_ = wanted;
    if (auto r = rim_.files.read_at(journal_->file, start + kept, buffer_.bytes().subspan(kept, wanted - start - kept));
        !r) {
        start_ = end_ = 0;
        return std::unexpected(r.error());
    }
    return ByteView(buffer_.bytes()).subspan(position - start_, length);
}

Result<std::optional<JournalReader::Frame>> JournalReader::frame_at(std::uint64_t position) {
    if (position + sys::block_size > journal_->size) return std::nullopt;
    FANTAIL_TRY(auto head, view(position, frame_header_size));
    auto header = decode_frame_header(head);
    if (!header || header->epoch != journal_->header.epoch) return std::nullopt;
    const auto length = frame_header_size + std::uint64_t{header->payload_length};
    if (position + length > journal_->size) return std::nullopt;
    FANTAIL_TRY(auto bytes, view(position, length));
    if (!frame_is_whole(bytes, journal_->header.crc)) return std::nullopt;
    return Frame{position, *header, bytes};
}

Result<std::optional<JournalReader::Frame>> JournalReader::find_behind(std::uint64_t position, std::uint64_t window,
                                                                       Lsn first, Lsn durable) {
    const auto end = std::min(journal_->size, position + window);
    for (auto at = position + sys::block_size; at + sys::block_size <= end; at += sys::block_size) {
        FANTAIL_TRY(auto head, view(at, frame_header_size));
        auto header = decode_frame_header(head);
        if (!header || header->epoch != journal_->header.epoch || header->first < first || header->durable < durable)
            continue;
        FANTAIL_TRY(auto frame, frame_at(at));
        if (frame) return frame;
    }
    return std::nullopt;
}

}  // namespace fantail::storage
