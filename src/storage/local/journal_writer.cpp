// SPDX-License-Identifier: Apache-2.0
//! Gathers entries into frames, keeps several writes under way, and says what is durable.
#include "storage/local/journal_writer.hpp"

#include <algorithm>

namespace fantail::storage {

namespace {
constexpr std::size_t small_file_divisor = 4;  ///< of the first file, see JournalRing
}  // namespace

JournalWriter::JournalWriter(Rim& rim, JournalRing& ring, StreamIndex& index, SegmentStore& segments)
    : rim_(rim), ring_(ring), index_(index), segments_(segments) {}

void JournalWriter::start(Lsn next, std::uint32_t epoch) {
    next_ = next;
    durable_ = Lsn(next.value - 1);
    epoch_ = epoch;
}

sys::AlignedBuffer JournalWriter::take_buffer(std::size_t size) {
    if (size > rim_.options.frame_size_max || pool_.empty())
        return sys::AlignedBuffer(std::max<std::size_t>(size, rim_.options.frame_size_max));
    auto buffer = std::move(pool_.back());
    pool_.pop_back();
    return buffer;
}

void JournalWriter::put_back(sys::AlignedBuffer buffer) {
    if (buffer.size() != sys::round_up_to_block(rim_.options.frame_size_max)) return;
    if (pool_.size() < rim_.options.writes_in_flight_max + 2) pool_.push_back(std::move(buffer));
}

void JournalWriter::add_frame(std::size_t size) {
    FANTAIL_ASSERT(size + frame_header_size + journal_header_size <=
                   rim_.options.journal_file_size / small_file_divisor);
    if (!frames_.empty()) frames_.back().closed = true;
    frames_.push_back(
        {.buffer = take_buffer(size + frame_header_size), .first = next_, .first_batch = index_.next_batch()});
}

std::uint8_t* JournalWriter::room(std::size_t size) {
    const bool fits =
        !frames_.empty() && !frames_.back().closed && frames_.back().used + size <= frames_.back().buffer.size();
    if (!fits) add_frame(size);
    auto& frame = frames_.back();
    auto* at = frame.buffer.data() + frame.used;
    frame.used += size;
    return at;
}

Lsn JournalWriter::count_entry(std::size_t bytes, bool urgent) {
    auto& frame = frames_.back();
    ++frame.entries;
    frame.bytes += bytes;
    frame.urgent |= urgent;
    undurable_ += bytes;
    ++rim_.figures.entries_appended;
    rim_.figures.bytes_appended += bytes;
    const Lsn lsn = next_;
    next_ = next_.plus(1);
    return lsn;
}

Lsn JournalWriter::append_batch(const BatchEntry& entry) {
    const ByteView bytes(*entry.bytes);
    auto* at = room(batch_entry_bytes(entry.targets.size(), bytes.size()));
    auto* end = encode_batch(at, entry.targets, entry.count, entry.transient, bytes);
    auto& frame = frames_.back();
    const auto position = static_cast<std::uint32_t>(end - bytes.size() - frame.buffer.data());
    index_.add_batch(entry.targets, entry.count, static_cast<std::uint32_t>(bytes.size()), position, entry.transient);
    ++frame.batches;
    return count_entry(bytes.size(), true);
}

Lsn JournalWriter::append_change(ByteView change, bool lazy) {
    encode_change(room(change_entry_size + change.size()), change);
    return count_entry(change.size(), !lazy);
}

Lsn JournalWriter::append_external(const BatchEntry& entry, Segment& segment) {
    const auto length = static_cast<std::uint32_t>(entry.bytes->size());
    if (!frames_.empty()) frames_.back().closed = true;  // what came before need not wait for the segment
    encode_external(room(external_entry_bytes(entry.targets.size())), entry.targets, entry.count, entry.transient,
                    length, segment.sequence);
    frames_.back().externals.push_back(segment.sequence);
    ++frames_.back().external_waiting;
    return count_entry(length, true);
}

void JournalWriter::external_written(std::uint64_t segment) {
    for (auto& frame : frames_)
        if (std::ranges::find(frame.externals, segment) != frame.externals.end()) --frame.external_waiting;
}

void JournalWriter::append_seal() {
    if (frames_.empty()) add_frame(0);
    frames_.back().urgent = true;
}

ByteView JournalWriter::in_memory(std::uint32_t batch) {
    const auto& b = index_.batch(batch);
    const auto behind = [&](const Frame& f) {
        return static_cast<std::int32_t>(f.first_batch + f.batches - batch) <= 0;
    };
    auto at = std::partition_point(frames_.begin(), frames_.end(), behind);
    FANTAIL_ASSERT(at != frames_.end() && b.file == 0);
    return {at->buffer.data() + b.position, b.length};
}

bool JournalWriter::may_start(const Frame& frame, bool last, bool all) const {
    if (frame.external_waiting > 0 || in_flight_ >= rim_.options.writes_in_flight_max || rim_.failed()) return false;
    if (!last || all) return true;
    const bool due = frame.urgent || deadline() <= rim_.now;
    return due && (in_flight_ == 0 || frame.used >= std::size_t{in_flight_} * rim_.options.gather_step);
}

void JournalWriter::pump(bool all) {
    starved_ = false;
    while (submitted_ < frames_.size()) {
        const bool last = submitted_ + 1 == frames_.size() && !frames_[submitted_].closed;
        if (!may_start(frames_[submitted_], last, all)) return;
        const auto size = sys::round_up_to_block(frames_[submitted_].used);
        if (!place(size)) {
            starved_ = true;
            return;
        }
        if (last) lazy_since_.reset();
        seal_and_write(frames_[submitted_]);
    }
}

bool JournalWriter::place(std::size_t size) {
    if (auto* file = ring_.current(); file != nullptr && file->end + size <= file->size) return true;
    if (!ring_.has_next()) return false;
    ring_.take();
    write_file_header();
    return true;
}

void JournalWriter::write_file_header() {
    auto& file = *ring_.current();
    Frame frame{.buffer = sys::AlignedBuffer(journal_header_size),
                .first = frames_[submitted_].first,
                .first_batch = frames_[submitted_].first_batch,
                .closed = true,
                .header = true,
                .file = file.sequence};
    file.seed = encode_journal_header({.state = JournalState::active,
                                       .shard = rim_.options.shard,
                                       .sequence = file.sequence,
                                       .base = frame.first,
                                       .durable = durable_,
                                       .nonce = rim_.options.nonce,
                                       .epoch = epoch_},
                                      frame.buffer.bytes());
    file.last = Lsn(frame.first.value - 1);
    file.batches_end = frame.first_batch;
    previous_crc_ = file.seed;
    auto at = frames_.insert(frames_.begin() + static_cast<std::ptrdiff_t>(submitted_), std::move(frame));
    write(*at, journal_header_size);
}

void JournalWriter::seal_and_write(Frame& frame) {
    auto& file = *ring_.current();
    frame.closed = true;
    frame.file = file.sequence;
    frame.position = file.end;
    const auto length = sys::round_up_to_block(frame.used);
    std::memset(frame.buffer.data() + frame.used, 0, length - frame.used);
    previous_crc_ = seal_frame({.payload_length = static_cast<std::uint32_t>(frame.used - frame_header_size),
                                .epoch = epoch_,
                                .entry_count = frame.entries,
                                .first = frame.first,
                                .durable = durable_,
                                .previous_crc = previous_crc_},
                               file.seed, frame.buffer.bytes().first(frame.used));
    file.end += length;
    write(frame, length);
    ++rim_.figures.writes;
}

void JournalWriter::write(Frame& frame, std::size_t length) {
    const auto serial = first_serial_ + submitted_;
    auto& file = ring_.file(frame.file);
    ++file.frames_in_flight;
    ++submitted_;
    ++in_flight_;
    rim_.figures.bytes_written += length;
    rim_.files.write(file.file, frame.position, ByteView(frame.buffer.bytes()).first(length),
                     rim_.counted<void>([this, serial](Result<void> r) { wrote(serial, std::move(r)); }));
}

void JournalWriter::wrote(std::uint64_t serial, Result<void> result) {
    --in_flight_;
    if (!result) return rim_.fail(result.error());
    if (rim_.failed()) return;
    frames_[serial - first_serial_].done = true;
    const Lsn before = durable_;
    while (pop_done()) {}
    if (durable_ > before) rim_.listener().on_durable(durable_);
}

bool JournalWriter::pop_done() {
    if (frames_.empty() || !frames_.front().done) return false;
    pop_frame(frames_.front());
    frames_.pop_front();
    ++first_serial_;
    --submitted_;
    return true;
}

void JournalWriter::pop_frame(Frame& frame) {
    auto& file = ring_.file(frame.file);
    --file.frames_in_flight;
    if (frame.header) return;
    index_.place_batches(frame.first_batch, frame.batches, static_cast<std::uint32_t>(frame.file),
                         static_cast<std::uint32_t>(frame.position));
    for (auto sequence : frame.externals)
        if (auto* segment = segments_.find(static_cast<std::uint32_t>(sequence))) segment->source = frame.file;
    durable_ = Lsn(frame.first.value + frame.entries - 1);
    file.last = durable_;
    file.batches_end = frame.first_batch + frame.batches;
    undurable_ -= frame.bytes;
    put_back(std::move(frame.buffer));
}

void JournalWriter::turn_ended() {
    if (frames_.empty() || submitted_ == frames_.size() || frames_.back().urgent) return;
    if (!lazy_since_) lazy_since_ = rim_.now;
}

MonoTime JournalWriter::deadline() const {
    return lazy_since_ ? lazy_since_->plus_ms(rim_.options.lazy_write_delay_ms) : MonoTime::never();
}

}  // namespace fantail::storage
