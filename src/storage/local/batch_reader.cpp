// SPDX-License-Identifier: Apache-2.0
//! Answers reads from the journal's memory, the journal's files and the segments.
#include "storage/local/batch_reader.hpp"

#include <algorithm>

#include "record/batch.hpp"

namespace fantail::storage {

namespace {
constexpr std::size_t buffers_kept = 4;
constexpr std::size_t buffer_size_kept = 512u << 10;
constexpr std::size_t large_piece = 1u << 20;

constexpr std::size_t reported_max = 1024;

SharedBytes copy_of(ByteView bytes, std::uint64_t base) {
    auto copy = std::make_shared<Bytes>(to_bytes(bytes));
    store_be(copy->data() + record::batch_at::base_offset, base);
    return copy;
}
}  // namespace

sys::AlignedBuffer BatchReader::take_buffer(std::size_t size) {
    auto at = std::ranges::find_if(pool_, [&](const sys::AlignedBuffer& b) { return b.size() >= size; });
    if (at == pool_.end()) return sys::AlignedBuffer(std::max(size, buffer_size_kept));
    auto buffer = std::move(*at);
    pool_.erase(at);
    return buffer;
}

void BatchReader::put_back(sys::AlignedBuffer buffer) {
    if (buffer.size() == buffer_size_kept && pool_.size() < buffers_kept) pool_.push_back(std::move(buffer));
}

void BatchReader::answer_later(ReadToken token, Result<Batches> result) {
    auto done = rim_.counted<void>([this, token, result = std::move(result)](Result<void>) mutable {
        rim_.listener().on_read(token, std::move(result));
    });
    rim_.files.defer([done = std::move(done)]() mutable { done({}); });
}

/// Tells of each place once.
void BatchReader::report(const Error& error) {
    if (reported_.size() < reported_max && reported_.insert(error.message).second) rim_.report(error.message);
}

void BatchReader::fail_read(ReadToken token, const Error& error) {
    report(error);
    rim_.listener().on_read(token, std::unexpected(error));
}

void BatchReader::read(StreamId stream, std::uint64_t from, std::uint32_t bytes_max, ReadToken token) {
    const auto* places = index_.find(stream);
    if (places == nullptr) return answer_later(token, Batches{});
    const auto run = StreamIndex::run_after(*places, from);
    auto entry = index_.entry_after(*places, from);
    while (entry < places->entries.size() && places->entries[entry].live == 0) ++entry;
    const bool has_run = run < places->runs.size(), has_entry = entry < places->entries.size();
    if (!has_run && !has_entry) return answer_later(token, Batches{});
    if (has_run && (!has_entry || places->runs[run].base < places->entries[entry].base))
        return read_run(stream, places->runs[run], from, bytes_max, token);
    if (index_.batch(places->entries[entry].batch).file == 0) return read_memory(*places, entry, bytes_max, token);
    read_journal(stream, *places, entry, bytes_max, token);
}

void BatchReader::read_memory(const StreamPlaces& places, std::size_t i, std::uint32_t bytes_max, ReadToken token) {
    const auto run = StreamIndex::run_after(places, places.entries[i].base);
    const auto stop = run < places.runs.size() ? places.runs[run].base : ~std::uint64_t{0};
    Batches out;
    std::uint64_t bytes = 0;
    for (; i < places.entries.size() && places.entries[i].base < stop; ++i) {
        const auto& e = places.entries[i];
        const auto& b = index_.batch(e.batch);
        if (e.live == 0) continue;
        if (!out.empty() && bytes + b.length > bytes_max) break;
        out.push_back({Offset(e.base), b.count, copy_of(writer_.in_memory(e.batch), e.base)});
        bytes += b.length;
    }
    answer_later(token, std::move(out));
}

void BatchReader::read_journal(StreamId stream, const StreamPlaces& places, std::size_t i, std::uint32_t bytes_max,
                               ReadToken token) {
    const auto run = StreamIndex::run_after(places, places.entries[i].base);
    const auto stop = run < places.runs.size() ? places.runs[run].base : ~std::uint64_t{0};
    const auto file = index_.batch(places.entries[i].batch).file;
    // Batches of other streams stand in between: reading over them is cheaper than another read, up to a point.
    const std::uint64_t span_max = std::max<std::uint64_t>(2ull * bytes_max, 64u << 10);
    JournalRead read{.token = token, .stream = stream, .bytes_max = bytes_max, .file = file, .pieces = {}};
    auto& pieces = read.pieces;
    std::uint64_t first = 0, end = 0, bytes = 0;
    for (; i < places.entries.size() && places.entries[i].base < stop; ++i) {
        const auto& e = places.entries[i];
        const auto& b = index_.batch(e.batch);
        if (e.live == 0) continue;
        if (b.file != file) break;
        if (pieces.empty()) first = b.position / sys::block_size * sys::block_size;
        else if (bytes + b.length > bytes_max || b.position + b.length - first > span_max) break;
        pieces.push_back({e.base, b.count, b.length, b.position});
        bytes += b.length;
        end = std::uint64_t{b.position} + b.length;
    }
    const auto size = sys::round_up_to_block(end) - first;
    auto buffer = take_buffer(size);
    const auto into = buffer.bytes().first(size);
    ++ring_.file(file).reads;
    rim_.files.read(ring_.file(file).file, first, into,
                    rim_.counted<void>([this, first, into, read = std::move(read),
                                        buffer = std::move(buffer)](Result<void> r) mutable {
                        --ring_.file(read.file).reads;
                        if (!r) fail_read(read.token, r.error());
                        else journal_read(read, first, into);
                        put_back(std::move(buffer));
                    }));
}

Result<SharedBytes> BatchReader::checked_copy(ByteView bytes, std::uint64_t base, const std::string& name,
                                              std::uint64_t position) {
    auto view = record::BatchView::parse(bytes);
    if (!view || view->total_size() != bytes.size() || !view->verify_crc())
        return fail(ErrorCode::corrupt, rim_.path(name) + ": batch at " + std::to_string(position) +
                                            (view ? " fails its checksum" : ": " + view.error().message));
    return copy_of(bytes, base);
}

void BatchReader::journal_read(const JournalRead& read, std::uint64_t position, ByteView bytes) {
    Batches out;
    for (const auto& p : read.pieces) {
        auto batch =
            checked_copy(bytes.subspan(p.position - position, p.length), p.base, journal_name(read.file), p.position);
        if (batch) {
            out.push_back({Offset(p.base), p.count, std::move(*batch)});
            continue;
        }
        if (!out.empty()) break;  // the next read begins with what is damaged
        if (!rim_.options.salvage) return fail_read(read.token, batch.error());
        report(batch.error());
    }
    const auto& last = read.pieces.back();
    if (out.empty()) return this->read(read.stream, last.base + last.count, read.bytes_max, read.token);
    rim_.listener().on_read(read.token, std::move(out));
}

void BatchReader::read_run(StreamId stream, const StreamRun& run, std::uint64_t from, std::uint32_t bytes_max,
                           ReadToken token) {
    Segment& segment = *segments_.find(run.segment);
    const auto& stored = segment.runs[run.run];
    if (segment.body)
        return answer_later(token, Batches{{Offset(run.base), static_cast<std::uint32_t>(run.end - run.base),
                                            copy_of(*segment.body, run.base)}});
    auto read = std::make_unique<RunRead>();
    read->token = token;
    read->stream = stream;
    read->end = run.end;
    read->segment = &segment;
    read->run = run.run;
    read->shift = run.base - stored.first_base;
    read->from = std::max(from, run.base);
    read->bytes_max = bytes_max;
    read->at = stored.position;
    auto opened = [this, read = std::move(read)](Result<sys::FileId> file) mutable {
        run_opened(std::move(read), std::move(file));
    };
    // Without an index only where it would not help: at a run's start.
    if (from <= run.base) segments_.use(segment, std::move(opened));
    else segments_.use_index(segment, std::move(opened));
}

void BatchReader::run_opened(RunReadPtr read, Result<sys::FileId> file) {
    if (!file && file.error().code == ErrorCode::corrupt && read->segment->file) {
        report(file.error());  // the index alone: it is quicker, not needed
        file = *read->segment->file;
    }
    if (!file) return finish(std::move(read), std::unexpected(file.error()));
    read->file = *file;
    const auto& run = read->segment->runs[read->run];
    const auto wanted = read->from - read->shift - run.first_base;
    if (wanted > 0 && read->segment->index) {
        const auto& index = (*read->segment->index)[read->run].index;
        auto at = std::ranges::upper_bound(index, wanted, {}, &RunDescription::IndexEntry::offset);
        if (at != index.begin()) read->at += (at - 1)->position;
    }
    fetch(std::move(read));
}

void BatchReader::fetch(RunReadPtr read) {
    const auto& run = read->segment->runs[read->run];
    const auto end = run.position + run.length;
    // What stands before `from` comes on top of what was asked for, at most one index interval.
    const auto ahead = read->from > read->shift + run.first_base ? rim_.options.index_interval : 0;
    const auto wanted = std::clamp<std::uint64_t>(read->bytes_max + ahead, sys::block_size, large_piece);
    read->position = read->at / sys::block_size * sys::block_size;
    const auto stop = std::min(end, read->at + wanted);
    const auto aligned = sys::round_up_to_block(stop) - read->position;
    if (read->buffer.size() < aligned) read->buffer = take_buffer(aligned);
    read->size = stop - read->position;
    auto* r = read.get();
    rim_.files.read(r->file, r->position, r->buffer.bytes().first(aligned),
                    rim_.counted<void>([this, read = std::move(read)](Result<void> result) mutable {
                        fetched(std::move(read), std::move(result));
                    }));
}

Result<void> BatchReader::add_batch(RunRead& read, SharedBytes bytes, std::uint32_t count, std::uint64_t base) {
    read.out_bytes += bytes->size();
    read.out.push_back({Offset(base), count, std::move(bytes)});
    return {};
}

/// Takes the next batch, if it is there. What stands before a damaged one is given; the next read then begins with that.
Result<bool> BatchReader::take_batch(RunRead& read) {
    auto taken = parse_batch(read);
    if (taken || taken.error().code != ErrorCode::corrupt) return taken;
    if (!read.out.empty()) return false;
    if (!rim_.options.salvage) return taken;
    report(taken.error());
    skip_damage(read);
    return read.at < read.position + read.size;
}

/// Behind the damaged batch if its length leads to another one, else to where the index or the run's end shows one.
void BatchReader::skip_damage(RunRead& read) {
    const auto& run = read.segment->runs[read.run];
    const auto end = run.position + run.length;
    const auto rest = ByteView(read.buffer.bytes()).first(read.size).subspan(read.at - read.position);
    const auto length = std::uint64_t{load_be<std::uint32_t>(rest.data() + record::batch_at::batch_length)} +
                        record::batch_length_excluded;
    read.has_lost = true;
    const bool leads_on = length >= record::batch_header_size && length + record::batch_header_size <= rest.size() &&
                          record::BatchView::parse(rest.subspan(length)).has_value();
    if (leads_on || read.at + length == end) {
        read.at += length;
        return;
    }
    auto next = end;
    if (read.segment->index)
        for (const auto& entry : (*read.segment->index)[read.run].index)
            if (run.position + entry.position > read.at) next = std::min(next, run.position + entry.position);
    read.at = next;
}

Result<bool> BatchReader::parse_batch(RunRead& read) {
    const auto& run = read.segment->runs[read.run];
    const auto name = segment_name(read.segment->sequence);
    const auto rest = ByteView(read.buffer.bytes()).first(read.size).subspan(read.at - read.position);
    if (rest.size() < record::batch_header_size) return false;
    const auto length = std::uint64_t{load_be<std::uint32_t>(rest.data() + record::batch_at::batch_length)} +
                        record::batch_length_excluded;
    const auto base = load_be<std::uint64_t>(rest.data()) + read.shift;
    const auto count = load_be<std::uint32_t>(rest.data() + record::batch_at::last_offset_delta) + 1;
    if (length < record::batch_header_size || read.at + length > run.position + run.length)
        return fail(ErrorCode::corrupt, rim_.path(name) + ": no batch at " + std::to_string(read.at));
    if (base + count <= read.from) {
        read.at += length;
        return read.at < read.position + read.size;
    }
    if (!read.out.empty() && read.out_bytes + length > read.bytes_max) return false;
    if (rest.size() < length) {
        if (read.out.empty()) {
            read.large = std::make_shared<Bytes>(length);
            read.large_at = 0;
        }
        return false;
    }
    FANTAIL_TRY(auto bytes, checked_copy(rest.first(length), base, name, read.at));
    FANTAIL_CHECK(add_batch(read, std::move(bytes), count, base));
    read.at += length;
    return read.at < read.position + read.size;
}

void BatchReader::fetched(RunReadPtr read, Result<void> result) {
    if (!result) return finish(std::move(read), std::move(result));
    if (read->large) return fetch_large(std::move(read));
    const auto& run = read->segment->runs[read->run];
    for (;;) {
        auto more = take_batch(*read);
        if (!more) return finish(std::move(read), std::unexpected(more.error()));
        if (!*more) break;
    }
    if (read->large) return fetch_large(std::move(read));
    if (read->out.empty() && read->at < run.position + run.length) return fetch(std::move(read));
    finish(std::move(read), {});
}

void BatchReader::fetch_large(RunReadPtr read) {
    auto& large = *read->large;
    const auto start = read->at + read->large_at;  // in the file
    const auto have =
        start >= read->position && start < read->position + read->size ? read->position + read->size - start : 0;
    const auto n = std::min<std::uint64_t>(have, large.size() - read->large_at);
    std::memcpy(large.data() + read->large_at, read->buffer.data() + (n > 0 ? start - read->position : 0), n);
    read->large_at += n;
    if (read->large_at < large.size()) {
        const auto next = read->at + read->large_at;
        read->position = next / sys::block_size * sys::block_size;
        const auto aligned =
            std::min<std::uint64_t>(large_piece, sys::round_up_to_block(read->at + large.size()) - read->position);
        if (read->buffer.size() < aligned) read->buffer = sys::AlignedBuffer(aligned);
        read->size = aligned;
        auto* r = read.get();
        return rim_.files.read(r->file, r->position, r->buffer.bytes().first(aligned),
                               rim_.counted<void>([this, read = std::move(read)](Result<void> result) mutable {
                                   fetched(std::move(read), std::move(result));
                               }));
    }
    auto view = record::BatchView::parse(large);
    if (!view || !view->verify_crc()) return large_is_damaged(std::move(read));
    const auto base = load_be<std::uint64_t>(large.data()) + read->shift;
    store_be(large.data(), base);
    (void)add_batch(*read, read->large, load_be<std::uint32_t>(large.data() + record::batch_at::last_offset_delta) + 1,
                    base);
    finish(std::move(read), {});
}

void BatchReader::large_is_damaged(RunReadPtr read) {
    const Error error{ErrorCode::corrupt, rim_.path(segment_name(read->segment->sequence)) + ": batch at " +
                                              std::to_string(read->at) + " fails its checksum"};
    if (!rim_.options.salvage) return finish(std::move(read), std::unexpected(error));
    report(error);
    const auto& run = read->segment->runs[read->run];
    read->at += read->large->size();
    read->large = nullptr;
    read->has_lost = true;
    if (read->at < run.position + run.length) return fetch(std::move(read));
    finish(std::move(read), {});
}

void BatchReader::finish(RunReadPtr read, Result<void> result) {
    segments_.unuse(*read->segment);
    const auto token = read->token;
    if (!read->buffer.empty()) put_back(std::move(read->buffer));
    if (!result) return fail_read(token, result.error());
    // Nothing of the run was left: what is behind it is the answer.
    if (read->out.empty() && read->has_lost)
        return this->read(read->stream, read->end, static_cast<std::uint32_t>(read->bytes_max), token);
    rim_.listener().on_read(token, std::move(read->out));
}

}  // namespace fantail::storage
