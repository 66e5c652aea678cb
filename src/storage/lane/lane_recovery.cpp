// SPDX-License-Identifier: Apache-2.0
//! Reading a lane's journal at start-up.
#include "storage/lane/lane_recovery.hpp"

#include <algorithm>

#include "storage/local/rim.hpp"

namespace fantail::storage {

namespace {

constexpr const char* name_prefix = "journal-";
constexpr const char* name_suffix = ".log";

struct FrameFound {
    FrameHeader header;
    ByteView bytes;  ///< header and payload
};

/// The whole frame that stands at `position`, if there is one.
std::optional<FrameFound> frame_at(ByteView file, std::uint64_t position, const JournalHeader& header) {
    if (position + frame_header_size > file.size()) return std::nullopt;
    const auto frame = decode_frame_header(file.subspan(position));
    if (!frame || frame->epoch != header.epoch) return std::nullopt;
    const std::uint64_t length = frame_header_size + std::uint64_t{frame->payload_length};
    if (position + length > file.size()) return std::nullopt;
    const ByteView bytes = file.subspan(position, length);
    if (!frame_is_whole(bytes, header.crc)) return std::nullopt;
    return FrameFound{*frame, bytes};
}

Result<void> replay_frame(const FrameFound& frame, const LaneLog::Replay& replay) {
    Reader in(frame.bytes.subspan(frame_header_size));
    const std::size_t size = in.left();
    for (std::uint32_t i = 0; i < frame.header.entry_count; ++i) {
        FANTAIL_TRY(const Entry entry, decode_entry(in, size));
        if (entry.kind != EntryKind::change) return fail(ErrorCode::malformed, "an entry that no lane has");
        replay(frame.header.first.plus(i), entry.bytes);
    }
    return {};
}

}  // namespace

std::string lane_file_name(std::uint64_t number) { return numbered_name(name_prefix, number, name_suffix); }

std::optional<std::uint64_t> number_in_lane_file(const std::string& name) {
    return number_in_name(name, name_prefix, name_suffix);
}

Result<LaneFileWalk> walk_lane_file(ByteView file, const JournalHeader& header, const LaneLog::Replay& replay) {
    LaneFileWalk walk{.behind = header.base, .crc = header.crc};
    while (const auto frame = frame_at(file, walk.end, header)) {
        if (frame->header.first != walk.behind || frame->header.previous_crc != walk.crc) break;
        FANTAIL_CHECK(replay_frame(*frame, replay));
        walk.end += sys::round_up_to_block(frame->bytes.size());
        walk.behind = walk.behind.plus(frame->header.entry_count);
        walk.crc = frame->header.crc;
    }
    return walk;
}

bool shows_damage(ByteView file, const JournalHeader& header, const LaneFileWalk& walk) {
    for (std::uint64_t at = walk.end; at + frame_header_size <= file.size(); at += sys::block_size) {
        const auto frame = frame_at(file, at, header);
        if (frame && frame->header.durable >= walk.behind) return true;
    }
    return false;
}

Result<void> LaneRecovery::run(const LaneLog::Replay& replay) {
    FANTAIL_CHECK(look());
    FANTAIL_CHECK(check_adjacent());
    for (std::size_t i = 0; i < found_.size(); ++i) {
        FANTAIL_TRY(const bool goes_on, replay_file(i, replay));
        if (goes_on) continue;
        // A crash of the machine has cut it off here: what is in later files hangs in the air.
        for (std::size_t later = i + 1; later < found_.size(); ++later) FANTAIL_CHECK(forget(found_[later].name));
        break;
    }
    if (!log_.may_have_lost_ && log_.found_durable_ >= log_.next_.value)
        return fail(ErrorCode::corrupt, log_.options_.directory + ": the journal ends before number " +
                                            std::to_string(log_.next_.value) + ", and " +
                                            std::to_string(log_.found_durable_) + " was on disk");
    return {};
}

Result<void> LaneRecovery::look() {
    FANTAIL_TRY(const auto names, log_.files_io_.list(log_.options_.directory));
    for (const std::string& name : names) {
        const auto number = number_in_lane_file(name);
        if (!number) continue;
        log_.last_name_ = std::max(log_.last_name_, *number);
        FANTAIL_CHECK(look_at(name));
    }
    std::ranges::sort(found_, {}, [](const Found& file) { return file.header.sequence; });
    return {};
}

Result<void> LaneRecovery::look_at(const std::string& name) {
    FANTAIL_TRY(const Bytes bytes, log_.files_io_.read_whole(log_.path(name)));
    auto header = decode_journal_header(bytes);
    if (header) {
        found_.push_back({name, *header});
        return {};
    }
    const bool is_blank = std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
    // Made, and then there was no time to begin it.
    if (is_blank) return forget(name);
    if (header.error().code == ErrorCode::unsupported)
        return fail(ErrorCode::unsupported, log_.path(name) + ": " + header.error().message);
    return damage(name, header.error().message);
}

Result<void> LaneRecovery::check_adjacent() const {
    for (std::size_t i = 1; i < found_.size(); ++i) {
        const std::uint64_t before = found_[i - 1].header.sequence;
        if (found_[i].header.sequence == before + 1) continue;
        return damage(found_[i].name, "the file before it, of sequence " + std::to_string(before + 1) + ", is missing");
    }
    return {};
}

Result<bool> LaneRecovery::replay_file(std::size_t i, const LaneLog::Replay& replay) {
    const Found& found = found_[i];
    FANTAIL_TRY(const Bytes bytes, log_.files_io_.read_whole(log_.path(found.name)));
    const auto walk = walk_lane_file(bytes, found.header, replay);
    if (!walk) return damage(found.name, walk.error().message);
    const bool is_last = i + 1 == found_.size();
    const bool is_whole =
        is_last ? !shows_damage(bytes, found.header, *walk) : found_[i + 1].header.base == walk->behind;
    if (!is_whole && !log_.may_have_lost_)
        return damage(found.name, "byte " + std::to_string(walk->end) + ": number " +
                                      std::to_string(walk->behind.value) + " was on disk and cannot be read");
    FANTAIL_CHECK(adopt(found, bytes.size(), *walk));
    return is_whole;
}

Result<void> LaneRecovery::adopt(const Found& found, std::uint64_t size, const LaneFileWalk& walk) {
    LaneLog::File file{.name = found.name,
                       .size = size,
                       .sequence = found.header.sequence,
                       .end = walk.end,
                       .behind = walk.behind,
                       .seed = found.header.crc,
                       .is_new = false};
    FANTAIL_TRY(file.id, log_.files_io_.open(log_.path(found.name)));
    log_.files_.push_back(std::move(file));
    log_.last_sequence_ = found.header.sequence;
    log_.previous_crc_ = walk.crc;
    log_.next_ = log_.committed_end_ = walk.behind;
    return {};
}

Result<void> LaneRecovery::forget(const std::string& name) { return log_.files_io_.remove(log_.path(name)); }

std::unexpected<Error> LaneRecovery::damage(const std::string& name, const std::string& what) const {
    return fail(ErrorCode::corrupt, log_.path(name) + ": " + what);
}

}  // namespace fantail::storage
