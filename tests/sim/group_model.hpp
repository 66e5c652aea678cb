// SPDX-License-Identifier: Apache-2.0
//! The judge of consumer groups: who shares which partitions in which generation, and what offsets are committed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/log_topology.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

using Share = std::set<const PartitionSpec*>;
using Shares = std::map<std::string, Share>;  ///< by member; a static one by the name that it keeps

class GroupModel {
public:
    explicit GroupModel(World& world) : world_(world) {}

    // Generations.
    /// A leader has said who reads what.
    void shared(const GroupSpec& group, std::int32_t generation, Shares shares);
    /// A member was told its share.
    void joined(const GroupSpec& group, std::int32_t generation, const std::string& member, const Share& share);
    /// The newest generation of which somebody knows its share.
    [[nodiscard]] std::int32_t newest(const GroupSpec& group) const;
    /// The broker takes a member's word for its generation, asked when `newest` was the newest.
    void served(const GroupSpec& group, std::int32_t generation, std::int32_t newest, const char* what);

    // Partitions that the group itself gives.
    /// The member uses it from now on.
    void takes(const GroupSpec& group, const PartitionSpec& partition, const std::string& member);
    void lets_go(const GroupSpec& group, const PartitionSpec& partition);
    /// Members have rested for long: somebody has each of its partitions.
    void judge_rest(const GroupSpec& group, const LogTopology& topology);

    // Offsets.
    /// \return a number for what is committed
    std::uint64_t committing(const GroupSpec& group, const PartitionSpec& partition, std::int64_t offset,
                             const std::shared_ptr<Link>& link);
    void committed(const GroupSpec& group, const PartitionSpec& partition, std::uint64_t number);
    void refused(const GroupSpec& group, const PartitionSpec& partition, std::uint64_t number);
    /// The broker says what is committed (-1: nothing); asked at `asked_at`.
    void fetched(const GroupSpec& group, const PartitionSpec& partition, std::int64_t offset, std::int64_t asked_at);

private:
    struct Generation {
        std::vector<Shares> said;  ///< by leaders
        Shares told;               ///< to members
    };
    struct Commit {
        std::uint64_t number = 0;
        std::int64_t offset = -1;
        std::int64_t sent_at = 0;
        std::int64_t done_at = 0;  ///< 0: not answered
        std::shared_ptr<Link> link;
    };
    using Place = std::pair<const GroupSpec*, const PartitionSpec*>;
    [[nodiscard]] static bool is_before(const Commit& one, const Commit& other);

    World& world_;
    std::map<const GroupSpec*, std::map<std::int32_t, Generation>> groups_;
    std::map<Place, std::vector<Commit>> commits_;       ///< that may be what is there
    std::map<Place, std::string> users_;                 ///< of partitions that groups give
    std::map<const GroupSpec*, std::int64_t> moved_at_;  ///< when one of them came or went
    std::uint64_t numbers_ = 0;
};

}  // namespace fantail::sim
