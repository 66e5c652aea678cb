// SPDX-License-Identifier: Apache-2.0
//! The memory driver: a log that keeps everything in RAM and forgets it with the process.
#include "storage/memory/memory_log.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "record/batch.hpp"

namespace fantail::storage {

namespace {

/// Invariant: a stream's batches ascend by offset, and its first has something live.
class MemoryLog final : public ShardLog {
public:
    MemoryLog(Defer defer, LogListener& listener) : defer_(std::move(defer)), listener_(listener) {}

    Lsn append_batch(const BatchEntry& entry) override {
        FANTAIL_ASSERT(!entry.targets.empty() && entry.count > 0);
        for (const auto& t : entry.targets)
            streams_[t.stream].push_back({t.base.value, entry.count, entry.count, entry.bytes});
        return count(entry.bytes->size());
    }
    Lsn append_change(ByteView change, bool) override { return count(change.size()); }
    void submit(MonoTime) override {
        if (last_ == durable_ || turning_) return;
        turning_ = true;
        later([this] { turn(); });
    }
    MonoTime deadline() const override { return MonoTime::never(); }
    Lsn durable() const override { return durable_; }
    LogState state() const override { return LogState::ok; }
    std::uint64_t undurable_bytes() const override { return undurable_; }
    void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) override {
        later([this, token, found = find(stream, from.value, bytes_max)]() mutable {
            listener_.on_read(token, std::move(found));
        });
    }
    void release(StreamId stream, Offset first, Offset end) override;
    void forget(StreamId stream) override { streams_.erase(stream); }
    bool wants_checkpoint() const override { return false; }
    void checkpoint(Bytes) override {}
    void close(std::move_only_function<void()> done) override {
        submit({});
        later(std::move(done));
    }
    LogFigures figures() const override { return figures_; }
    void give_back_memory() override {}

private:
    struct Batch {
        std::uint64_t base;
        std::uint32_t count;
        std::uint32_t live;
        SharedBytes bytes;
    };
    using Stream = std::deque<Batch>;

    Lsn count(std::size_t bytes) {
        ++figures_.entries_appended;
        figures_.bytes_appended += bytes;
        undurable_ += bytes;
        return last_ = last_.plus(1);
    }
    void turn() {
        turning_ = false;
        durable_ = last_;
        undurable_ = 0;
        listener_.on_durable(durable_);
    }
    /// Defers what must not run once the log is gone.
    template <class F>
    void later(F fn) {
        defer_([alive = std::weak_ptr<bool>(alive_), fn = std::move(fn)]() mutable {
            if (!alive.expired()) fn();
        });
    }
    [[nodiscard]] static Stream::iterator first_after(Stream& stream, std::uint64_t from) {
        return std::ranges::partition_point(stream, [&](const Batch& b) { return b.base + b.count <= from; });
    }
    [[nodiscard]] std::vector<StoredBatch> find(StreamId stream, std::uint64_t from, std::uint32_t bytes_max);

    Defer defer_;
    LogListener& listener_;
    std::unordered_map<StreamId, Stream> streams_;
    Lsn last_;
    Lsn durable_;
    std::uint64_t undurable_ = 0;
    bool turning_ = false;
    LogFigures figures_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::vector<StoredBatch> MemoryLog::find(StreamId stream, std::uint64_t from, std::uint32_t bytes_max) {
    std::vector<StoredBatch> out;
    auto at = streams_.find(stream);
    if (at == streams_.end()) return out;
    std::uint64_t bytes = 0;
    for (auto b = first_after(at->second, from); b != at->second.end(); ++b) {
        if (b->live == 0) continue;
        if (!out.empty() && bytes + b->bytes->size() > bytes_max) break;
        bytes += b->bytes->size();
        auto copy = std::make_shared<Bytes>(to_bytes(*b->bytes));
        if (copy->size() >= record::batch_header_size) record::BatchView::set_base_offset(*copy, Offset(b->base));
        out.push_back({Offset(b->base), b->count, std::move(copy)});
    }
    return out;
}

void MemoryLog::release(StreamId stream, Offset first, Offset end) {
    auto at = streams_.find(stream);
    if (at == streams_.end()) return;
    auto& batches = at->second;
    for (auto b = first_after(batches, first.value); b != batches.end() && b->base < end.value; ++b) {
        const auto overlap = std::min(end.value, b->base + b->count) - std::max(first.value, b->base);
        b->live -= static_cast<std::uint32_t>(std::min<std::uint64_t>(b->live, overlap));
        if (b->live == 0) b->bytes = nullptr;
    }
    while (!batches.empty() && batches.front().live == 0) batches.pop_front();
    if (batches.empty()) streams_.erase(at);
}

}  // namespace

std::unique_ptr<ShardLog> make_memory_log(Defer defer, LogListener& listener) {
    return std::make_unique<MemoryLog>(std::move(defer), listener);
}

}  // namespace fantail::storage
