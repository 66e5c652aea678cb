// SPDX-License-Identifier: Apache-2.0
//! Policies: which of them a queue or exchange falls under, and what is in force then.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "broker/api/definitions.hpp"
#include "broker/name_pattern.hpp"

namespace fantail::broker {

/// The policies of one vhost, compiled. Of those that match, the one with the highest priority counts (then the first by
/// name), once among the users' and once among the operator's; where both state a limit, the lower one counts.
class PolicyBook {
public:
    PolicyBook() = default;
    explicit PolicyBook(std::span<const PolicyDefinition> policies);

    /// Sets `options`, `policy` and `operator_policy` from the rest of the definition.
    void lay_over(QueueDefinition& queue) const;
    /// Sets `alternate` and `policy`.
    void lay_over(ExchangeDefinition& exchange) const;

private:
    struct Page {
        PolicyDefinition policy;
        NamePattern pattern;
    };
    template <class Applies>
    [[nodiscard]] const PolicyDefinition* find(std::string_view name, bool is_operator, Applies applies) const;
    std::vector<Page> pages_;  ///< best first
};

/// Whether the policy can be put. Errors: malformed (its pattern, an empty name).
[[nodiscard]] Result<void> check_policy(const PolicyDefinition& policy);

}  // namespace fantail::broker
