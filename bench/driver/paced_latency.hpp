// SPDX-License-Identifier: Apache-2.0
//! Latencies of a load that keeps its rate: counted from when each message was to be sent, and from when it was.
//
// A sender that is held up sends less while the server is slow, and what it did not send has no latency: percentiles of what
// was sent look good just when they are bad ("coordinated omission"). Counted from the intended time, a message that was
// sent late has waited since then.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "driver/histogram.hpp"

namespace fantail::bench {

/// When each message of a steady load is to be sent. Times in nanoseconds of one clock.
class Pace final {
public:
    /// \param per_s messages a second, above 0
    Pace(std::int64_t start_ns, double per_s) : start_ns_(start_ns), interval_ns_(1e9 / per_s) {}
    /// When the message with this number is to be sent; the first is 0.
    [[nodiscard]] std::int64_t intended(std::uint64_t number) const {
        return start_ns_ + static_cast<std::int64_t>(static_cast<double>(number) * interval_ns_);
    }
    /// How many messages should have been sent by now.
    [[nodiscard]] std::uint64_t due(std::int64_t now_ns) const {
        if (now_ns < start_ns_) return 0;
        auto count = static_cast<std::uint64_t>(static_cast<double>(now_ns - start_ns_) / interval_ns_);
        while (intended(count) <= now_ns) ++count;  // once, or twice where rounding has taken one
        while (count > 0 && intended(count - 1) > now_ns) --count;
        return count;
    }

private:
    std::int64_t start_ns_;
    double interval_ns_;
};

/// Both ways of counting, side by side. Not thread-safe.
class PacedLatency final {
public:
    explicit PacedLatency(const Pace& pace) : pace_(pace) {}
    void record(std::uint64_t number, std::int64_t sent_ns, std::int64_t received_ns) {
        corrected_.record(received_ns - pace_.intended(number));
        uncorrected_.record(received_ns - sent_ns);
    }
    /// From the intended time.
    [[nodiscard]] const Histogram& corrected() const { return corrected_; }
    /// From the time of sending.
    [[nodiscard]] const Histogram& uncorrected() const { return uncorrected_; }

private:
    Pace pace_;
    Histogram corrected_;
    Histogram uncorrected_;
};

}  // namespace fantail::bench
