// SPDX-License-Identifier: Apache-2.0
//! How much a connection may read in one turn.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/limits.hpp"
#include "base/time.hpp"
#include "broker/consumer_pace.hpp"

namespace fantail::runtime {

/// A consumer gets one window of messages a round trip, a publisher could be read from in every turn. While consumers that
/// settle within `patience_ns` are behind, those who publish are read as many bytes as consumers took, a little less:
/// what is delivered then comes from memory. Otherwise it would be written, flushed and read back, which costs more than
/// waiting. A slower consumer, or one with a small window, slows nobody.
class ReadBudget {
public:
    /// Bytes; 0: not in this turn.
    [[nodiscard]] std::uint32_t size(bool publishes, MonoTime now) const {
        if (!publishes || now >= behind_until_) return limits::read_size_max;
        return credit_ < limits::read_size_min ? 0 : credit_;
    }
    /// A connection that publishes was read from.
    void took(std::size_t bytes) { credit_ -= static_cast<std::uint32_t>(std::min<std::size_t>(bytes, credit_)); }
    /// \param pace of this core's consumers in the turn that ends
    void end_of_turn(const broker::ConsumerPace& pace, MonoTime now) {
        if (pace.kind == broker::ConsumerPace::Kind::even) behind_until_ = {};
        if (pace.kind != broker::ConsumerPace::Kind::behind || pace.leased_bytes < limits::read_size_min) return;
        behind_until_ = {now.ns + patience_ns};
        credit_ = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(credit_ + pace.leased_bytes / 8 * 7, limits::read_size_max));
    }

private:
    static constexpr std::int64_t patience_ns = 200'000;
    MonoTime behind_until_;
    std::uint32_t credit_ = 0;
};

}  // namespace fantail::runtime
