// SPDX-License-Identifier: Apache-2.0
//! Writing a lane's journal: gathering, committing, files in turn.
#include "storage/lane/lane_log.hpp"

#include <algorithm>

#include "storage/lane/lane_recovery.hpp"
#include "storage/local/journal_format.hpp"

namespace fantail::storage {

namespace {
constexpr std::size_t gathered_size = 2u << 20;  ///< more is given back after a commit
constexpr const char* lock_name = "lock";
constexpr const char* state_name = "lane.state";
constexpr const char* state_new_name = "lane.state.new";
constexpr const char* journal_new_name = "journal.new";
constexpr ShardId no_shard{0xFFFF};

/// The file's name in front of what befell it.
[[nodiscard]] std::unexpected<Error> in_file(const std::string& path, Error error) {
    error.message.insert(0, path + ": ");
    return std::unexpected(std::move(error));
}
}  // namespace

Result<std::unique_ptr<LaneLog>> LaneLog::open(LaneFiles& files, LaneLogOptions options, const Replay& replay) {
    std::unique_ptr<LaneLog> log(new LaneLog(files, std::move(options)));
    FANTAIL_CHECK(files.make_directory(log->options_.directory));
    FANTAIL_TRY(log->lock_, files.lock(log->path(lock_name)));
    log->life_ = files.life();
    FANTAIL_CHECK(log->open_state());
    FANTAIL_CHECK(LaneRecovery(*log).run(replay));
    log->gathered_ = sys::AlignedBuffer(gathered_size);
    log->used_ = log->used_before_ = frame_header_size;
    return log;
}

LaneLog::~LaneLog() {
    for (const File& file : files_) files_io_.close(file.id);
    if (state_file_) files_io_.close(*state_file_);
    if (lock_) files_io_.close(*lock_);
}

Result<void> LaneLog::open_state() {
    FANTAIL_TRY(const auto names, files_io_.list(options_.directory));
    const auto has = [&names](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
    for (const char* unfinished : {state_new_name, journal_new_name})
        if (has(unfinished)) FANTAIL_CHECK(files_io_.remove(path(unfinished)));
    if (!has(state_name)) {
        if (std::ranges::any_of(names, [](const auto& name) { return number_in_lane_file(name).has_value(); }))
            return fail(ErrorCode::corrupt, path(state_name) + " is missing beside journal files");
        constexpr std::uint64_t size = lane_slot_size * lane_slots;
        FANTAIL_TRY(state_file_, files_io_.create_zeroed(path(state_new_name), size));
        return files_io_.rename(path(state_new_name), path(state_name));
    }
    FANTAIL_TRY(state_file_, files_io_.open(path(state_name)));
    FANTAIL_TRY(const Bytes contents, files_io_.read_whole(path(state_name)));
    const auto slot = newest_lane_slot(contents);
    if (!slot) return in_file(path(state_name), slot.error());
    if (!*slot) {
        may_have_lost_ = true;  // made, and never written; or never written back by the page cache
        return {};
    }
    const LaneSlot& found = **slot;
    fantail::append(found_state_, found.state);
    slot_sequence_ = found.sequence;
    found_durable_ = found.durable;
    may_have_lost_ = found.is_cached && (found.life != life_ || life_ == MachineLife{});
    return {};
}

/// Whether the bytes of a write that has failed are there is not known, and a second try might only seem to work: nobody builds
/// on this journal any more.
Result<void> LaneLog::judged(Result<void> done) {
    if (!done && done.error().code != ErrorCode::no_space) failed_ = done.error();
    return done;
}

// --- gathering ---

std::size_t LaneLog::gathered_bytes() const { return entries_ == 0 ? 0 : used_ - frame_header_size; }

bool LaneLog::fits(std::uint64_t frame_size) const {
    if (files_.empty()) return false;
    return files_.back().end + sys::round_up_to_block(frame_size) <= files_.back().size;
}

Result<MutableBytes> LaneLog::append(std::size_t size) {
    if (failed_) return std::unexpected(*failed_);
    if (size > entry_size_max)
        return fail(ErrorCode::too_large, "a message of more than " + std::to_string(entry_size_max) + " bytes");
    const std::size_t entry = change_entry_size + size;
    if (!fits(used_ + entry)) {
        FANTAIL_CHECK(commit());
        if (!fits(used_ + entry)) FANTAIL_CHECK(begin_file(used_ + entry));
    }
    make_room(used_ + entry);
    std::uint8_t* const at = encode_change_head(gathered_.data() + used_, static_cast<std::uint32_t>(size));
    used_before_ = used_;
    used_ += entry;
    ++entries_;
    next_ = next_.plus(1);
    return MutableBytes(at, size);
}

void LaneLog::make_room(std::size_t used) {
    if (used <= gathered_.size()) return;
    sys::AlignedBuffer larger(std::max<std::size_t>(used, gathered_.size() * 2));
    std::memcpy(larger.data(), gathered_.data(), used_);
    gathered_ = std::move(larger);
}

void LaneLog::take_back() {
    FANTAIL_ASSERT(entries_ > 0 && used_before_ < used_);
    used_ = used_before_;
    --entries_;
    next_ = Lsn(next_.value - 1);
}

Result<void> LaneLog::commit() {
    if (entries_ == 0) return {};
    if (failed_) return std::unexpected(*failed_);
    File& file = files_.back();
    const std::size_t length = sys::round_up_to_block(used_);
    std::memset(gathered_.data() + used_, 0, length - used_);
    const Lsn durable(options_.is_cached ? 0 : committed_end_.value - 1);
    const std::uint32_t crc = seal_frame({.payload_length = static_cast<std::uint32_t>(used_ - frame_header_size),
                                          .epoch = 1,
                                          .entry_count = entries_,
                                          .first = committed_end_,
                                          .durable = durable,
                                          .previous_crc = previous_crc_},
                                         file.seed, gathered_.bytes().first(used_));
    FANTAIL_CHECK(judged(files_io_.write(file.id, file.end, ByteView(gathered_.bytes()).first(length))));
    previous_crc_ = crc;
    file.end += length;
    file.behind = committed_end_ = next_;
    used_ = used_before_ = frame_header_size;
    entries_ = 0;
    if (gathered_.size() > gathered_size * 2) gathered_ = sys::AlignedBuffer(gathered_size);
    return {};
}

Result<void> LaneLog::save(ByteView state) {
    if (failed_) return std::unexpected(*failed_);
    sys::AlignedBuffer block(lane_slot_size);
    encode_lane_slot({.is_cached = options_.is_cached,
                      .sequence = slot_sequence_ + 1,
                      .life = life_,
                      .durable = options_.is_cached ? 0 : committed_end_.value - 1,
                      .state = state},
                     block.bytes());
    FANTAIL_CHECK(
        judged(files_io_.write(*state_file_, (slot_sequence_ + 1) % lane_slots * lane_slot_size, block.bytes())));
    ++slot_sequence_;
    return {};
}

// --- files ---

std::uint64_t LaneLog::disk_bytes() const {
    std::uint64_t sum = lane_slot_size * lane_slots;
    for (const File& file : files_) sum += file.size;
    return sum;
}

/// The current file is full: another one, used or new, takes its place. Nothing is gathered.
Result<void> LaneLog::begin_file(std::uint64_t frame_size) {
    const std::uint64_t needed = journal_header_size + sys::round_up_to_block(frame_size);
    FANTAIL_TRY(File file, next_file(std::max(needed, options_.file_size)));
    file.sequence = last_sequence_ + 1;
    file.end = journal_header_size;
    file.behind = next_;
    const auto seed = write_header(file);
    if (!seed) return put_aside(std::move(file), seed.error());
    file.seed = previous_crc_ = *seed;
    last_sequence_ = file.sequence;
    files_.push_back(std::move(file));
    return {};
}

/// A file that could not begin: for want of room its former header still stands, or none yet; else nothing matters any more.
Result<void> LaneLog::put_aside(File file, const Error& reason) {
    if (file.is_new) {
        files_io_.close(file.id);
        remove(file.name);
    } else {
        files_.push_front(std::move(file));
        ++released_;
    }
    return std::unexpected(reason);
}

/// The oldest of the released ones, so that the others stay adjacent.
Result<LaneLog::File> LaneLog::next_file(std::uint64_t size_min) {
    while (released_ > 0 && files_.front().size < size_min) drop_front();
    if (failed_) return std::unexpected(*failed_);
    if (released_ == 0) return create_file(size_min);
    File file = std::move(files_.front());
    files_.pop_front();
    --released_;
    file.is_new = false;
    return file;
}

Result<LaneLog::File> LaneLog::create_file(std::uint64_t size) {
    const std::string unnamed = path(journal_new_name);
    File file{.name = lane_file_name(last_name_ + 1), .size = size};
    FANTAIL_TRY(file.id, files_io_.create_zeroed(unnamed, size));
    if (auto named = files_io_.rename(unnamed, path(file.name)); !named) {
        files_io_.close(file.id);
        return std::unexpected(named.error());
    }
    ++last_name_;
    return file;
}

Result<std::uint32_t> LaneLog::write_header(const File& file) {
    sys::AlignedBuffer block(journal_header_size);
    const std::uint32_t seed = encode_journal_header({.state = JournalState::active,
                                                      .shard = no_shard,
                                                      .sequence = file.sequence,
                                                      .base = next_,
                                                      .durable = Lsn(options_.is_cached ? 0 : next_.value - 1),
                                                      .nonce = options_.nonce + ++nonces_,
                                                      .epoch = 1},
                                                     block.bytes());
    // Before any frame, also through the page cache: with the header of its former life a file would seem to be torn.
    FANTAIL_CHECK(judged(files_io_.write_through(file.id, 0, block.bytes())));
    return seed;
}

void LaneLog::release_before(Lsn number) {
    // Not the last one: it knows where the numbers go on.
    while (released_ + 1 < files_.size() && files_[released_].behind <= number) ++released_;
    while (released_ > options_.spares_max || (released_ > 0 && files_.front().size > options_.file_size)) drop_front();
}

void LaneLog::drop_front() {
    files_io_.close(files_.front().id);
    remove(files_.front().name);
    files_.pop_front();
    --released_;
}

/// Were a file used again while an older one is still there, the next opening would miss the sequence between them.
void LaneLog::remove(const std::string& name) {
    if (auto removed = files_io_.remove(path(name)); !removed && !failed_) failed_ = removed.error();
}

}  // namespace fantail::storage
