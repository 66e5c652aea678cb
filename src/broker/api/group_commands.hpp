// SPDX-License-Identifier: Apache-2.0
//! Cursor groups: consumers that share the partitions of topics among them and commit offsets.
//
// A group lives in the shard that shard_of_group() names (port.hpp). Members share by one of two protocols: in the classic one a
// member, the leader, makes the assignment and the group hands it out; in the other the group assigns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace fantail::broker {

enum class GroupOutcome : std::uint8_t {
    ok,
    invalid_group,            ///< the name is empty
    not_found,                ///< no such group
    unknown_member,           ///< no such member, or the group is gone
    member_id_required,       ///< join again with the id in the answer
    illegal_generation,       ///< the member acts on an assignment that is over
    rebalance_in_progress,    ///< join again
    inconsistent_protocol,    ///< another kind of group, or no way of sharing that all members know
    invalid_session_timeout,  ///< outside the broker's bounds
    fenced_instance,          ///< another process took the static member's place
    full,                     ///< the group has as many members as it may
    not_empty,                ///< it has members
    subscribed,               ///< its members are subscribed to the topic
    metadata_too_large,       ///< of a committed offset
    unstable_offset,          ///< a transaction that commits it is open
    too_large,                ///< what a member says of itself or assigns (limits::group_*)
    overloaded,               ///< too many commits wait for the disk: try again
};

struct GroupLimits {
    std::int32_t session_timeout_min_ms = 6'000;
    std::int32_t session_timeout_max_ms = 1'800'000;
    std::int32_t initial_rebalance_delay_ms =
        50;  ///< of an empty group's first rebalance: who starts at once joins at once
    std::uint32_t members_max = 10'000;
    std::uint32_t offset_metadata_bytes_max = 4'096;
    std::int64_t offset_retention_ms = 7LL * 24 * 3'600 * 1'000;  ///< of a group without members
};

/// How a member could share: a name that members agree on, and what it tells the leader about itself.
struct GroupProtocol {
    std::string name;
    Bytes metadata;
    std::optional<std::vector<std::string>> topics;  ///< named in the metadata; absent if the sender cannot read it
    bool operator==(const GroupProtocol&) const = default;
};

struct JoinGroup {
    std::string member;  ///< empty: new
    std::optional<std::string> instance;
    std::string client_id;
    std::string client_host;
    std::string protocol_type;
    std::vector<GroupProtocol> protocols;  ///< in order of preference
    std::int32_t session_timeout_ms = 0;
    std::int32_t rebalance_timeout_ms = 0;
    bool may_require_member_id = false;  ///< the client knows member_id_required
    bool may_skip_assignment = false;    ///< the client knows GroupJoined::skip_assignment
};

struct MemberAssignment {
    std::string member;
    Bytes assignment;
};

struct SyncGroup {
    std::int32_t generation = -1;
    std::string member;
    std::optional<std::string> instance;
    std::optional<std::string> protocol_type;  ///< checked if present
    std::optional<std::string> protocol;
    std::vector<MemberAssignment> assignments;  ///< the leader's
};

struct GroupHeartbeat {
    std::int32_t generation = -1;
    std::string member;
    std::optional<std::string> instance;
};

struct LeavingMember {
    std::string member;
    std::optional<std::string> instance;
};
struct LeaveGroup {
    std::vector<LeavingMember> members;
};

struct OffsetToCommit {
    QueueId log;
    Offset offset;
    std::int32_t leader_epoch = -1;
    std::string metadata;
};
/// generation -1 and no member: a commit from outside, which only an empty or unknown group takes.
struct CommitOffsets {
    std::int32_t generation = -1;
    std::string member;
    std::optional<std::string> instance;
    std::vector<OffsetToCommit> offsets;
};

struct FetchOffsets {
    std::optional<std::vector<QueueId>> logs;  ///< absent: all that the group has
    bool require_stable = false;
};

struct DescribeGroup {};
struct DeleteGroup {};
struct OffsetToDelete {
    QueueId log;
    std::string topic;  ///< whose log it is: members may be subscribed to it
};
struct DeleteOffsets {
    std::vector<OffsetToDelete> offsets;
};

using GroupAction = std::variant<JoinGroup, SyncGroup, GroupHeartbeat, LeaveGroup, CommitOffsets, FetchOffsets,
                                 DescribeGroup, DeleteGroup, DeleteOffsets>;

/// Sent to the group's shard; answered by GroupAnswered. On the heap: it is larger than any other command.
struct GroupCommand {
    std::string group;
    std::unique_ptr<GroupAction> action;  ///< never null
};

/// Every group of a shard; answered by GroupsListed.
struct ListGroups {};

// ---------------------------------------------------------------- answers

struct GroupMemberMetadata {
    std::string member;
    std::optional<std::string> instance;
    Bytes metadata;
};

/// Answers JoinGroup, when the group's members have all joined.
struct GroupJoined {
    GroupOutcome outcome = GroupOutcome::ok;
    std::int32_t generation = -1;
    std::string protocol_type;
    std::string protocol;
    std::string leader;
    std::string member;
    bool skip_assignment = false;              ///< a static leader came back: what it would assign is known
    std::vector<GroupMemberMetadata> members;  ///< for the leader
};

/// Answers SyncGroup, when the leader has assigned and that is durable.
struct GroupSynced {
    GroupOutcome outcome = GroupOutcome::ok;
    std::string protocol_type;
    std::string protocol;
    Bytes assignment;
};

/// Answers GroupHeartbeat and, when it is durable, DeleteGroup.
struct GroupDone {
    GroupOutcome outcome = GroupOutcome::ok;
};

/// Answers LeaveGroup.
struct GroupLeft {
    GroupOutcome outcome = GroupOutcome::ok;
    std::vector<GroupOutcome> members;  ///< as asked
};

/// Answers CommitOffsets and DeleteOffsets when they are durable.
struct OffsetsCommitted {
    GroupOutcome outcome = GroupOutcome::ok;
    std::vector<GroupOutcome> logs;  ///< as asked; empty if the outcome is not ok
};

struct CommittedOffset {
    QueueId log;
    GroupOutcome outcome = GroupOutcome::ok;
    std::optional<Offset> offset;  ///< absent: none was committed
    std::int32_t leader_epoch = -1;
    std::string metadata;
    WallTime committed_at;
};
/// Answers FetchOffsets, when what it tells is durable.
struct OffsetsFetched {
    GroupOutcome outcome = GroupOutcome::ok;
    std::vector<CommittedOffset> offsets;
};

enum class GroupState : std::uint8_t { empty, preparing_rebalance, completing_rebalance, stable, dead };

struct GroupMemberFigures {
    std::string member;
    std::optional<std::string> instance;
    std::string client_id;
    std::string client_host;
    Bytes metadata;
    Bytes assignment;
};
/// Answers DescribeGroup.
struct GroupDescribed {
    GroupOutcome outcome = GroupOutcome::ok;
    GroupState state = GroupState::dead;
    std::string protocol_type;
    std::string protocol;
    std::int32_t generation = -1;
    std::vector<GroupMemberFigures> members;
};

struct GroupListing {
    std::string group;
    std::string protocol_type;
    GroupState state = GroupState::empty;
};
struct GroupsListed {
    std::vector<GroupListing> groups;
};

using GroupAnswer = std::variant<GroupJoined, GroupSynced, GroupDone, GroupLeft, OffsetsCommitted, OffsetsFetched,
                                 GroupDescribed, GroupsListed>;

/// On the heap: it is larger than any other event.
struct GroupAnswered {
    RequestId request;
    std::unique_ptr<GroupAnswer> answer;  ///< never null
};

}  // namespace fantail::broker
