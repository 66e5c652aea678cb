// SPDX-License-Identifier: Apache-2.0
//! Opens a log's directory: snapshot, journal, what is there and what of it is needed.
#include "storage/local/recovery.hpp"

#include <algorithm>

namespace fantail::storage {

namespace {
constexpr Lsn no_cut{~std::uint64_t{0}};
}

Result<void> Recovery::damaged(const std::string& what, ErrorCode code) {
    if (!rim_.options.salvage || code == ErrorCode::unsupported) return fail(code, what);
    rim_.report("skipped: " + what);
    return {};
}

Result<Recovered> Recovery::run() {
    FANTAIL_CHECK(open_directory());
    FANTAIL_CHECK(load_snapshot());
    FANTAIL_CHECK(find_journals());
    FANTAIL_CHECK(check_sequence());
    FANTAIL_CHECK(replay());
    find_leftovers();
    tell_covered();
    index_.recount([this](StreamId s, std::uint64_t first, std::uint64_t end) {
        return sink_.live(s, Offset(first), Offset(end));
    });
    out_.next = expected_;
    return std::move(out_);
}

Result<void> Recovery::open_directory() {
    const auto& directory = rim_.options.directory;
    auto named = [&](const Error& e) {
        return fail(e.code, "data directory " + directory + " cannot be used: " + e.message);
    };
    if (auto made = rim_.files.make_directory(directory); !made) return named(made.error());
    auto lock = rim_.files.lock(rim_.path("lock"));
    if (!lock) return named(lock.error());
    out_.lock = *lock;
    auto names = rim_.files.list(directory);
    if (!names) return named(names.error());
    names_ = std::move(*names);
    return {};
}

Result<void> Recovery::load_snapshot() {
    for (const auto& name : names_)
        if (number_in_name(name, "snapshot-", ".snap")) out_.snapshots.push_back(name);
    for (auto at = out_.snapshots.rbegin(); at != out_.snapshots.rend(); ++at) {
        FANTAIL_TRY(const bool good, try_snapshot(*at));
        if (good) return {};
    }
    if (out_.snapshots.empty()) return {};
    return damaged(rim_.path(out_.snapshots.back()) + ": no snapshot is intact");
}

Result<bool> Recovery::try_snapshot(const std::string& name) {
    const auto path = rim_.path(name);
    FANTAIL_TRY(auto bytes, rim_.files.read_whole(path));
    auto decoded = decode_snapshot(bytes);
    if (!decoded) {
        if (decoded.error().code == ErrorCode::unsupported)
            return fail(ErrorCode::unsupported, path + ": " + decoded.error().message);
        rim_.report(path + ": " + decoded.error().message + "; trying an older one");
        return false;
    }
    if (decoded->snapshot.shard != rim_.options.shard)
        return fail(ErrorCode::corrupt, path + ": belongs to another shard");
    FANTAIL_CHECK(sink_.on_snapshot(decoded->state));
    snapshot_ = std::move(decoded->snapshot);
    checkpoint_ = snapshot_->lsn;
    expected_ = checkpoint_.plus(1);
    segments_.set_checkpoint(checkpoint_);
    out_.epoch = snapshot_->epoch + 1;
    out_.replay_from = snapshot_->replay_from;
    FANTAIL_CHECK(adopt_segments(*snapshot_));
    return true;
}

Result<void> Recovery::adopt_segments(const Snapshot& snapshot) {
    segments_.set_next_sequence(snapshot.next_segment);
    for (const auto& s : snapshot.segments) {
        if (!std::ranges::binary_search(names_, segment_name(s.sequence))) {
            FANTAIL_CHECK(damaged(rim_.path(segment_name(s.sequence)) + ": segment file is missing"));
            continue;
        }
        adopt_segment(s);
    }
    return {};
}

void Recovery::adopt_segment(const SnapshotSegment& s) {
    auto& segment = segments_.add(s.sequence);
    segment.source = s.source;
    segment.trailer = s.trailer;
    segment.written = true;
    std::uint64_t end = segment_header_size;
    for (const auto& run : s.runs) {
        // Runs that are not listed are dead; where they stood is not known, only between what.
        if (segment.runs.size() <= run.number) segment.runs.resize(run.number + 1, {.position = end, .dead = true});
        end = run.position + run.length;
        segment.runs[run.number] = {.position = run.position,
                                    .length = run.length,
                                    .first_base = run.first_base,
                                    .live_targets = static_cast<std::uint32_t>(run.targets.size())};
        ++segment.live_runs;
        for (const auto& t : run.targets)
            index_.add_run(t.stream, {.base = t.base.value,
                                      .end = t.base.value + run.span,
                                      .live = run.span,
                                      .segment = static_cast<std::uint32_t>(s.sequence),
                                      .run = run.number});
    }
}

Result<void> Recovery::find_journals() {
    for (const auto& name : names_)
        if (const auto number = number_in_name(name, "journal-", ".log")) FANTAIL_CHECK(look_at_journal(name, *number));
    std::uint64_t next = out_.replay_from;
    for (const auto& j : journals_) {
        next = std::max(next, j.header.sequence + 1);
        out_.epoch = std::max(out_.epoch, j.header.epoch + 1);
    }
    ring_.set_next_sequence(next);
    return {};
}

Result<void> Recovery::look_at_journal(const std::string& name, std::uint64_t number) {
    const auto path = rim_.path(name);
    FoundJournal found{.name = name};
    FANTAIL_TRY(found.file, rim_.files.open(path));
    FANTAIL_TRY(found.size, rim_.files.size(found.file));
    sys::AlignedBuffer block(journal_header_size);
    FANTAIL_CHECK(rim_.files.read_at(found.file, 0, block.bytes()));
    auto header = decode_journal_header(block.bytes());
    if (!header)
        return damaged(path + ": " + header.error().message,
                       header.error().code == ErrorCode::unsupported ? ErrorCode::unsupported : ErrorCode::corrupt);
    found.header = *header;
    if (header->shard != rim_.options.shard) return damaged(path + ": belongs to another shard");
    const bool active = header->state == JournalState::active;
    if (active && header->sequence != number)
        return damaged(path + ": header says sequence " + std::to_string(header->sequence));
    if (active && number >= out_.replay_from) journals_.push_back(std::move(found));
    else ring_.adopt_spare(name, found.file, found.size);
    return {};
}

Result<void> Recovery::check_sequence() {
    std::uint64_t sequence = out_.replay_from;
    if (journals_.empty()) {
        if (snapshot_ && snapshot_->has_journal)
            return damaged(rim_.path(journal_name(sequence)) + ": journal file is missing");
        return {};
    }
    for (const auto& j : journals_) {
        if (j.header.sequence != sequence)
            FANTAIL_CHECK(damaged(rim_.path(journal_name(sequence)) + ": journal file is missing"));
        sequence = j.header.sequence + 1;
    }
    if (journals_.front().header.base.value > checkpoint_.value + 1)
        FANTAIL_CHECK(damaged(rim_.path(journals_.front().name) + ": begins after the snapshot"));
    return {};
}

Lsn Recovery::cut_of(std::size_t i) const {
    Lsn cut = no_cut;
    for (auto j = i + 1; j < journals_.size(); ++j)
        if (journals_[j].header.epoch > journals_[i].header.epoch) cut = std::min(cut, journals_[j].header.base);
    return cut;
}

std::uint64_t Recovery::scan_window() const {
    return (rim_.options.writes_in_flight_max + 1ull) * rim_.options.frame_size_max +
           2ull * rim_.options.external_size_min;
}

Result<void> Recovery::replay() {
    if (!journals_.empty()) expected_ = journals_.front().header.base;
    for (std::size_t i = 0; i < journals_.size(); ++i) FANTAIL_CHECK(replay_file(i));
    if (expected_.value <= checkpoint_.value) {
        const auto name = journals_.empty() ? std::string("journal") : journals_.back().name;
        FANTAIL_CHECK(damaged(rim_.path(name) + ": ends before what the snapshot was taken of"));
        expected_ = checkpoint_.plus(1);
    }
    return {};
}

Result<void> Recovery::replay_file(std::size_t i) {
    const auto& journal = journals_[i];
    const Lsn cut = cut_of(i);
    std::uint64_t position = journal_header_size;
    reader_.open(journal);
    previous_crc_ = journal.header.crc;
    const bool counts = !cut_ && journal.header.base < cut;
    if (counts && rim_.options.salvage) expected_ = std::max(expected_, journal.header.base);
    while (counts && expected_ < cut) {
        FANTAIL_TRY(auto frame, reader_.frame_at(position));
        if (frame && frame->header.first == expected_ && frame->header.previous_crc == previous_crc_) {
            FANTAIL_CHECK(apply_frame(journal, *frame));
            position = frame->next();
            continue;
        }
        FANTAIL_TRY(const bool more, after_last_frame(i, position));
        if (!more) break;
    }
    ring_.adopt({.sequence = journal.header.sequence,
                 .file = journal.file,
                 .size = journal.size,
                 .end = position,
                 .seed = journal.header.crc,
                 .last = Lsn(expected_.value - 1),
                 .batches_end = index_.next_batch(),
                 .full = true});
    out_.replayed_bytes += position;
    return {};
}

/// The frame at `position` is not there or not whole. True if replay goes on at a changed `position` (salvage).
Result<bool> Recovery::after_last_frame(std::size_t i, std::uint64_t& position) {
    const bool has_next = i + 1 < journals_.size();
    if (has_next && journals_[i + 1].header.base == expected_) return false;
    FANTAIL_TRY(const Behind behind, look_behind(position));
    FANTAIL_TRY(const bool by_later_file, stable_by_later_file(i));
    if (!behind.say_stable && !by_later_file) {
        cut_ = !has_next || journals_[i + 1].header.epoch == journals_[i].header.epoch;
        if (behind.end > position)
            rim_.report(rim_.path(journals_[i].name) + ": cut off a torn tail of " +
                        std::to_string(behind.end - position) + " bytes, never confirmed");
        return false;
    }
    FANTAIL_CHECK(damaged(rim_.path(journals_[i].name) + ": damaged at byte " + std::to_string(position)));
    reader_.open(journals_[i]);
    FANTAIL_TRY(auto frame, reader_.find_behind(position, journals_[i].size, expected_, Lsn(0)));
    if (!frame) return false;
    position = frame->position;
    expected_ = frame->header.first;
    previous_crc_ = frame->header.previous_crc;
    return true;
}

/// The whole frames behind the one that is missing or torn.
Result<Recovery::Behind> Recovery::look_behind(std::uint64_t position) {
    Behind found{.end = position};
    for (auto at = position;;) {
        FANTAIL_TRY(auto frame, reader_.find_behind(at, scan_window(), expected_, Lsn(0)));
        if (!frame) return found;
        found.end = frame->next();
        found.say_stable |= frame->header.durable >= expected_;
        at = frame->position;
    }
}

/// Whether a later file says that the entry expected here had reached the disk.
Result<bool> Recovery::stable_by_later_file(std::size_t i) {
    for (auto j = i + 1; j < journals_.size(); ++j) {
        if (journals_[j].header.epoch > journals_[i].header.epoch)
            return true;  // its opening saw entries up to its base
        if (journals_[j].header.durable >= expected_) return true;
        reader_.open(journals_[j]);
        FANTAIL_TRY(auto later, reader_.find_behind(0, scan_window(), expected_, expected_));
        reader_.open(journals_[i]);
        if (later) return true;
    }
    return false;
}

Result<void> Recovery::apply_frame(const FoundJournal& journal, const JournalReader::Frame& frame) {
    const auto payload = frame.bytes.subspan(frame_header_size);
    const auto first_batch = index_.next_batch();
    Reader in(payload);
    for (std::uint32_t n = 0; n < frame.header.entry_count; ++n) {
        auto entry = decode_entry(in, payload.size());
        if (!entry)
            return fail(ErrorCode::corrupt, rim_.path(journal.name) + ": " + entry.error().message + " at byte " +
                                                std::to_string(frame.position));
        entry->bytes_position += frame_header_size;
        FANTAIL_CHECK(apply_entry(*entry, expected_));
        expected_ = expected_.plus(1);
    }
    index_.place_batches(first_batch, index_.next_batch() - first_batch,
                         static_cast<std::uint32_t>(journal.header.sequence),
                         static_cast<std::uint32_t>(frame.position));
    previous_crc_ = frame.header.crc;
    return {};
}

Result<void> Recovery::apply_entry(const Entry& entry, Lsn lsn) {
    if (lsn > checkpoint_) ++rim_.figures.replayed_entries;
    switch (entry.kind) {
        case EntryKind::batch: return apply_batch(entry, lsn);
        case EntryKind::external: return apply_external(entry, lsn);
        case EntryKind::change: return lsn > checkpoint_ ? sink_.on_change(entry.bytes) : Result<void>{};
    }
    return {};
}

Result<void> Recovery::apply_batch(const Entry& entry, Lsn lsn) {
    if (entry.transient) return {};
    decode_targets(entry.targets, targets_);
    index_.add_batch(targets_, entry.count, entry.length, static_cast<std::uint32_t>(entry.bytes_position), false);
    if (lsn > checkpoint_) return sink_.on_batch(targets_, entry.count, entry.bytes);
    return {};
}

Result<void> Recovery::apply_external(const Entry& entry, Lsn lsn) {
    if (entry.transient) return {};
    const auto path = rim_.path(segment_name(entry.segment));
    Bytes body;
    auto trailer = read_trailer(path, entry.length, lsn > checkpoint_ ? &body : nullptr);
    if (!trailer) return damaged(path + ": " + trailer.error().message);
    decode_targets(entry.targets, targets_);
    auto& segment = segments_.add(entry.segment);
    segment.trailer = *trailer;
    segment.written = true;
    segment.lsn = lsn;
    segment.live_runs = 1;
    // The journal file that is being read is adopted after its last frame: it gets the ring's next place.
    segment.source = ring_.files().empty() ? journals_.front().header.sequence : ring_.files().back().sequence + 1;
    segment.runs = {{.position = segment_header_size,
                     .length = entry.length,
                     .first_base = targets_[0].base.value,
                     .live_targets = static_cast<std::uint32_t>(targets_.size())}};
    for (const auto& t : targets_)
        index_.add_run(t.stream, {.base = t.base.value,
                                  .end = t.base.value + entry.count,
                                  .live = entry.count,
                                  .segment = static_cast<std::uint32_t>(entry.segment),
                                  .run = 0});
    if (lsn > checkpoint_) return sink_.on_batch(targets_, entry.count, body);
    return {};
}

Result<SegmentTrailer> Recovery::read_trailer(const std::string& path, std::uint64_t length, Bytes* body) {
    FANTAIL_TRY(auto file, rim_.files.open(path));
    auto read = [&]() -> Result<SegmentTrailer> {
        FANTAIL_TRY(const auto size, rim_.files.size(file));
        if (size < segment_header_size + length + segment_trailer_size)
            return fail(ErrorCode::corrupt, "segment file is too short");
        sys::AlignedBuffer buffer(body != nullptr ? sys::round_up_to_block(length) : sys::block_size);
        FANTAIL_CHECK(rim_.files.read_at(file, size - sys::block_size, buffer.bytes().first(sys::block_size)));
        FANTAIL_TRY(
            auto trailer,
            decode_segment_trailer(
                ByteView(buffer.bytes()).subspan(sys::block_size - segment_trailer_size, segment_trailer_size)));
        if (body == nullptr) return trailer;
        FANTAIL_CHECK(rim_.files.read_at(file, segment_header_size, buffer.bytes()));
        body->assign(buffer.data(), buffer.data() + length);
        return trailer;
    };
    auto result = read();
    rim_.files.close(file);
    return result;
}

void Recovery::find_leftovers() {
    std::uint64_t next = segments_.next_sequence();
    for (const auto& name : names_) {
        const auto number = number_in_name(name, "segment-", ".seg");
        if (number) next = std::max(next, *number + 1);
        if (number && segments_.find(static_cast<std::uint32_t>(*number)) == nullptr) out_.leftovers.push_back(name);
    }
    segments_.set_next_sequence(next);
}

void Recovery::tell_covered() {
    struct Range {
        std::uint64_t first;
        std::uint64_t end;
    };
    std::vector<Range> ranges;
    for (auto& [stream, places] : index_.streams()) {
        ranges.clear();
        for (const auto& r : places.runs) ranges.push_back({r.base, r.end});
        for (const auto& e : places.entries) ranges.push_back({e.base, index_.end_of(e)});
        std::ranges::sort(ranges, {}, &Range::first);
        Range open = ranges.front();
        for (const auto& r : ranges) {
            if (r.first > open.end) {
                sink_.on_covered(stream, Offset(open.first), Offset(open.end));
                open = r;
            }
            open.end = std::max(open.end, r.end);
        }
        sink_.on_covered(stream, Offset(open.first), Offset(open.end));
    }
}

}  // namespace fantail::storage
