// SPDX-License-Identifier: Apache-2.0
//! Where a lane's sender keeps its journal beyond its own life, as the pattern sees it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fantail/message.hpp"
#include "patterns/lane_state.hpp"

namespace fantail::patterns {

/// Numbers messages as LaneJournal does. Calls may block for as long as the disk takes. A store that is broken stays so.
class LaneStore {
public:
    enum class Kept : std::uint8_t {
        yes,
        no_room,    ///< not now: tried again later it may be
        too_large,  ///< not ever
        broken,     ///< nothing is kept any more
    };
    /// What a former life has left.
    struct Found {
        LaneState state;
        LaneNumber first{1};
        std::vector<message> messages;  ///< from `first` on
    };

    LaneStore() = default;
    LaneStore(const LaneStore&) = delete;
    LaneStore& operator=(const LaneStore&) = delete;
    virtual ~LaneStore() = default;

    [[nodiscard]] virtual Found take_found() = 0;
    /// Copies the message; it is durable after the next commit().
    [[nodiscard]] virtual Kept append(const message& m) = 0;
    /// Forgets the message appended last, which is not durable.
    virtual void take_back() = 0;
    /// Makes all that was appended durable.
    [[nodiscard]] virtual Kept commit() = 0;
    /// Behind the last durable message.
    [[nodiscard]] virtual LaneNumber durable_end() const = 0;
    /// Bytes that wait for commit().
    [[nodiscard]] virtual std::size_t waiting_bytes() const = 0;
    [[nodiscard]] virtual Kept save(const LaneState& state) = 0;
    /// Messages before `number` need not be kept any more.
    virtual void forget_before(LaneNumber number) = 0;
    /// Why the last call was not `yes`, for people.
    [[nodiscard]] virtual const std::string& trouble() const = 0;
    /// Lets another program have it. No call follows.
    virtual void close() = 0;
};

}  // namespace fantail::patterns
