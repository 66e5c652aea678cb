// SPDX-License-Identifier: Apache-2.0
//! The segments of a log: their runs, open files and indexes, and how their space is given back.
#include "storage/local/segment_store.hpp"

#include <algorithm>

#include "base/crc32c.hpp"

namespace fantail::storage {

Segment& SegmentStore::add(std::uint64_t sequence) {
    set_next_sequence(sequence + 1);
    auto& s = segments_[sequence];
    s.sequence = sequence;
    return s;
}

Segment* SegmentStore::find(std::uint32_t sequence) {
    auto at = segments_.find(sequence);
    return at == segments_.end() ? nullptr : &at->second;
}

void SegmentStore::written(Segment& segment, const SegmentWriter::Written& result) {
    segment.written = true;
    segment.trailer = result.trailer;
    segment.body = nullptr;
    if (!segment.file) {
        segment.file = result.file;
        ++open_files_;
    }
    segment.used = ++tick_;
    trim_open_files();
}

void SegmentStore::target_died(std::uint32_t segment, std::uint32_t run, Lsn at) {
    Segment* s = find(segment);
    FANTAIL_ASSERT(s != nullptr && s->runs[run].live_targets > 0);
    if (--s->runs[run].live_targets > 0) return;
    deaths_.push_back({at, segment, run});
}

void SegmentStore::born_dead(Segment& segment, std::uint32_t run, Lsn at) {
    deaths_.push_back({at, static_cast<std::uint32_t>(segment.sequence), run});
}

void SegmentStore::reclaim(Lsn durable) {
    while (!deaths_.empty() && deaths_.front().at <= durable && bury(deaths_.front())) deaths_.pop_front();
}

bool SegmentStore::bury(const Death& death) {
    Segment* s = find(death.segment);
    if (s == nullptr || s->finished) return true;
    if (!s->written || s->users > 0) return false;
    s->runs[death.run].dead = true;
    --s->live_runs;
    if (s->live_runs > 0) {
        punch_around(*s, death.run);
        return true;
    }
    s->finished = true;
    ++lingering_;
    empty(*s);
    return true;
}

void SegmentStore::empty(Segment& segment) {
    if (segment.emptied || segment.lsn > checkpoint_) return;
    segment.emptied = true;
    punch(segment, segment_header_size, segment.trailer.footer_position);
}

void SegmentStore::punch_around(Segment& segment, std::uint32_t run) {
    auto& runs = segment.runs;
    auto is_new = [&](std::size_t i) { return runs[i].dead && !runs[i].punched; };
    if (!is_new(run)) return;
    std::size_t first = run, last = run;
    while (first > 0 && is_new(first - 1)) --first;
    while (last + 1 < runs.size() && is_new(last + 1)) ++last;
    std::uint64_t from = segment_header_size, to = segment.trailer.footer_position;
    if (first > 0)
        from = runs[first - 1].dead ? runs[first].position / sys::block_size * sys::block_size
                                    : runs[first - 1].position + runs[first - 1].length;
    if (last + 1 < runs.size())
        to = runs[last + 1].dead ? sys::round_up_to_block(runs[last].position + runs[last].length)
                                 : runs[last + 1].position;
    if (from + rim_.options.punch_size_min > to) return;
    for (auto i = first; i <= last; ++i) runs[i].punched = true;
    punch(segment, from, to);
}

void SegmentStore::punch(Segment& segment, std::uint64_t first, std::uint64_t end) {
    first = sys::round_up_to_block(first);
    end = end / sys::block_size * sys::block_size;
    if (first >= end) return;
    segment.holes = std::min(segment.holes + end - first, segment.trailer.footer_position);
    use(segment, [this, &segment, first, end](Result<sys::FileId> file) {
        if (!file) return unuse(segment);  // best effort; the file goes when all of it is dead
        rim_.files.punch(*file, first, end - first, rim_.counted<void>([this, &segment](Result<void>) {
            unuse(segment);
            rim_.space_released();
        }));
    });
}

void SegmentStore::snapshot_stored(Lsn lsn, const std::vector<std::uint64_t>& listed, std::uint64_t replay_from) {
    checkpoint_ = lsn;
    for (auto at = segments_.begin(); at != segments_.end();) {
        Segment& s = at->second;
        const bool named = std::ranges::binary_search(listed, s.sequence) || s.source >= replay_from;
        if (!s.finished || named || s.users > 0) {
            if (s.finished) empty(s);
            ++at;
            continue;
        }
        if (s.file) {
            rim_.files.close(*s.file);
            --open_files_;
        }
        if (s.index) --indexes_;
        --lingering_;
        rim_.files.remove(rim_.path(segment_name(s.sequence)),
                          rim_.counted<void>([this](Result<void>) { rim_.space_released(); }));
        at = segments_.erase(at);
    }
}

void SegmentStore::use(Segment& segment, sys::Done<sys::FileId> done) {
    ++segment.users;
    segment.used = ++tick_;
    if (segment.file) return done(*segment.file);
    segment.opening.push_back(std::move(done));
    if (segment.opening.size() > 1) return;
    rim_.files.open_later(rim_.path(segment_name(segment.sequence)),
                          rim_.counted<sys::FileId>([this, sequence = segment.sequence](Result<sys::FileId> file) {
                              opened(sequence, std::move(file));
                          }));
}

void SegmentStore::opened(std::uint64_t sequence, Result<sys::FileId> file) {
    Segment& s = segments_.at(sequence);  // it has users, so it is there
    if (file) {
        s.file = *file;
        ++open_files_;
    }
    auto waiting = std::exchange(s.opening, {});
    for (auto& done : waiting) done(file);
    trim_open_files();
}

void SegmentStore::unuse(Segment& segment) {
    FANTAIL_ASSERT(segment.users > 0);
    --segment.users;
}

void SegmentStore::use_index(Segment& segment, sys::Done<sys::FileId> done) {
    use(segment, [this, &segment, done = std::move(done)](Result<sys::FileId> file) mutable {
        if (!file || segment.index) return done(std::move(file));
        load_index(segment, *file, std::move(done));
    });
}

void SegmentStore::load_index(Segment& segment, sys::FileId file, sys::Done<sys::FileId> done) {
    const auto first = segment.trailer.footer_position / sys::block_size * sys::block_size;
    const auto skip = segment.trailer.footer_position - first;
    auto buffer = std::make_unique<sys::AlignedBuffer>(sys::round_up_to_block(skip + segment.trailer.footer_length));
    const auto into = buffer->bytes();
    rim_.files.read(file, first, into,
                    rim_.counted<void>([this, &segment, file, skip, buffer = std::move(buffer),
                                        done = std::move(done)](Result<void> r) mutable {
                        if (!r) return done(std::unexpected(r.error()));
                        index_read(segment, file,
                                   ByteView(buffer->bytes()).subspan(skip, segment.trailer.footer_length),
                                   std::move(done));
                    }));
}

void SegmentStore::index_read(Segment& segment, sys::FileId file, ByteView footer, sys::Done<sys::FileId> done) {
    const auto name = rim_.path(segment_name(segment.sequence));
    if (crc32c(footer) != segment.trailer.footer_crc)
        return done(fail(ErrorCode::corrupt, name + ": footer fails its checksum"));
    auto runs = decode_segment_footer(footer);
    if (!runs) return done(fail(ErrorCode::corrupt, name + ": " + runs.error().message));
    if (!segment.index) ++indexes_;
    segment.index = std::make_unique<std::vector<RunDescription>>(std::move(*runs));
    done(file);
    trim_indexes();
}

void SegmentStore::trim_open_files() {
    while (open_files_ > rim_.options.segments_open_max) {
        Segment* oldest = nullptr;
        for (auto& [sequence, s] : segments_)
            if (s.file && s.users == 0 && (oldest == nullptr || s.used < oldest->used)) oldest = &s;
        if (oldest == nullptr) return;
        rim_.files.close(*oldest->file);
        oldest->file.reset();
        --open_files_;
    }
}

void SegmentStore::trim_indexes() {
    while (indexes_ > rim_.options.indexes_max) {
        Segment* oldest = nullptr;
        for (auto& [sequence, s] : segments_)
            if (s.index && s.users == 0 && (oldest == nullptr || s.used < oldest->used)) oldest = &s;
        if (oldest == nullptr) return;
        oldest->index.reset();
        --indexes_;
    }
}

std::uint64_t SegmentStore::disk_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [sequence, s] : segments_)
        if (s.written) sum += s.trailer.footer_position + s.trailer.footer_length - s.holes;
    return sum;
}

void SegmentStore::close_all() {
    for (auto& [sequence, s] : segments_)
        if (s.file) {
            rim_.files.close(*s.file);
            s.file.reset();
        }
    open_files_ = 0;
}

}  // namespace fantail::storage
