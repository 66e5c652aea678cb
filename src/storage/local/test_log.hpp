// SPDX-License-Identifier: Apache-2.0
//! For this folder's tests: an owner of a log that remembers what it was told, and batches that can be recognised.
#pragma once

#include <map>
#include <set>

#include "base/crc32c.hpp"
#include "record/batch.hpp"
#include "storage/local/local_log.hpp"
#include "storage/simulated/simulated_files.hpp"

namespace fantail::storage {

/// A valid batch of `count` records and about `size` bytes whose contents follow from `id`.
inline SharedBytes test_batch(std::uint64_t id, std::uint32_t count, std::size_t size) {
    auto bytes = std::make_shared<Bytes>(
        std::max(size, record::batch_header_size + 8 + count * record::record_size_min), std::uint8_t{0});
    auto* p = bytes->data();
    store_be(p + record::batch_at::batch_length,
             static_cast<std::uint32_t>(bytes->size() - record::batch_length_excluded));
    p[record::batch_at::magic] = record::batch_magic;
    store_be(p + record::batch_at::last_offset_delta, count - 1);
    store_be(p + record::batch_at::record_count, count);
    std::uint64_t x = id * 0x9E3779B97F4A7C15ull + 1;
    for (std::size_t i = record::batch_header_size; i < bytes->size(); ++i) {
        if (i % 8 == 0) x = x * 6364136223846793005ull + 1442695040888963407ull;
        p[i] = static_cast<std::uint8_t>(x >> (i % 8 * 8));
    }
    store_be(p + record::batch_at::records, id);
    store_be(p + record::batch_at::crc, crc32c(ByteView(*bytes).subspan(record::batch_at::attributes)));
    return bytes;
}
inline std::uint64_t batch_id(ByteView batch) {
    return load_be<std::uint64_t>(batch.data() + record::batch_at::records);
}
inline bool batch_is_whole(ByteView batch) {
    auto view = record::BatchView::parse(batch);
    return view && view->total_size() == batch.size() && view->verify_crc();
}

/// The state that a shard would have, as far as a log sees it.
struct OwnerState {
    struct Batch {
        std::uint32_t count = 0;
        std::uint64_t id = 0;
        auto operator<=>(const Batch&) const = default;
    };
    struct Stream {
        std::map<std::uint64_t, Batch> batches;  ///< by base
        std::set<std::uint64_t> live;
        std::uint64_t next = 0;
        bool operator==(const Stream&) const = default;
    };
    std::map<std::uint64_t, Stream> streams;

    void append(std::span<const Target> targets, std::uint32_t count, std::uint64_t id) {
        for (const auto& t : targets) {
            auto& s = streams[t.stream.value];
            s.batches[t.base.value] = {count, id};
            for (std::uint32_t i = 0; i < count; ++i) s.live.insert(t.base.value + i);
            s.next = t.base.value + count;
        }
    }
    void settle(std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
        auto& s = streams[stream];
        s.live.erase(s.live.lower_bound(first), s.live.lower_bound(end));
    }
    [[nodiscard]] Bytes encode() const {
        Bytes out;
        Writer w(out);
        w.uvarint(streams.size());
        for (const auto& [id, s] : streams) {
            w.u64(id);
            w.u64(s.next);
            w.uvarint(s.batches.size());
            for (const auto& [base, b] : s.batches) {
                w.u64(base);
                w.u32(b.count);
                w.u64(b.id);
            }
            w.uvarint(s.live.size());
            for (auto o : s.live) w.u64(o);
        }
        return out;
    }
    void decode(ByteView bytes) {
        Reader in(bytes);
        streams.clear();
        for (auto n = in.uvarint(); n > 0; --n) {
            auto& s = streams[in.u64()];
            s.next = in.u64();
            for (auto b = in.uvarint(); b > 0; --b) {
                const auto base = in.u64();
                const auto count = in.u32();
                s.batches[base] = {count, in.u64()};
            }
            for (auto l = in.uvarint(); l > 0; --l) s.live.insert(in.u64());
        }
    }
};

inline Bytes settle_change(std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
    Bytes out;
    Writer w(out);
    w.u64(stream);
    w.u64(first);
    w.u64(end);
    return out;
}

/// Listener, sink and driver of one log on one simulated disk.
class TestOwner final : public LogListener, public RecoverySink {
public:
    explicit TestOwner(SimulatedFiles& disk) : disk_(disk) {}

    [[nodiscard]] Result<void> open(LocalOptions options) {
        options.report = [this](const std::string& line) { reports.push_back(line); };
        FANTAIL_TRY(log, open_local_log(std::move(options), disk_, *this, *this));
        durable = log->durable();
        return {};
    }
    Lsn append(std::uint64_t stream, std::uint32_t count, std::size_t size, bool transient = false) {
        return append_to({{StreamId(stream)}}, count, size, transient);
    }
    Lsn append_to(std::vector<StreamId> streams, std::uint32_t count, std::size_t size, bool transient = false) {
        std::vector<Target> targets;
        for (auto s : streams) targets.push_back({s, Offset(state.streams[s.value].next)});
        const auto id = ++next_id;
        state.append(targets, count, id);
        return log->append_batch(
            {.targets = targets, .count = count, .bytes = test_batch(id, count, size), .transient = transient});
    }
    Lsn settle(std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
        const auto lsn = log->append_change(settle_change(stream, first, end), true);
        state.settle(stream, first, end);
        log->release(StreamId(stream), Offset(first), Offset(end));
        return lsn;
    }
    /// One turn: submit, and a checkpoint if wanted.
    void turn(std::int64_t ms = 0) {
        now = now.plus_ms(ms);
        log->submit(now);
        if (auto_checkpoint && log->wants_checkpoint()) log->checkpoint(state.encode());
    }
    /// Turns until nothing moves and all lazy entries are written.
    void settle_down() {
        for (int i = 0; i < 100000; ++i) {
            turn();
            if (disk_.step()) continue;
            if (log->deadline() == MonoTime::never()) return;
            turn(20);
        }
    }
    [[nodiscard]] std::vector<StoredBatch> read(std::uint64_t stream, std::uint64_t from,
                                                std::uint32_t bytes_max = 64 << 10) {
        const ReadToken token(++next_token);
        log->read(StreamId(stream), Offset(from), bytes_max, token);
        while (!answers.contains(token.value) && disk_.step()) {}
        auto node = answers.extract(token.value);
        if (node.empty()) return {};
        read_error = node.mapped() ? std::nullopt : std::optional(node.mapped().error());
        return node.mapped() ? std::move(*node.mapped()) : std::vector<StoredBatch>{};
    }
    void close() {
        bool done = false;
        log->close([&] { done = true; });
        while (!done && disk_.step()) {}
        closed = done;
        log.reset();
    }

    void on_durable(Lsn lsn) override {
        went_back |= lsn <= durable;
        durable = lsn;
    }
    void on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) override {
        answers.emplace(token.value, std::move(batches));
    }
    void on_state(LogState s, const Error& reason) override {
        states.push_back(s);
        last_error = reason;
    }
    Result<void> on_snapshot(ByteView bytes) override {
        state.decode(bytes);
        return {};
    }
    Result<void> on_batch(std::span<const Target> targets, std::uint32_t count, ByteView batch) override {
        broken |= !batch_is_whole(batch);
        state.append(targets, count, batch_id(batch));
        next_id = std::max(next_id, batch_id(batch));
        return {};
    }
    Result<void> on_change(ByteView change) override {
        Reader in(change);
        const auto stream = in.u64(), first = in.u64();
        state.settle(stream, first, in.u64());
        return {};
    }
    void on_covered(StreamId stream, Offset first, Offset end) override {
        covered[stream.value].emplace_back(first.value, end.value);
    }
    std::uint64_t live(StreamId stream, Offset first, Offset end) override {
        auto at = state.streams.find(stream.value);
        if (at == state.streams.end()) return 0;
        auto& l = at->second.live;
        return static_cast<std::uint64_t>(std::distance(l.lower_bound(first.value), l.lower_bound(end.value)));
    }

    std::unique_ptr<ShardLog> log;
    OwnerState state;
    std::map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::uint64_t>>> covered;
    std::map<std::uint64_t, Result<std::vector<StoredBatch>>> answers;
    std::vector<std::string> reports;
    std::vector<LogState> states;
    Error last_error;
    std::optional<Error> read_error;
    Lsn durable;
    MonoTime now{1};
    std::uint64_t next_id = 0;
    std::uint64_t next_token = 0;
    bool auto_checkpoint = true;
    bool went_back = false;
    bool broken = false;
    bool closed = false;

private:
    SimulatedFiles& disk_;
};

/// Small enough that files turn over after a few batches.
inline LocalOptions small_options() {
    LocalOptions o;
    o.directory = "/data/shard-0";
    o.nonce = 42;
    o.journal_file_size = 256 << 10;
    o.frame_size_max = 16 << 10;
    o.external_size_min = 12 << 10;
    o.gather_step = 4 << 10;
    o.flush_window = 64 << 10;
    o.run_size_max = 16 << 10;
    o.index_interval = 2 << 10;
    o.punch_size_min = 8 << 10;
    o.segments_open_max = 3;
    o.indexes_max = 2;
    o.replay_bytes_max = 512 << 10;
    return o;
}

}  // namespace fantail::storage
