// SPDX-License-Identifier: Apache-2.0
//! Moves what is still needed of a full journal file into a segment, sorted by stream, so that the file can be recycled.
#include "storage/local/flusher.hpp"

#include <algorithm>
#include <tuple>

#include "record/batch.hpp"

namespace fantail::storage {

namespace {
/// One full file may wait: what is settled meanwhile is never written again.
constexpr std::size_t unflushed_before_flush = 1;
/// Bytes read at a time: to start a direct read of all of a window would hold up the turn for milliseconds.
constexpr std::uint64_t read_piece_size = 1u << 20;
}  // namespace

void Flusher::poke(Lsn last) {
    last_ = last;
    while (!busy() && !rim_.failed()) {
        auto file = std::ranges::find_if(ring_.files(), [](const JournalFile& f) { return !f.flushed; });
        if (file == ring_.files().end() || !file->full || file->frames_in_flight > 0) return;
        const bool dead = index_.live_batches(static_cast<std::uint32_t>(file->sequence)) == 0;
        if (!dead && (ring_.unflushed() < unflushed_before_flush || !rim_.may_allocate())) return;
        begin(*file);
    }
}

void Flusher::begin(JournalFile& file) {
    job_ = std::make_unique<Job>();
    job_->file = file.sequence;
    job_->next = index_.first_batch();
    job_->end = file.batches_end;
    if (index_.live_batches(static_cast<std::uint32_t>(file.sequence)) == 0) return file_flushed();
    job_->writer.emplace(rim_, segments_.take_sequence(), file.size);
    job_->writer->create([this](Result<void> r) { r ? next_window() : give_up(r.error()); });
}

std::uint64_t Flusher::choose_window() {
    auto& job = *job_;
    std::uint64_t first = 0, end = 0;
    job.window_items = job.items.size();
    for (; job.next != job.end; ++job.next) {
        const auto& b = index_.batch(job.next);
        if (b.live == 0) continue;
        const std::uint64_t batch_end = std::uint64_t{b.position} + b.length;
        if (end == 0) first = b.position / sys::block_size * sys::block_size;
        else if (batch_end - first > rim_.options.flush_window) break;
        end = batch_end;
        job.items.push_back({.stream = 0, .base = 0, .batch = job.next});
    }
    job.window_position = first;
    return end == 0 ? 0 : sys::round_up_to_block(end) - first;
}

void Flusher::next_window() {
    auto& job = *job_;
    const auto size = choose_window();
    if (size == 0) return finish();
    if (window_.size() < size) window_ = sys::AlignedBuffer(std::max<std::uint64_t>(size, rim_.options.flush_window));
    job.window_size = size;
    read_piece(0);
}

void Flusher::read_piece(std::uint64_t at) {
    auto& job = *job_;
    if (at == job.window_size) return window_read();
    const auto size = std::min(job.window_size - at, read_piece_size);
    rim_.files.read(
        ring_.file(job.file).file, job.window_position + at, window_.bytes().subspan(at, size),
        rim_.counted<void>([this, next = at + size](Result<void> r) { r ? read_piece(next) : give_up(r.error()); }));
}

void Flusher::live_targets(std::uint32_t batch, std::vector<Target>& out) {
    out.clear();
    index_.each_stream(batch, [&](StreamId stream) {
        const auto* e = index_.find_entry(stream, batch);
        if (e != nullptr && e->live > 0) out.push_back({stream, Offset(e->base)});
    });
}

Result<void> Flusher::check_window() {
    auto& job = *job_;
    for (auto i = job.window_items; i < job.items.size(); ++i) {
        const auto& b = index_.batch(job.items[i].batch);
        const auto bytes = ByteView(window_.bytes()).subspan(b.position - job.window_position, b.length);
        auto view = record::BatchView::parse(bytes);
        if (!view || view->total_size() != b.length || !view->verify_crc())
            return fail(ErrorCode::corrupt, rim_.path(journal_name(job.file)) + ": batch at " +
                                                std::to_string(b.position) + " fails its checksum");
    }
    return {};
}

void Flusher::window_read() {
    if (auto whole = check_window(); !whole) return give_up(whole.error());
    plan_runs();
    auto& job = *job_;
    job.copying = job.window_items;
    job.copied = 0;
    job.writer->write([this](MutableBytes out) { return copy(out); },
                      [this](Result<void> r) { r ? next_window() : give_up(r.error()); });
}

void Flusher::plan_runs() {
    auto& job = *job_;
    std::vector<Target> targets;
    auto kept = job.window_items;
    for (auto i = job.window_items; i < job.items.size(); ++i) {
        live_targets(job.items[i].batch, targets);
        if (targets.empty()) continue;  // died while it was read
        job.items[kept++] = {targets[0].stream.value, targets[0].base.value, job.items[i].batch};
    }
    job.items.resize(kept);
    std::sort(job.items.begin() + static_cast<std::ptrdiff_t>(job.window_items), job.items.end(),
              [](const Item& a, const Item& b) { return std::tie(a.stream, a.base) < std::tie(b.stream, b.base); });
    std::uint64_t position = job.writer->position();
    for (auto i = job.window_items; i < job.items.size(); ++i) {
        live_targets(job.items[i].batch, targets);
        const bool fresh = i == job.window_items || !continues_run(i, targets);
        if (fresh) {
            job.runs.push_back({.position = position,
                                .transient = index_.batch(job.items[i].batch).transient,
                                .targets = targets,
                                .index = {{0, 0}}});
            job.run_items.push_back({i, i});
        }
        extend_run(i, targets[0].base.value);
        position += index_.batch(job.items[i].batch).length;
    }
}

bool Flusher::continues_run(std::size_t i, const std::vector<Target>& targets) {
    const auto& run = job_->runs.back();
    const auto& b = index_.batch(job_->items[i].batch);
    if (run.length + b.length > rim_.options.run_size_max || run.transient != b.transient ||
        run.targets.size() != targets.size())
        return false;
    const auto delta = targets[0].base.value - run.targets[0].base.value;
    for (std::size_t t = 0; t < targets.size(); ++t)
        if (targets[t].stream != run.targets[t].stream || targets[t].base.value - run.targets[t].base.value != delta)
            return false;
    if (delta == run.span) return true;
    if (targets.size() > 1) return false;
    // A gap is fine where everything in it is dead: the entry before this one that lives is the run's last.
    const auto* last = index_.find_entry(targets[0].stream, job_->items[i - 1].batch);
    const auto* here = index_.find_entry(targets[0].stream, job_->items[i].batch);
    if (last == nullptr || here == nullptr) return false;
    const auto* places = index_.find(targets[0].stream);
    if (places->runs.size() > 0 && places->runs[places->runs.size() - 1].end > run.targets[0].base.value) return false;
    return std::all_of(last + 1, here, [](const StreamEntry& e) { return e.live == 0; });
}

void Flusher::extend_run(std::size_t i, std::uint64_t base) {
    auto& run = job_->runs.back();
    const auto& b = index_.batch(job_->items[i].batch);
    const auto delta = base - run.targets[0].base.value;
    if (run.length - run.index.back().position >= rim_.options.index_interval) run.index.push_back({delta, run.length});
    run.length += b.length;
    run.span = delta + b.count;
    job_->run_items.back().end_item = i + 1;
}

std::size_t Flusher::copy(MutableBytes out) {
    auto& job = *job_;
    std::size_t done = 0;
    while (done < out.size() && job.copying < job.items.size()) {
        const auto& item = job.items[job.copying];
        const auto n = std::min<std::size_t>(index_.batch(item.batch).length - job.copied, out.size() - done);
        copy_piece(item, out.subspan(done, n));
        done += n;
        job.copied += n;
        if (job.copied == index_.batch(item.batch).length) {
            ++job.copying;
            job.copied = 0;
        }
    }
    return done;
}

void Flusher::copy_piece(const Item& item, MutableBytes out) {
    auto& job = *job_;
    const auto& b = index_.batch(item.batch);
    auto* batch = window_.data() + (b.position - job.window_position);
    if (job.copied == 0) store_be(batch + record::batch_at::base_offset, item.base);
    std::memcpy(out.data(), batch + job.copied, out.size());
}

void Flusher::finish() {
    if (job_->items.empty()) {  // all of it died meanwhile
        job_->writer->abandon();
        return file_flushed();
    }
    job_->writer->finish(encode_segment_footer(job_->runs),
                         [this](Result<SegmentWriter::Written> r) { r ? install(*r) : give_up(r.error()); });
}

void Flusher::install(const SegmentWriter::Written& written) {
    auto& segment = segments_.add(job_->writer->sequence());
    segment.source = job_->file;
    segment.runs.resize(job_->runs.size());
    for (std::uint32_t i = 0; i < job_->runs.size(); ++i) install_run(segment, i);
    segments_.written(segment, written);
    rim_.allocation_succeeded();
    file_flushed();
}

void Flusher::install_run(Segment& segment, std::uint32_t number) {
    const auto& run = job_->runs[number];
    const auto& items = job_->run_items[number];
    auto& stored = segment.runs[number];
    stored = {.position = run.position,
              .length = run.length,
              .first_base = run.targets[0].base.value,
              .transient = run.transient};
    for (const auto& target : run.targets) {
        std::uint64_t live = 0;
        for (auto i = items.first_item; i < items.end_item; ++i)
            if (const auto* e = index_.find_entry(target.stream, job_->items[i].batch)) live += e->live;
        if (live == 0) continue;
        ++stored.live_targets;
        index_.add_run(target.stream, {.base = target.base.value,
                                       .end = target.base.value + run.span,
                                       .live = live,
                                       .segment = static_cast<std::uint32_t>(segment.sequence),
                                       .run = number});
    }
    ++segment.live_runs;
    if (stored.live_targets == 0) segments_.born_dead(segment, number, last_);
}

void Flusher::file_flushed() {
    index_.drop_batches(job_->end);
    ring_.file(job_->file).flushed = true;
    job_.reset();
}

void Flusher::give_up(const Error& error) {
    job_->writer->abandon();
    job_.reset();
    rim_.allocation_failed(error);
}

}  // namespace fantail::storage
