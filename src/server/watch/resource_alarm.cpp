// SPDX-License-Identifier: Apache-2.0
//! Thresholds and hysteresis.
#include "server/watch/resource_alarm.hpp"

#include <fmt/format.h>

#include <charconv>

#include "server/config/settings.hpp"

namespace fantail::server {

bool ResourceAlarm::update(const ResourceUse& use) {
    const bool memory_before = memory_;
    const bool disk_before = disk_;
    // A twentieth less than the limit, a tenth more than the minimum.
    const std::uint64_t memory_max = memory_ ? limits_.memory_max - limits_.memory_max / 20 : limits_.memory_max;
    const std::uint64_t disk_min = disk_ ? limits_.disk_free_min + limits_.disk_free_min / 10 : limits_.disk_free_min;
    memory_ = limits_.memory_max != 0 && use.memory > memory_max;
    disk_ = limits_.disk_free_min != 0 && use.disk_free < disk_min;
    if (memory_ == memory_before && disk_ == disk_before) return false;
    reason_.clear();
    constexpr double mib = 1 << 20;
    if (memory_)
        reason_ = fmt::format("memory: {:.0f} MiB in use, the limit is {:.0f} MiB",
                              static_cast<double>(use.memory) / mib, static_cast<double>(limits_.memory_max) / mib);
    if (disk_)
        reason_ +=
            fmt::format("{}disk: {:.0f} MiB free, {:.0f} MiB must stay free", reason_.empty() ? "" : "; ",
                        static_cast<double>(use.disk_free) / mib, static_cast<double>(limits_.disk_free_min) / mib);
    return true;
}

std::uint64_t memory_limit(const std::string& setting, std::uint64_t whole) {
    if (setting.contains('.') && setting.find_first_not_of("0123456789.") == std::string::npos) {
        double share = 0;
        std::from_chars(setting.data(), setting.data() + setting.size(), share);
        return static_cast<std::uint64_t>(share * static_cast<double>(whole));
    }
    const auto size = parse_size(setting);
    return size ? static_cast<std::uint64_t>(*size) : 0;
}

}  // namespace fantail::server
