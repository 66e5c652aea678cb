// SPDX-License-Identifier: Apache-2.0
//! Reading a lane's journal at start-up: which files there are, up to where their frames count, and what is damage.
#pragma once

#include "storage/lane/lane_log.hpp"
#include "storage/local/journal_format.hpp"

namespace fantail::storage {

[[nodiscard]] std::string lane_file_name(std::uint64_t number);
/// Nothing if it is no such name.
[[nodiscard]] std::optional<std::uint64_t> number_in_lane_file(const std::string& name);

/// Up to where the frames of a journal file count.
struct LaneFileWalk {
    std::uint64_t end = journal_header_size;  ///< where the next frame would stand
    Lsn behind;                               ///< behind the last entry
    std::uint32_t crc = 0;                    ///< of the last frame, or of the header
};

/// Shows each entry of `file`, whose header is `header`, to `replay`. Errors: malformed (a whole frame with nonsense in it).
[[nodiscard]] Result<LaneFileWalk> walk_lane_file(ByteView file, const JournalHeader& header,
                                                  const LaneLog::Replay& replay);
/// Whether a whole frame behind `walk.end` was written when more than what `walk` has found was stable.
[[nodiscard]] bool shows_damage(ByteView file, const JournalHeader& header, const LaneFileWalk& walk);

/// Fills a LaneLog that is being opened.
class LaneRecovery final {
public:
    explicit LaneRecovery(LaneLog& log) : log_(log) {}
    [[nodiscard]] Result<void> run(const LaneLog::Replay& replay);

private:
    struct Found {
        std::string name;
        JournalHeader header;
    };
    Result<void> look();
    Result<void> look_at(const std::string& name);
    Result<void> check_adjacent() const;
    /// Whether the next file follows.
    Result<bool> replay_file(std::size_t i, const LaneLog::Replay& replay);
    Result<void> adopt(const Found& found, std::uint64_t size, const LaneFileWalk& walk);
    Result<void> forget(const std::string& name);
    [[nodiscard]] std::unexpected<Error> damage(const std::string& name, const std::string& what) const;

    LaneLog& log_;
    std::vector<Found> found_;
};

}  // namespace fantail::storage
