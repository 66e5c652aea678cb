// SPDX-License-Identifier: Apache-2.0
//! A lane's journal in files, for its sender's pattern.
#include "lib/lane_disk.hpp"

#include <algorithm>
#include <optional>

#include "sys/random.hpp"

namespace fantail::lib {

using patterns::LaneNumber;
using patterns::LaneState;
using Kept = patterns::LaneStore::Kept;

// --- a message's entry ---

static constexpr std::size_t size_of_size = 4;

std::size_t lane_entry_size(const message& m) { return m.bytes_total() + (m.size() + 1) * size_of_size; }

void encode_lane_entry(const message& m, MutableBytes out) {
    std::uint8_t* at = out.data();
    store_be(at, static_cast<std::uint32_t>(m.size()));
    at += size_of_size;
    for (std::size_t i = 0; i < m.size(); ++i) {
        const byte_view bytes = m[i].bytes();
        store_be(at, static_cast<std::uint32_t>(bytes.size()));
        if (!bytes.empty()) std::memcpy(at + size_of_size, bytes.data(), bytes.size());
        at += size_of_size + bytes.size();
    }
}

Result<message> decode_lane_entry(ByteView bytes) {
    Reader in(bytes);
    const std::uint32_t parts = in.u32();
    message m;
    for (std::uint32_t i = 0; i < parts && !in.failed(); ++i) {
        part p(in.take(in.u32()));
        if (i == 0) m = message(std::move(p));
        else m.add(std::move(p));
    }
    if (!in.done() || parts == 0) return fail(ErrorCode::malformed, "an entry that is no message");
    return m;
}

// --- opening ---

LaneDisk::LaneDisk(const std::string& directory, bool is_cached)
    : own_files_(std::make_unique<storage::PosixLaneFiles>(is_cached)), files_(*own_files_) {
    open(directory, is_cached);
}

LaneDisk::LaneDisk(storage::LaneFiles& files, const std::string& directory, bool is_cached) : files_(files) {
    open(directory, is_cached);
}

void LaneDisk::open(const std::string& directory, bool is_cached) {
    auto opened = directory.empty() ? Result<void>(fail(ErrorCode::not_found, "lane.journal_directory is not set"))
                                    : recover(directory, is_cached);
    if (opened) return;
    log_.reset();
    found_ = {};
    sys::random_bytes(found_.state.id);
    is_unopened_ = true;
    trouble_ = opened.error().message;
}

Result<void> LaneDisk::recover(const std::string& directory, bool is_cached) {
    std::optional<LaneNumber> first;
    Result<void> decoded;
    const auto replay = [&](Lsn number, ByteView entry) {
        if (!first) first = LaneNumber(number.value);
        auto m = decode_lane_entry(entry);
        if (m) found_.messages.push_back(std::move(*m));
        else if (decoded)
            decoded = fail(ErrorCode::corrupt,
                           directory + ": number " + std::to_string(number.value) + ": " + m.error().message);
    };
    const storage::LaneLogOptions options{.directory = directory, .is_cached = is_cached, .nonce = sys::random_u64()};
    FANTAIL_TRY(log_, storage::LaneLog::open(files_, options, replay));
    FANTAIL_CHECK(decoded);
    return take_state(first.value_or(LaneNumber(log_->next().value)));
}

/// \param first the number of found_.messages' first
Result<void> LaneDisk::take_state(LaneNumber first) {
    const LaneNumber end(log_->next().value);
    if (!log_->found_state().empty()) {
        FANTAIL_TRY(found_.state, patterns::decode_lane_state(log_->found_state()));
    }
    LaneState& state = found_.state;
    if (state.acked >= end && !log_->may_have_lost())
        return fail(ErrorCode::corrupt, "the journal ends before number " + std::to_string(end.value) + ", and " +
                                            std::to_string(state.acked.value) + " was acknowledged");
    const std::uint64_t done = std::clamp(state.acked.value + 1, first.value, end.value) - first.value;
    found_.messages.erase(found_.messages.begin(), found_.messages.begin() + static_cast<std::ptrdiff_t>(done));
    found_.first = first.plus(done);
    const bool is_new = log_->found_state().empty();
    if (is_new || log_->may_have_lost()) {
        // Numbers that receivers know may be given out once more: it goes on as another lane.
        sys::random_bytes(state.id);
        state.sent_to = LaneState::SentTo::nobody;
        state.acked = LaneNumber(found_.first.value - 1);
        state.doubtful_end = end;
        if (save(state) != Kept::yes) return fail(ErrorCode::io, trouble_);
    }
    log_->release_before(Lsn(found_.first.value));
    return {};
}

// --- keeping ---

Kept LaneDisk::failed(const Error& why) {
    trouble_ = why.message;
    if (log_->failed()) return Kept::broken;
    if (why.code == ErrorCode::too_large) return Kept::too_large;
    return Kept::no_room;
}

Kept LaneDisk::append(const message& m) {
    if (!log_) return Kept::broken;
    auto room = log_->append(lane_entry_size(m));
    if (!room) return failed(room.error());
    encode_lane_entry(m, *room);
    return Kept::yes;
}

Kept LaneDisk::commit() {
    if (!log_) return Kept::broken;
    auto done = log_->commit();
    return done ? Kept::yes : failed(done.error());
}

LaneNumber LaneDisk::durable_end() const { return log_ ? LaneNumber(log_->durable_end().value) : LaneNumber(1); }

Kept LaneDisk::save(const LaneState& state) {
    if (!log_) return Kept::broken;
    auto done = log_->save(patterns::encode(state));
    return done ? Kept::yes : failed(done.error());
}

void LaneDisk::forget_before(LaneNumber number) {
    if (log_) log_->release_before(Lsn(number.value));
}

}  // namespace fantail::lib
