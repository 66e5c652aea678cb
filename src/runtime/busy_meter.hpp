// SPDX-License-Identifier: Apache-2.0
//! How busy a core is, smoothed over a tenth of a second.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace fantail::runtime {

class BusyMeter {
public:
    /// A turn ended at `now` that worked for `busy_ns`.
    void turn(MonoTime now, std::int64_t busy_ns) {
        busy_ns_ += busy_ns;
        const std::int64_t length = now.ns - window_start_.ns;
        if (length < window_ns) return;
        const auto share = static_cast<std::uint32_t>(busy_ns_ * 1000 / length);
        permille_ = (permille_ + share) / 2;
        busy_ns_ = 0;
        window_start_ = now;
    }
    [[nodiscard]] std::uint32_t busy_permille() const { return permille_; }

private:
    static constexpr std::int64_t window_ns = 100'000'000;
    MonoTime window_start_;
    std::int64_t busy_ns_ = 0;
    std::uint32_t permille_ = 0;
};

}  // namespace fantail::runtime
