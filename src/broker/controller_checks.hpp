// SPDX-License-Identifier: Apache-2.0
//! Why the controller refuses: the errors that clients read, and the comparison of a declaration with what exists.
#pragma once

#include <string_view>

#include "broker/api/commands.hpp"

namespace fantail::broker {

/// A queue or exchange in words: `queue 'q' in vhost '/'`.
[[nodiscard]] std::string in_words(std::string_view kind, std::string_view name, std::string_view vhost);

/// Whether declaring again means the same. \param vhost its name, for the text
/// Errors: locked (exclusive to another connection, or not exclusive as now wanted), precondition_failed (inequivalent arg).
[[nodiscard]] Result<void> check_equivalent(const DeclareQueue& wanted, ConnectionId origin,
                                            const QueueDefinition& current, std::string_view vhost);
[[nodiscard]] Result<void> check_equivalent(const ExchangeDefinition& wanted, const ExchangeDefinition& current,
                                            std::string_view vhost);

/// Errors: locked.
[[nodiscard]] Result<void> check_owner(const QueueDefinition& queue, ConnectionId origin, std::string_view vhost);

}  // namespace fantail::broker
