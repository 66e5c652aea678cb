// SPDX-License-Identifier: Apache-2.0
//! A member to whom the group assigns: what it said of itself, what it has, and what it is to have.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "broker/api/group_commands.hpp"

namespace fantail::broker {

enum class AssignedState : std::uint8_t {
    stable,    ///< it has what its epoch's assignment gives it
    revoking,  ///< it is to let go of partitions before it learns of the next assignment
    waiting,   ///< it has its epoch's assignment but for partitions that others are to let go of
};

/// Immutable where it is shared: a change makes another one.
struct AssignedMember {
    // As the member says.
    std::string id;
    std::optional<std::string> instance;
    std::optional<std::string> rack;
    std::string client_id;
    std::string client_host;
    std::string user;
    VhostId vhost;
    std::int32_t rebalance_timeout_ms = 0;
    std::vector<std::string> topics;  ///< ascending, each once
    std::string pattern;              ///< empty: none
    Assignor assignor = Assignor::none;
    // As the group says.
    std::int32_t epoch = 0;           ///< epoch_pauses: a static member that will come back
    std::int32_t previous_epoch = 0;  ///< the member may not have heard of the epoch yet
    AssignedState state = AssignedState::stable;
    Partitions partitions;  ///< what the member may use
    Partitions revoked;     ///< what it may not have let go of yet; none of them in `partitions`
    Partitions target;

    bool operator==(const AssignedMember&) const = default;
    /// Whether it says the same of itself.
    [[nodiscard]] bool same_facts(const AssignedMember& other) const;
    /// What the member says of itself takes in memory or in the log, about; never less than in the log.
    [[nodiscard]] std::size_t bytes() const;
};
using AssignedMemberRef = std::shared_ptr<const AssignedMember>;

/// docs/formats/groups.md. Reading fails the reader.
void encode_assigned_member(Writer& out, const AssignedMember& member);
[[nodiscard]] AssignedMemberRef read_assigned_member(Reader& in);

}  // namespace fantail::broker
