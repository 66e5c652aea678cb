// SPDX-License-Identifier: Apache-2.0
//! The state changes of cursor groups that a shard writes to its log (docs/formats/groups.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "broker/api/group_commands.hpp"
#include "broker/groups/assigned_member.hpp"

namespace fantail::broker {

/// Bytes that they take in memory or in the log, about; never less than in the log.
[[nodiscard]] std::size_t bytes_of(const std::vector<GroupProtocol>& protocols);

/// What a member said of itself when it joined. Immutable: live members and durable ones share it.
struct MemberFacts {
    std::string member;
    std::optional<std::string> instance;
    std::string client_id;
    std::string client_host;
    std::int32_t session_timeout_ms = 0;
    std::int32_t rebalance_timeout_ms = 0;
    std::vector<GroupProtocol> protocols;  ///< each name once

    [[nodiscard]] const GroupProtocol* protocol(std::string_view name) const;
    /// As bytes_of().
    [[nodiscard]] std::size_t bytes() const;
};
using MemberFactsRef = std::shared_ptr<const MemberFacts>;

/// A member of a stable generation. Neither pointer is null.
struct KeptMember {
    MemberFactsRef facts;
    SharedBytes assignment;
};

struct KeptOffset {
    Offset offset;
    std::int32_t leader_epoch = -1;
    std::string metadata;
    WallTime committed_at;
};

/// The group became stable, or empty. Large groups are written in parts that follow each other directly.
struct GenerationChange {
    std::string group;
    std::int32_t generation = 0;
    std::string protocol_type;
    std::string protocol;
    std::string leader;
    WallTime since;
    bool first = true;
    bool last = true;  ///< only now it counts
    std::vector<KeptMember> members;
};
/// A static member came back under another id.
struct MemberChange {
    std::string group;
    std::string former;
    KeptMember member;
};
struct OffsetsChange {
    std::string group;
    WallTime committed_at;
    std::vector<OffsetToCommit> offsets;
};
/// They count when the producer's transaction is committed.
struct PendingOffsetsChange {
    std::string group;
    WallTime committed_at;
    ProducerEpoch producer;
    std::vector<OffsetToCommit> offsets;
};
/// The producer's transaction ended.
struct PendingEndedChange {
    std::string group;
    std::int64_t producer = -1;
    bool commit = true;
};
struct OffsetsGoneChange {
    std::string group;
    std::vector<QueueId> logs;
};
/// No group has an offset in the log any more.
struct LogGoneChange {
    QueueId log;
};
struct GroupGoneChange {
    std::string group;
};
/// The epochs of a group that assigns, which it is from now on.
struct AssignedEpochChange {
    std::string group;
    std::int32_t epoch = 0;
    std::int32_t assignment_epoch = 0;  ///< below `epoch`: the members' targets are to be made anew
    Assignor assignor = Assignor::none;
    std::uint64_t topics_hash = 0;  ///< of the topics that members chose and their partitions
    WallTime since;
};
/// A member of such a group is so.
struct AssignedMemberChange {
    std::string group;
    std::string former;  ///< a static member that it takes the place of; empty: none
    AssignedMemberRef member;
};
struct AssignedGoneChange {
    std::string group;
    std::string member;
};
using GroupChange = std::variant<GenerationChange, MemberChange, OffsetsChange, OffsetsGoneChange, LogGoneChange,
                                 GroupGoneChange, PendingOffsetsChange, PendingEndedChange, AssignedEpochChange,
                                 AssignedMemberChange, AssignedGoneChange>;

/// True if the first byte says that decode_group_change() should take it: their kinds are none of queue_changes.hpp.
[[nodiscard]] bool is_group_change(ByteView change);

/// Replaces what `out` held.
void encode_group_change(const GroupChange& change, Bytes& out);
/// Errors: corrupt (cut off, unknown kind, numbers out of range).
[[nodiscard]] Result<GroupChange> decode_group_change(ByteView bytes);

/// The parts that changes and snapshots share. Reading fails the reader.
void encode_member(Writer& out, const KeptMember& member);
[[nodiscard]] KeptMember read_member(Reader& in);
[[nodiscard]] std::int32_t read_int32(Reader& in);
void encode_stamp(Writer& out, ProducerEpoch producer);
[[nodiscard]] ProducerEpoch read_stamp(Reader& in);
[[nodiscard]] Assignor read_assignor(Reader& in);
/// The last epoch, so that the next one is a number too.
inline constexpr std::int32_t group_epoch_max = 1 << 30;
/// An epoch that a group or its member can have.
[[nodiscard]] std::int32_t read_epoch(Reader& in);

}  // namespace fantail::broker
