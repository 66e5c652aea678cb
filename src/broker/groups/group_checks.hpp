// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a command to a group whoever the group's members are.
#pragma once

#include <string_view>

#include "broker/api/group_commands.hpp"

namespace fantail::broker {

/// ok: the group decides.
[[nodiscard]] GroupOutcome check_command(std::string_view group, const GroupAction& action, const GroupLimits& limits);
/// Whether the action may bring a group into being.
[[nodiscard]] bool makes_group(const GroupAction& action);
/// The answer to a command that no group carries out, for that reason.
[[nodiscard]] GroupAnswer refusal(const GroupAction& action, GroupOutcome why);
/// The answer where there is no such group.
[[nodiscard]] GroupAnswer answer_of_none(const GroupAction& action);

}  // namespace fantail::broker
