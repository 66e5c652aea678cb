// SPDX-License-Identifier: Apache-2.0
//! Merges small pieces and trims old ones.
#include "broker/queue_retention.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace fantail::broker {

void QueueRetention::add(std::uint64_t end, std::uint64_t bytes, std::int64_t newest_ms) {
    bytes_ += bytes;
    if (!pieces_.empty() && pieces_.back().bytes < granule_) {
        Piece& last = pieces_.back();
        last = {end, last.bytes + bytes, std::max(last.newest_ms, newest_ms)};
        return;
    }
    pieces_.push_back({end, bytes, newest_ms});
    if (pieces_.size() > limits::retention_entries_max) halve();
}

void QueueRetention::halve() {
    std::deque<Piece> merged;
    for (std::size_t i = 0; i < pieces_.size(); i += 2) {
        Piece piece = pieces_[i];
        if (i + 1 < pieces_.size()) {
            const Piece& right = pieces_[i + 1];
            piece = {right.end, piece.bytes + right.bytes, std::max(piece.newest_ms, right.newest_ms)};
        }
        merged.push_back(piece);
    }
    pieces_ = std::move(merged);
    granule_ = std::max(granule_ * 2, bytes_ / (limits::retention_entries_max / 2));
}

std::optional<std::uint64_t> QueueRetention::trim(const Limits& limits, std::int64_t now_ms) {
    std::optional<std::uint64_t> end;
    while (pieces_.size() > 1 && pieces_.front().end <= limits.end_max) {
        const Piece& oldest = pieces_.front();
        const bool large = limits.bytes_max >= 0 && bytes_ > static_cast<std::uint64_t>(limits.bytes_max);
        const bool old = limits.age_max_ms >= 0 && oldest.newest_ms + limits.age_max_ms <= now_ms;
        if (!large && !old) break;
        end = oldest.end;
        bytes_ -= oldest.bytes;
        pieces_.pop_front();
    }
    return end;
}

void QueueRetention::forget_below(std::uint64_t offset) {
    while (!pieces_.empty() && pieces_.front().end <= offset) {
        bytes_ -= pieces_.front().bytes;
        pieces_.pop_front();
    }
}

std::optional<std::int64_t> QueueRetention::next_trim_ms(const Limits& limits) const {
    if (limits.age_max_ms < 0 || pieces_.size() < 2 || pieces_.front().end > limits.end_max) return std::nullopt;
    return pieces_.front().newest_ms + limits.age_max_ms;
}

std::uint64_t QueueRetention::seek(std::uint64_t head, std::int64_t time_ms) const {
    for (const Piece& piece : pieces_) {
        if (piece.newest_ms >= time_ms) return head;
        head = std::max(head, piece.end);
    }
    return head;
}

void QueueRetention::encode(Writer& out) const {
    out.uvarint(granule_);
    out.uvarint(pieces_.size());
    for (const Piece& piece : pieces_) {
        out.uvarint(piece.end);
        out.uvarint(piece.bytes);
        out.svarint(piece.newest_ms);
    }
}

void QueueRetention::decode(Reader& in) {
    granule_ = in.uvarint();
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        Piece piece;
        piece.end = in.uvarint();
        piece.bytes = in.uvarint();
        piece.newest_ms = in.svarint();
        bytes_ += piece.bytes;
        pieces_.push_back(piece);
    }
}

}  // namespace fantail::broker
