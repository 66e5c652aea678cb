// SPDX-License-Identifier: Apache-2.0
//! What was read back of one stream: the chunk being consumed and the one behind it.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "record/stored_batch.hpp"

namespace fantail::broker {

class StreamReader;

/// Bounds what all readers of a shard hold: the least recently filled ones are emptied first.
class ReadCache {
public:
    void filled(StreamReader& reader);
    void gone(StreamReader& reader);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::list<StreamReader*> order_;
    std::uint64_t bytes_ = 0;
};

/// Two chunks of a stream at most, and at most one read under way.
class StreamReader {
public:
    explicit StreamReader(ReadCache& cache) : cache_(cache) {}
    StreamReader(const StreamReader&) = delete;
    StreamReader& operator=(const StreamReader&) = delete;
    ~StreamReader() { cache_.gone(*this); }

    /// The batch that holds `offset`, or null. Valid until the next call that is not const. Hot.
    [[nodiscard]] const StoredBatch* find(std::uint64_t offset) const;
    /// Where to read next for a consumer at `offset`, which find() may or may not have: nullopt when a read is under
    /// way, failed a moment ago, or the chunk that follows is there already.
    [[nodiscard]] std::optional<std::uint64_t> wanted(std::uint64_t offset, MonoTime now);
    void asked(std::uint64_t from, ReadToken token);
    /// Whether the answer to `token` is the one it waits for.
    [[nodiscard]] bool expects(ReadToken token) const { return under_way_ && token_ == token; }
    /// Takes the answer to the read under way.
    void answered(std::vector<StoredBatch> batches);
    /// Takes the failure of a read; the next one waits for limits::read_retry_ms.
    void failed(MonoTime now);
    [[nodiscard]] bool under_way() const { return under_way_; }
    /// Where the last read began.
    [[nodiscard]] std::uint64_t asked_from() const { return asked_from_; }
    /// When a failed read may be tried again; never() when none failed.
    [[nodiscard]] MonoTime retry_at() const { return retry_at_; }
    void clear();

private:
    friend class ReadCache;
    struct Chunk {
        std::vector<StoredBatch> batches;
        std::uint64_t bytes = 0;
        [[nodiscard]] std::uint64_t first() const { return batches.front().base.value; }
        [[nodiscard]] std::uint64_t end() const { return batches.back().base.value + batches.back().count; }
        [[nodiscard]] bool holds(std::uint64_t o) const { return !batches.empty() && first() <= o && o < end(); }
    };

    ReadCache& cache_;
    Chunk chunks_[2];  ///< [0] is consumed, [1] follows it
    mutable std::size_t hint_ = 0;
    std::uint64_t counted_ = 0;
    std::uint64_t asked_from_ = 0;
    ReadToken token_;
    std::uint64_t nothing_at_ = ~std::uint64_t{0};  ///< a read from here found nothing: not worth reading ahead
    MonoTime retry_at_ = MonoTime::never();
    bool under_way_ = false;
    bool listed_ = false;
    std::list<StreamReader*>::iterator place_;
};

}  // namespace fantail::broker
