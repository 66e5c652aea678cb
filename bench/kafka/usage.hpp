// SPDX-License-Identifier: Apache-2.0
//! Time, bytes and CPU of a part of a run.
#pragma once
#include <cstdint>

#include "driver/report.hpp"
#include "kafka/options.hpp"

namespace fantail::bench::kafka {

/// Clocks when it was made; report() tells what has been used since.
class Usage {
public:
    explicit Usage(const Options& options);
    /// Rate of `bytes` (MB: 10^6) and CPU a GB of server and driver; how busy the rest of the machine was.
    void report(Report& report, std::uint64_t bytes) const;

private:
    const Options& options_;
    std::int64_t begun_ns_;
    double server_cpu_;
    double driver_cpu_;
    double machine_busy_;
};

}  // namespace fantail::bench::kafka
