// SPDX-License-Identifier: Apache-2.0
//! Holds what was read and says what to read next.
#include "broker/stream_reader.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace fantail::broker {

void ReadCache::filled(StreamReader& reader) {
    gone(reader);
    reader.counted_ = reader.chunks_[0].bytes + reader.chunks_[1].bytes;
    bytes_ += reader.counted_;
    order_.push_back(&reader);
    reader.place_ = std::prev(order_.end());
    reader.listed_ = true;
    while (bytes_ > limits::read_cache_bytes_max && order_.front() != &reader) order_.front()->clear();
}

void ReadCache::gone(StreamReader& reader) {
    if (!reader.listed_) return;
    order_.erase(reader.place_);
    reader.listed_ = false;
    bytes_ -= reader.counted_;
    reader.counted_ = 0;
}

const StoredBatch* StreamReader::find(std::uint64_t offset) const {
    for (const Chunk& chunk : chunks_) {
        if (!chunk.holds(offset)) continue;
        const auto& all = chunk.batches;
        if (hint_ >= all.size() || all[hint_].base.value > offset ||
            all[hint_].base.value + all[hint_].count <= offset) {
            const auto behind = std::partition_point(all.begin(), all.end(),
                                                     [&](const StoredBatch& b) { return b.base.value <= offset; });
            hint_ = static_cast<std::size_t>(behind - all.begin()) - 1;
        }
        const StoredBatch& batch = all[hint_];
        return offset < batch.base.value + batch.count ? &batch : nullptr;
    }
    return nullptr;
}

std::optional<std::uint64_t> StreamReader::wanted(std::uint64_t offset, MonoTime now) {
    if (under_way_ || (retry_at_ != MonoTime::never() && now < retry_at_)) return std::nullopt;
    if (chunks_[0].holds(offset) && find(offset) != nullptr) {
        if (!chunks_[1].batches.empty() || chunks_[0].end() == nothing_at_) return std::nullopt;
        return chunks_[0].end();
    }
    if (chunks_[1].holds(offset) && find(offset) != nullptr) {
        chunks_[0] = std::move(chunks_[1]);
        chunks_[1] = {};
        cache_.filled(*this);
        return chunks_[0].end();
    }
    clear();
    return offset;
}

void StreamReader::asked(std::uint64_t from, ReadToken token) {
    token_ = token;
    asked_from_ = from;
    under_way_ = true;
}

void StreamReader::answered(std::vector<StoredBatch> batches) {
    under_way_ = false;
    retry_at_ = MonoTime::never();
    if (batches.empty()) {
        nothing_at_ = asked_from_;
        return;
    }
    Chunk chunk{std::move(batches), 0};
    for (const StoredBatch& b : chunk.batches) chunk.bytes += b.bytes->size();
    chunks_[chunks_[0].batches.empty() ? 0 : 1] = std::move(chunk);
    cache_.filled(*this);
}

void StreamReader::failed(MonoTime now) {
    under_way_ = false;
    retry_at_ = now.plus_ms(limits::read_retry_ms);
}

void StreamReader::clear() {
    chunks_[0] = {};
    chunks_[1] = {};
    nothing_at_ = ~std::uint64_t{0};
    cache_.gone(*this);
}

}  // namespace fantail::broker
