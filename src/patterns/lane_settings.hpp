// SPDX-License-Identifier: Apache-2.0
//! The settings of lanes; docs in `fantail/options.hpp`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "patterns/lane_journal.hpp"
#include "patterns/lane_store.hpp"
#include "patterns/lane_wire.hpp"

namespace fantail::patterns {

/// What a lane tells the socket's monitor.
enum class LaneNews : std::uint8_t { resumed, dead_lettered };

struct LaneSettings {
    LaneId id{};               ///< of the sender's lane, or of the receiver; chosen by chance
    bool takes_plain = false;  ///< peers that know nothing of lanes are taken as they are
    // The sender's.
    LaneJournalLimits journal;
    LaneStore* store = nullptr;      ///< none: the journal is in memory alone
    std::uint32_t attempts_max = 0;  ///< 0: no limit
    std::int64_t retry_ms_min = 100;
    std::int64_t retry_ms_max = 30'000;
    std::function<void(message m, std::uint32_t attempts)> dead_letter;    ///< or none
    std::function<void(LaneNews what, const std::string& detail)> report;  ///< or none
    // The receiver's.
    std::uint32_t window = 1000;
    std::uint64_t message_size_max = 0;  ///< bytes that its connections take, 64 counted a part; 0: not said
    std::uint32_t lanes_max = 10'000;    ///< remembered, of those without a connection
    bool is_automatic = false;           ///< the next receive() acknowledges what the last one gave
};

}  // namespace fantail::patterns
