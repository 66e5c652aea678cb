// SPDX-License-Identifier: Apache-2.0
//! What a shard's cursor groups keep across restarts: their last stable generation and their offsets.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "broker/groups/group_changes.hpp"

namespace fantail::broker {

/// What a producer's open transaction would commit.
struct PendingOffsets {
    std::int16_t epoch = -1;
    std::map<QueueId, KeptOffset> offsets;
};

/// The epochs and members of a group that assigns.
struct KeptAssigned {
    std::int32_t epoch = 0;
    std::int32_t assignment_epoch = 0;
    Assignor assignor = Assignor::none;  ///< that made the assignment
    std::uint64_t topics_hash = 0;
    std::map<std::string, AssignedMemberRef, std::less<>> members;  ///< by id
};

struct KeptGroup {
    std::int32_t generation = 0;
    std::string protocol_type;  ///< empty: it only ever kept offsets
    std::string protocol;
    std::string leader;
    WallTime since;                                          ///< when it became stable or empty, or had its last epoch
    std::map<std::string, KeptMember, std::less<>> members;  ///< by id
    std::map<QueueId, KeptOffset> offsets;
    std::map<std::int64_t, PendingOffsets> pending;  ///< by producer
    std::optional<KeptAssigned> assigned;            ///< absent: not the kind that assigns; else it has no generation

    /// Whether an open transaction commits an offset in the log.
    [[nodiscard]] bool is_pending(QueueId log) const;
};

/// Changed by apply() only, live and in replay alike.
class GroupStore final {
public:
    using Groups = std::map<std::string, KeptGroup, std::less<>>;

    void apply(const GroupChange& change);
    /// Null: nothing of that group is kept. Valid until the group is gone.
    [[nodiscard]] const KeptGroup* find(std::string_view group) const;
    [[nodiscard]] const Groups& groups() const { return groups_; }
    /// The end of replay: a generation whose last part was not written never was.
    void drop_unfinished() { unfinished_.clear(); }

    /// docs/formats/groups.md; equal states give equal bytes.
    void encode(Writer& out) const;
    /// What a snapshot knows of groups, from all that there is to less.
    enum class Holds : std::uint8_t { all, no_assigned, no_pending };
    /// False: cut off or senseless.
    [[nodiscard]] bool decode(Reader& in, Holds holds = Holds::all);

private:
    void carry_out(const GenerationChange& change);
    void carry_out(const MemberChange& change);
    void carry_out(const OffsetsChange& change);
    void carry_out(const OffsetsGoneChange& change);
    void carry_out(const LogGoneChange& change);
    void carry_out(const GroupGoneChange& change);
    void carry_out(const PendingOffsetsChange& change);
    void carry_out(const PendingEndedChange& change);
    void carry_out(const AssignedEpochChange& change);
    void carry_out(const AssignedMemberChange& change);
    void carry_out(const AssignedGoneChange& change);

    Groups groups_;
    std::vector<KeptMember> unfinished_;  ///< parts of the generation that is being written
};

}  // namespace fantail::broker
