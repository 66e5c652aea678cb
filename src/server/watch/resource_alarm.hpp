// SPDX-License-Identifier: Apache-2.0
//! When memory or disk run short: publishers are held back until there is room again.
#pragma once

#include <cstdint>
#include <string>

namespace fantail::server {

/// The limits. 0: none.
struct ResourceLimits {
    std::uint64_t memory_max = 0;     ///< resident bytes
    std::uint64_t disk_free_min = 0;  ///< bytes
};

struct ResourceUse {
    std::uint64_t memory = 0;     ///< resident bytes
    std::uint64_t disk_free = 0;  ///< bytes
};

/// Decides. Ends an alarm only when there is some more room than where it began, so that it does not flutter.
class ResourceAlarm {
public:
    explicit ResourceAlarm(ResourceLimits limits) : limits_(limits) {}
    /// \return true if the alarm begins, ends, or changes its reason
    [[nodiscard]] bool update(const ResourceUse& use);
    [[nodiscard]] const ResourceLimits& limits() const { return limits_; }
    [[nodiscard]] bool on() const { return memory_ || disk_; }
    [[nodiscard]] bool memory_short() const { return memory_; }
    [[nodiscard]] bool disk_short() const { return disk_; }
    /// What is short, for people; empty if nothing is.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    ResourceLimits limits_;
    bool memory_ = false;
    bool disk_ = false;
    std::string reason_;
};

/// Bytes from a setting: a share (text with a point) of `whole`, or a size in bytes already.
[[nodiscard]] std::uint64_t memory_limit(const std::string& setting, std::uint64_t whole);

}  // namespace fantail::server
