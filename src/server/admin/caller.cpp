// SPDX-License-Identifier: Apache-2.0
//! Tags and what they include.
#include "server/admin/caller.hpp"

#include <algorithm>

namespace fantail::server {

Caller caller_of(const broker::UserDefinition& user) {
    const auto has = [&user](std::string_view tag) { return std::ranges::find(user.tags, tag) != user.tags.end(); };
    Caller caller{.name = user.name, .administrator = has("administrator")};
    caller.monitoring = caller.administrator || has("monitoring");
    caller.policymaker = caller.administrator || has("policymaker");
    caller.management = caller.monitoring || caller.policymaker || has("management");
    return caller;
}

std::optional<std::string> lacks(const Caller& caller, Need need) {
    switch (need) {
        case Need::nothing: return std::nullopt;
        case Need::management: return caller.management ? std::nullopt : std::optional("Not management user");
        case Need::monitoring: return caller.monitoring ? std::nullopt : std::optional("Not monitor user");
        case Need::policymaker:
            return caller.policymaker ? std::nullopt : std::optional("User not authorised to access object");
        case Need::administrator: return caller.administrator ? std::nullopt : std::optional("Not administrator user");
    }
    return "unknown need";
}

}  // namespace fantail::server
