// SPDX-License-Identifier: Apache-2.0
//! A regular expression by which members of a group choose topics.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace fantail::broker {

/// RE2: the time of a match grows with the name, and with a pattern that is bounded; it never explodes.
class TopicPattern final {
public:
    /// Errors: malformed (no regular expression, longer than limits::group_pattern_size_max, or too complicated)
    [[nodiscard]] static Result<TopicPattern> compile(std::string_view pattern);
    /// Whether the whole name is matched.
    [[nodiscard]] bool matches(std::string_view name) const;

private:
    struct Compiled;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace fantail::broker
