// SPDX-License-Identifier: Apache-2.0
//! Cursor groups: consumers that share the partitions of topics among them and commit offsets.
//
// A group lives in the shard that shard_of_group() names (port.hpp). Members share by one of two protocols: in the classic one a
// member, the leader, makes the assignment and the group hands it out; in the other the group assigns.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/api/transaction_commands.hpp"

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
    invalid_transaction,      ///< the transaction does not include this group, or is over
    fenced_producer,          ///< the producer has a newer epoch
    too_large,                ///< what a member says of itself or assigns (limits::group_*)
    overloaded,               ///< too many commits wait for the disk: try again
    fenced_epoch,             ///< the group has given the member's partitions away: join anew
    stale_epoch,              ///< the member has a newer epoch, or will hear of it by its next heartbeat
    unreleased_instance,      ///< the static member is still there under another id
    invalid_pattern,          ///< no regular expression, or one too many
};

struct GroupLimits {
    std::int32_t session_timeout_min_ms = 6'000;
    std::int32_t session_timeout_max_ms = 1'800'000;
    std::int32_t initial_rebalance_delay_ms =
        50;  ///< of an empty group's first rebalance: who starts at once joins at once
    std::uint32_t members_max = 10'000;
    std::uint32_t offset_metadata_bytes_max = 4'096;
    std::int64_t offset_retention_ms = 7LL * 24 * 3'600 * 1'000;  ///< of a group without members
    std::int32_t assigned_session_timeout_ms = 45'000;            ///< of members that the group assigns
    std::int32_t assigned_heartbeat_ms = 5'000;                   ///< how often they are to be heard
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

/// A partition of a topic.
struct TopicPartition {
    TopicId topic;
    std::uint32_t index = 0;
    auto operator<=>(const TopicPartition&) const = default;
};
/// Ascending, each once.
using Partitions = std::vector<TopicPartition>;

/// How a group shares partitions among members.
enum class Assignor : std::uint8_t {
    none,     ///< the member does not mind
    uniform,  ///< as evenly as can be, moving as little as can be
    range,    ///< of each topic a run of partitions, the same of topics that are alike
};

/// The epochs with which a member says what it wants; others are those that the group gave it.
inline constexpr std::int32_t epoch_joins = 0;
inline constexpr std::int32_t epoch_leaves = -1;
inline constexpr std::int32_t epoch_pauses = -2;  ///< a static member leaves and will come back

/// A member that the group assigns joins, shows that it lives, tells what it owns, or leaves. What is absent has not changed.
/// REQUIRES when it joins: a rebalance time-out, topics or a pattern, and that it owns nothing.
struct AssignedHeartbeat {
    std::string member;  ///< empty, when it joins: the group makes an id
    std::int32_t epoch = epoch_joins;
    std::optional<std::string> instance;
    std::optional<std::string> rack;
    std::string client_id;
    std::string client_host;
    std::string user;  ///< a pattern finds topics that the user may read
    VhostId vhost;
    std::optional<std::int32_t> rebalance_timeout_ms;
    std::optional<std::vector<std::string>> topics;
    std::optional<std::string> pattern;  ///< of whole names (RE2); empty: none
    std::optional<Assignor> assignor;
    std::optional<Partitions> owned;
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

/// Commits when the producer's transaction does. A generation or member that is given must be the group's.
struct CommitInTransaction {
    ProducerEpoch producer;
    std::int32_t generation = -1;
    std::string member;
    std::optional<std::string> instance;
    std::vector<OffsetToCommit> offsets;
};
/// From a coordinator: the producer may commit in a transaction, until that ends. Answered by GroupDone.
struct EnlistInGroup {
    ProducerEpoch producer;
};
/// From a coordinator: what the producer's transaction commits counts, or never was. Answered by GroupDone, when that is durable.
struct EndInGroup {
    ProducerEpoch producer;
    bool commit = true;
};

/// A member or an epoch that is given must be the group's, if it is one that assigns.
struct FetchOffsets {
    std::optional<std::vector<QueueId>> logs{};  ///< absent: all that the group has
    bool require_stable = false;
    std::optional<std::string> member{};
    std::int32_t epoch = -1;
};

struct DescribeGroup {};
struct DescribeAssigned {};
struct DeleteGroup {};
struct OffsetToDelete {
    QueueId log;
    std::string topic;  ///< whose log it is: members may be subscribed to it
};
struct DeleteOffsets {
    std::vector<OffsetToDelete> offsets;
};

using GroupAction = std::variant<JoinGroup, SyncGroup, GroupHeartbeat, LeaveGroup, CommitOffsets, FetchOffsets,
                                 DescribeGroup, DeleteGroup, DeleteOffsets, CommitInTransaction, EnlistInGroup,
                                 EndInGroup, AssignedHeartbeat, DescribeAssigned>;

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

/// Answers CommitOffsets, CommitInTransaction and DeleteOffsets when they are durable.
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

/// Answers AssignedHeartbeat, when what it tells is durable.
struct AssignedHeard {
    GroupOutcome outcome = GroupOutcome::ok;
    std::string member;
    std::int32_t epoch = 0;
    std::int32_t heartbeat_ms = 0;           ///< until the next
    std::optional<Partitions> partitions{};  ///< the member's; absent: as told before
};

enum class GroupState : std::uint8_t {
    empty,
    preparing_rebalance,
    completing_rebalance,
    stable,
    dead,
    assigning,    ///< the group is to assign anew
    reconciling,  ///< not all members have what they are to have
};
/// Who assigns: a leader among the members, or the group.
enum class GroupKind : std::uint8_t { classic, assigned };

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

struct AssignedMemberFigures {
    std::string member;
    std::optional<std::string> instance;
    std::optional<std::string> rack;
    std::string client_id;
    std::string client_host;
    std::int32_t epoch = 0;
    std::vector<std::string> topics;
    std::string pattern;
    Partitions partitions;
    Partitions target;
};
/// Answers DescribeAssigned; not_found for a group of the other kind, as that one's answer is.
struct AssignedDescribed {
    GroupOutcome outcome = GroupOutcome::ok;
    GroupState state = GroupState::dead;
    std::int32_t epoch = 0;
    std::int32_t assignment_epoch = 0;
    Assignor assignor = Assignor::none;
    std::vector<AssignedMemberFigures> members;
};

struct GroupListing {
    std::string group;
    std::string protocol_type;
    GroupState state = GroupState::empty;
    GroupKind kind = GroupKind::classic;
};
struct GroupsListed {
    std::vector<GroupListing> groups;
};

using GroupAnswer = std::variant<GroupJoined, GroupSynced, GroupDone, GroupLeft, OffsetsCommitted, OffsetsFetched,
                                 GroupDescribed, GroupsListed, AssignedHeard, AssignedDescribed>;

/// On the heap: it is larger than any other event.
struct GroupAnswered {
    RequestId request;
    std::unique_ptr<GroupAnswer> answer;  ///< never null
};

}  // namespace fantail::broker
