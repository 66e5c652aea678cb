// SPDX-License-Identifier: Apache-2.0
//! Encoded bytes on their way to one peer, small ones gathered in chunks, large bodies referred to.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "fantail/message.hpp"

namespace fantail::patterns {

/// Chunks that are used again, so that an idle connection owns none.
class ChunkPool final {
public:
    static constexpr std::size_t chunk_size = 64u << 10;
    static constexpr std::size_t spare_max = 16;
    using Chunk = std::unique_ptr<std::uint8_t[]>;

    [[nodiscard]] Chunk take() {
        if (spare_.empty()) return std::make_unique_for_overwrite<std::uint8_t[]>(chunk_size);
        Chunk chunk = std::move(spare_.back());
        spare_.pop_back();
        return chunk;
    }
    void give(Chunk chunk) {
        if (chunk && spare_.size() < spare_max) spare_.push_back(std::move(chunk));
    }

private:
    std::vector<Chunk> spare_;
};

/// Bytes in order, to be sent with one gathered write. Hot: a small message costs two copies of its bytes' size and no
/// allocation. Counts messages so that a high-water mark can be kept; one counts as sent when its whole segment is.
class OutputQueue final {
public:
    /// Bodies of so many bytes are referred to instead of copied.
    static constexpr std::size_t refer_size_min = 8u << 10;

    explicit OutputQueue(ChunkPool& pool) : pool_(pool) {}
    OutputQueue(const OutputQueue&) = delete;
    OutputQueue& operator=(const OutputQueue&) = delete;
    ~OutputQueue() { clear(); }

    [[nodiscard]] bool empty() const { return bytes_ == 0; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t messages() const { return messages_; }

    /// Room for `size` bytes, at most a chunk, to be written and then committed. Valid until the next call.
    [[nodiscard]] std::uint8_t* room(std::size_t size) {
        if (segments_.empty() || !segments_.back().chunk || segments_.back().end + size > ChunkPool::chunk_size)
            add_chunk();
        Segment& tail = segments_.back();
        return tail.chunk.get() + tail.end;
    }
    void commit(std::size_t size) {
        segments_.back().end += size;
        bytes_ += size;
    }
    void append(ByteView bytes) {
        while (!bytes.empty()) {
            const ByteView now = bytes.first(std::min(bytes.size(), ChunkPool::chunk_size / 2));
            std::memcpy(room(now.size()), now.data(), now.size());
            commit(now.size());
            bytes = bytes.subspan(now.size());
        }
    }
    /// The body of a message's part: copied if small, else owned until sent.
    void append_body(part&& body) {
        if (body.is_inline() || body.size() < refer_size_min) return append(body.bytes());
        bytes_ += body.size();
        segments_.push_back({.chunk = nullptr, .body = std::move(body)});
        segments_.back().end = segments_.back().body.size();
    }
    /// What was appended since the last call is one message.
    void end_message() {
        ++segments_.back().messages;
        ++messages_;
    }

    /// Appends a copy of the one message in `other`; false, and nothing done, if that is more than a piece of bytes.
    [[nodiscard]] bool append_copy(const OutputQueue& other) {
        if (other.segments_.size() != 1 || !other.segments_.front().chunk) return false;
        const Segment& piece = other.segments_.front();
        const std::size_t size = piece.end - piece.begin;
        std::memcpy(room(size), piece.data() + piece.begin, size);
        commit(size);
        end_message();
        return true;
    }

    /// Views of the first bytes, at most pieces.size() of them. Returns how many pieces were written.
    [[nodiscard]] std::size_t gather(std::span<ByteView> pieces) const {
        std::size_t n = 0;
        for (const Segment& segment : segments_) {
            if (n == pieces.size()) break;
            pieces[n++] = {segment.data() + segment.begin, segment.end - segment.begin};
        }
        return n;
    }
    /// The first `size` bytes were sent.
    void consumed(std::size_t size) {
        bytes_ -= size;
        while (!segments_.empty()) {
            Segment& first = segments_.front();
            const std::size_t left = first.end - first.begin;
            if (size < left) {
                first.begin += size;
                return;
            }
            size -= left;
            messages_ -= first.messages;
            pool_.give(std::move(first.chunk));
            segments_.pop_front();
        }
    }
    void clear() {
        for (Segment& segment : segments_) pool_.give(std::move(segment.chunk));
        segments_.clear();
        bytes_ = messages_ = 0;
    }

private:
    struct Segment {
        ChunkPool::Chunk chunk;  ///< or null, then `body` has the bytes
        part body;
        std::size_t begin = 0;
        std::size_t end = 0;
        std::uint32_t messages = 0;  ///< that end in it
        [[nodiscard]] const std::uint8_t* data() const { return chunk ? chunk.get() : body.data(); }
    };
    void add_chunk() { segments_.push_back({.chunk = pool_.take()}); }

    ChunkPool& pool_;
    std::deque<Segment> segments_;
    std::uint64_t bytes_ = 0;
    std::uint64_t messages_ = 0;
};

}  // namespace fantail::patterns
