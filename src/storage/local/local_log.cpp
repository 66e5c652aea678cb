// SPDX-License-Identifier: Apache-2.0
//! The local driver: one shard's log in a directory (docs/formats/journal.md, segment.md, snapshot.md).
#include "storage/local/local_log.hpp"

#include <algorithm>

#include "record/batch.hpp"
#include "storage/local/batch_reader.hpp"
#include "storage/local/flusher.hpp"
#include "storage/local/recovery.hpp"

namespace fantail::storage {

namespace {

constexpr std::size_t lingering_max = 16;  ///< finished segments that make a checkpoint worth it
constexpr std::size_t snapshots_kept = 2;

/// A checkpoint that is taken and not stored yet. (At namespace level: clang does not see a nested one's defaults.)
struct PendingSnapshot {
    Lsn lsn;
    std::uint64_t replay_from = 0;
    std::vector<std::uint64_t> segments;
    Bytes bytes;
};

/// Composes the parts and lets each look for work after every completion. Owns no logic of theirs.
class LocalLog final : public ShardLog {
public:
    LocalLog(LocalOptions options, sys::Files& files, LogListener& listener)
        : options_(std::move(options)),
          rim_(files, options_, listener),
          segments_(rim_),
          index_([this](std::uint32_t segment, std::uint32_t run) {
              segments_.target_died(segment, run, writer_.last());
          }),
          ring_(rim_),
          writer_(rim_, ring_, index_, segments_),
          flusher_(rim_, ring_, index_, segments_),
          reader_(rim_, ring_, writer_, index_, segments_) {}

    Result<void> open(RecoverySink& sink);

    Lsn append_batch(const BatchEntry& entry) override;
    Lsn append_change(ByteView change, bool lazy) override {
        FANTAIL_ASSERT(change.size() <= limits::change_size_max);
        return writer_.append_change(change, lazy);
    }
    void submit(MonoTime now) override {
        rim_.now = now;
        progress();
        writer_.turn_ended();
    }
    MonoTime deadline() const override { return std::min(writer_.deadline(), rim_.retry_at()); }
    Lsn durable() const override { return writer_.durable(); }
    LogState state() const override { return rim_.state(); }
    std::uint64_t undurable_bytes() const override { return writer_.undurable_bytes(); }
    void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) override {
        reader_.read(stream, from.value, bytes_max, token);
    }
    void release(StreamId stream, Offset first, Offset end) override { index_.release(stream, first.value, end.value); }
    void forget(StreamId stream) override { index_.forget(stream); }
    bool wants_checkpoint() const override;
    void checkpoint(Bytes state) override;
    void close(std::move_only_function<void()> done) override {
        closed_ = std::move(done);
        progress();
    }
    LogFigures figures() const override;
    void give_back_memory() override { writer_.give_back_memory(); }

private:
    struct External {
        BatchEntry entry;
        std::uint64_t segment;
        std::uint64_t base;
    };
    void progress();
    void write_external();
    void external_done(Result<SegmentWriter::Written> written);
    void store_snapshot();
    void snapshot_stored(const PendingSnapshot& snapshot, Result<void> result);
    [[nodiscard]] Snapshot describe() const;
    void describe_segments(Snapshot& snapshot);
    [[nodiscard]] std::uint64_t replay_from() const;
    void finish_closing();

    LocalOptions options_;
    Rim rim_;
    SegmentStore segments_;
    StreamIndex index_;
    JournalRing ring_;
    JournalWriter writer_;
    Flusher flusher_;
    BatchReader reader_;
    sys::FileId lock_;
    bool working_ = false;

    std::deque<External> externals_;
    std::optional<SegmentWriter> external_writer_;

    std::optional<PendingSnapshot> pending_;
    bool storing_ = false;
    std::uint64_t stable_replay_from_ = 1;
    std::uint64_t bytes_at_checkpoint_ = 0;
    std::vector<std::string> snapshots_;

    std::move_only_function<void()> closed_;
    bool sealed_ = false;
};

Result<void> LocalLog::open(RecoverySink& sink) {
    Recovery recovery(rim_, ring_, index_, segments_, sink);
    FANTAIL_TRY(auto found, recovery.run());
    lock_ = found.lock;
    writer_.start(found.next, found.epoch);
    stable_replay_from_ = found.replay_from;
    snapshots_ = std::move(found.snapshots);
    // What was replayed counts as written since the last checkpoint (wraps to a difference).
    bytes_at_checkpoint_ = 0 - found.replayed_bytes;
    for (const auto& name : found.leftovers)
        rim_.files.remove(rim_.path(name), rim_.counted<void>([](Result<void>) {}));
    rim_.progress = [this] { progress(); };
    progress();
    return {};
}

void LocalLog::progress() {
    if (working_) return;
    working_ = true;
    segments_.reclaim(writer_.durable());
    ring_.retire(stable_replay_from_);
    write_external();
    writer_.pump(closed_ != nullptr);
    // A snapshot frees journal files once everything before it is durable; if that needs one more file, it gets it.
    const bool snapshot_waits = pending_ && pending_->lsn > writer_.durable();
    ring_.prepare(snapshot_waits && writer_.starved());
    flusher_.poke(writer_.last());
    store_snapshot();
    working_ = false;
    if (closed_) finish_closing();
}

Lsn LocalLog::append_batch(const BatchEntry& entry) {
    const auto& bytes = *entry.bytes;
    FANTAIL_ASSERT(bytes.size() >= record::batch_header_size && !entry.targets.empty());
    FANTAIL_ASSERT(load_be<std::uint32_t>(bytes.data() + record::batch_at::batch_length) +
                       record::batch_length_excluded ==
                   bytes.size());
    FANTAIL_ASSERT(load_be<std::uint32_t>(bytes.data() + record::batch_at::last_offset_delta) + 1 == entry.count);
    if (bytes.size() <= options_.external_size_min) return writer_.append_batch(entry);
    auto& segment = segments_.add(segments_.take_sequence());
    segment.body = entry.bytes;
    segment.lsn = writer_.last().plus(1);
    segment.live_runs = 1;
    segment.runs = {{.position = segment_header_size,
                     .length = bytes.size(),
                     .first_base = entry.targets[0].base.value,
                     .live_targets = static_cast<std::uint32_t>(entry.targets.size()),
                     .transient = entry.transient}};
    for (const auto& t : entry.targets)
        index_.add_run(t.stream, {.base = t.base.value,
                                  .end = t.base.value + entry.count,
                                  .live = entry.count,
                                  .segment = static_cast<std::uint32_t>(segment.sequence),
                                  .run = 0});
    externals_.push_back({.entry = entry, .segment = segment.sequence, .base = entry.targets[0].base.value});
    externals_.back().entry.targets = {};
    return writer_.append_external(entry, segment);
}

void LocalLog::write_external() {
    if (externals_.empty() || external_writer_ || !rim_.may_allocate()) return;
    const auto& next = externals_.front();
    external_writer_.emplace(rim_, next.segment, next.entry.bytes->size());
    external_writer_->create([this](Result<void> created) {
        if (!created) return external_done(std::unexpected(created.error()));
        auto source = [bytes = externals_.front().entry.bytes, base = externals_.front().base,
                       at = std::size_t{0}](MutableBytes out) mutable {
            const auto n = std::min(out.size(), bytes->size() - at);
            std::memcpy(out.data(), bytes->data() + at, n);
            if (at == 0) store_be(out.data() + record::batch_at::base_offset, base);
            at += n;
            return n;
        };
        external_writer_->write(std::move(source), [this](Result<void> wrote) {
            if (!wrote) return external_done(std::unexpected(wrote.error()));
            const auto& e = externals_.front().entry;
            const RunDescription run{.position = segment_header_size,
                                     .length = e.bytes->size(),
                                     .transient = e.transient,
                                     .span = e.count,
                                     .index = {{0, 0}}};
            external_writer_->finish(encode_segment_footer({run}), [this](Result<SegmentWriter::Written> written) {
                external_done(std::move(written));
            });
        });
    });
}

void LocalLog::external_done(Result<SegmentWriter::Written> written) {
    if (!written) {
        external_writer_->abandon();
        external_writer_.reset();
        return rim_.allocation_failed(written.error());
    }
    external_writer_.reset();
    const auto sequence = externals_.front().segment;
    externals_.pop_front();
    segments_.written(*segments_.find(static_cast<std::uint32_t>(sequence)), *written);
    writer_.external_written(sequence);
    rim_.allocation_succeeded();
}

std::uint64_t LocalLog::replay_from() const {
    for (const auto& file : const_cast<JournalRing&>(ring_).files())
        if (!file.flushed) return file.sequence;
    return ring_.next_sequence();
}

bool LocalLog::wants_checkpoint() const {
    if (pending_ || closed_ || rim_.state() == LogState::failed) return false;
    return replay_from() > stable_replay_from_ ||
           rim_.figures.bytes_appended - bytes_at_checkpoint_ >= options_.replay_bytes_max ||
           segments_.lingering() >= lingering_max;
}

Snapshot LocalLog::describe() const {
    Snapshot s{.shard = options_.shard,
               .epoch = writer_.epoch(),
               .lsn = writer_.last(),
               .replay_from = replay_from(),
               .next_segment = segments_.next_sequence()};
    s.has_journal = s.replay_from < ring_.next_sequence();
    return s;
}

void LocalLog::describe_segments(Snapshot& snapshot) {
    struct Part {
        std::uint32_t segment, run;
        Target target;
        std::uint64_t span;
    };
    std::vector<Part> parts;
    for (auto& [stream, places] : index_.streams())
        for (const auto& r : places.runs) parts.push_back({r.segment, r.run, {stream, Offset(r.base)}, r.end - r.base});
    std::ranges::sort(
        parts, [](const Part& a, const Part& b) { return std::tie(a.segment, a.run) < std::tie(b.segment, b.run); });
    for (const auto& p : parts) {
        const auto& segment = *segments_.find(p.segment);
        const auto& run = segment.runs[p.run];
        // What recovery finds by replaying the journal is not listed: it would be there twice.
        if (segment.source >= snapshot.replay_from || run.transient) continue;
        if (snapshot.segments.empty() || snapshot.segments.back().sequence != segment.sequence)
            snapshot.segments.push_back(
                {.sequence = segment.sequence, .source = segment.source, .trailer = segment.trailer});
        auto& runs = snapshot.segments.back().runs;
        if (runs.empty() || runs.back().number != p.run)
            runs.push_back({.number = p.run,
                            .position = run.position,
                            .length = run.length,
                            .span = p.span,
                            .first_base = run.first_base});
        runs.back().targets.push_back(p.target);
    }
}

void LocalLog::checkpoint(Bytes state) {
    if (storing_) return;  // the one under way is as good; wants_checkpoint() says when the next is due
    auto snapshot = describe();
    describe_segments(snapshot);
    pending_.emplace();
    pending_->lsn = snapshot.lsn;
    pending_->replay_from = snapshot.replay_from;
    for (const auto& s : snapshot.segments) pending_->segments.push_back(s.sequence);
    pending_->bytes = encode_snapshot(snapshot, state);
    bytes_at_checkpoint_ = rim_.figures.bytes_appended;
}

void LocalLog::store_snapshot() {
    if (!pending_ || storing_ || pending_->lsn > writer_.durable() || !rim_.may_allocate()) return;
    storing_ = true;
    const auto path = rim_.path(numbered_name("snapshot-", pending_->lsn.value, ".snap"));
    rim_.files.replace(path, pending_->bytes, rim_.counted<void>([this](Result<void> r) {
        storing_ = false;
        if (!r) return rim_.allocation_failed(r.error());
        auto stored = std::move(*pending_);
        pending_.reset();
        snapshot_stored(stored, std::move(r));
    }));
}

void LocalLog::snapshot_stored(const PendingSnapshot& snapshot, Result<void>) {
    rim_.allocation_succeeded();
    stable_replay_from_ = snapshot.replay_from;
    segments_.snapshot_stored(snapshot.lsn, snapshot.segments, snapshot.replay_from);
    const auto name = numbered_name("snapshot-", snapshot.lsn.value, ".snap");
    if (snapshots_.empty() || snapshots_.back() != name) snapshots_.push_back(name);
    while (snapshots_.size() > snapshots_kept) {
        rim_.files.remove(rim_.path(snapshots_.front()), rim_.counted<void>([](Result<void>) {}));
        snapshots_.erase(snapshots_.begin());
    }
}

void LocalLog::finish_closing() {
    if (!rim_.failed()) {
        if (!rim_.idle()) return;
        const bool stuck = rim_.state() == LogState::no_space && (!writer_.empty() || pending_);
        if (stuck) rim_.fail({ErrorCode::no_space, options_.directory + ": closed while the disk was full"});
        else if (!writer_.empty() || pending_) return;
        else if (!sealed_ && ring_.current() != nullptr) {
            sealed_ = true;
            writer_.append_seal();
            return progress();
        }
    }
    if (!rim_.idle()) return;
    ring_.close_all();
    segments_.close_all();
    rim_.files.close(lock_);
    rim_.progress = nullptr;
    rim_.files.defer(std::exchange(closed_, {}));
}

LogFigures LocalLog::figures() const {
    auto f = rim_.figures;
    f.journal_bytes = ring_.disk_bytes();
    f.segment_bytes = segments_.disk_bytes();
    f.segments = const_cast<SegmentStore&>(segments_).all().size();
    return f;
}

}  // namespace

Result<std::unique_ptr<ShardLog>> open_local_log(LocalOptions options, sys::Files& files, LogListener& listener,
                                                 RecoverySink& sink) {
    FANTAIL_ASSERT(options.journal_file_size % (64u << 10) == 0 && options.journal_file_size <= (2ull << 30));
    FANTAIL_ASSERT(options.journal_files_max >= 4 && options.external_size_min <= options.journal_file_size / 8);
    FANTAIL_ASSERT(options.frame_size_max + sys::block_size * 2 <= options.journal_file_size / 4);
    auto log = std::make_unique<LocalLog>(std::move(options), files, listener);
    FANTAIL_CHECK(log->open(sink));
    return log;
}

}  // namespace fantail::storage
