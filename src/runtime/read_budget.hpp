// SPDX-License-Identifier: Apache-2.0
//! How much a connection may read in one turn.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/limits.hpp"

namespace fantail::runtime {

/// A consumer takes one window of messages a turn at most, a publisher as many as one read brings. Long reads cost the
/// least; but where they bring more than the windows take, consumers fall behind, and what they get must then be read
/// back from the disk. So reads shrink while consumers lag, and grow again, slowly, when they do not.
class ReadBudget {
public:
    /// Bytes.
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// \param lagging consumers of this core left more than they took in the turn that ends
    void end_of_turn(bool lagging) {
        size_ = lagging ? std::max(size_ / 2, limits::read_size_min) : std::min(size_ + growth, limits::read_size_max);
    }

private:
    static constexpr std::uint32_t growth = 1024;
    std::uint32_t size_ = limits::read_size_max;
};

}  // namespace fantail::runtime
