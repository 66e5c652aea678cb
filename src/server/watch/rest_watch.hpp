// SPDX-License-Identifier: Apache-2.0
//! When a process has rested: the time to give back what it keeps for the next burst of work.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace fantail::server {

/// Says it once after each time of work; the start is one. Looked at about every second.
class RestWatch {
public:
    static constexpr std::int64_t rest_ms = 5000;
    /// Who uses less than one part in so many of a processor rests: heartbeats are no work.
    static constexpr std::int64_t idle_divisor = 50;

    /// \param cpu_ns what the process has used since it began
    [[nodiscard]] bool rested(std::int64_t cpu_ns, MonoTime now) {
        const bool idle = seen_.ns != 0 && (cpu_ns - cpu_ns_) * idle_divisor < now.ns - seen_.ns;
        cpu_ns_ = cpu_ns;
        seen_ = now;
        if (!idle) {
            worked_ = now;
            told_ = false;
        }
        if (told_ || now < worked_.plus_ms(rest_ms)) return false;
        told_ = true;
        return true;
    }

private:
    std::int64_t cpu_ns_ = 0;
    MonoTime seen_;
    MonoTime worked_;
    bool told_ = false;
};

}  // namespace fantail::server
