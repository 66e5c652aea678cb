// SPDX-License-Identifier: Apache-2.0
//! One cursor group: who its members are, what generation they share by, and how one leads to the next.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/assigned_members.hpp"
#include "broker/groups/group_context.hpp"

namespace fantail::broker {

/// Its members share by one of two protocols. By that of AssignedMembers the group assigns; here is the classic one, by which a leader
/// among the members does. A group without members takes whichever comes, and keeps its offsets.
/// A generation begins when all members have joined
/// (completing_rebalance), and is stable when the leader's assignment is handed out. What is kept is the last stable
/// generation, so that after a restart its members go on as if nothing had happened.
///
/// Invariants: in state empty there are no members; else the leader is one of them, and some protocol is known to all.
/// What is answered to a SyncGroup is durable: two crashes cannot give one generation two assignments.
class Group final {
public:
    /// `context` outlives the group.
    Group(std::string name, GroupContext& context)
        : name_(std::move(name)), context_(context), assigned_(name_, context) {}
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    /// Begins with what is kept of it: sessions start anew.
    void restore(const KeptGroup& kept);

    void carry_out(const Origin& origin, JoinGroup&& command);            // group_join.cpp
    void carry_out(const Origin& origin, SyncGroup&& command);            // group_sync.cpp
    void carry_out(const Origin& origin, GroupHeartbeat&& command);       // group_sync.cpp
    void carry_out(const Origin& origin, LeaveGroup&& command);           // group_sync.cpp
    void carry_out(const Origin& origin, CommitOffsets&& command);        // group_offsets.cpp
    void carry_out(const Origin& origin, CommitInTransaction&& command);  // group_transactions.cpp
    void carry_out(const Origin& origin, EnlistInGroup&& command);        // group_transactions.cpp
    void carry_out(const Origin& origin, EndInGroup&& command);           // group_transactions.cpp
    void carry_out(const Origin& origin, FetchOffsets&& command);         // group_offsets.cpp
    void carry_out(const Origin& origin, DescribeGroup&& command);        // group_offsets.cpp
    void carry_out(const Origin& origin, DeleteGroup&& command);          // group_offsets.cpp
    void carry_out(const Origin& origin, DeleteOffsets&& command);        // group_offsets.cpp
    void carry_out(const Origin& origin, AssignedHeartbeat&& command);    // group_assigned.cpp
    void carry_out(const Origin& origin, DescribeAssigned&& command);     // group_assigned.cpp

    /// Removes members that were silent, and ends what has waited long enough.
    void on_tick();
    /// Removes offsets that nobody used for the retention, and then what is kept of the group.
    void expire_offsets();
    /// on_tick() has nothing to do before it; never() if nothing waits for time.
    [[nodiscard]] MonoTime wake_at() const { return std::min(wake_at_, assigned_.wake_at()); }
    /// Nothing is known of it that a new group would not know.
    [[nodiscard]] bool blank() const;
    [[nodiscard]] GroupListing listing() const;

private:
    struct Member {
        MemberFactsRef facts;
        SharedBytes assignment;
        std::optional<Origin> join;  ///< it waits for the generation to begin
        std::optional<Origin> sync;  ///< it waits for the assignment
        bool fresh = false;          ///< it has never been told its id: it cannot send heartbeats
        bool owes_sync = false;      ///< of this generation
        MonoTime session_end = MonoTime::never();
    };
    using Members = std::map<std::string, Member, std::less<>>;

    // Members (group_members.cpp).
    [[nodiscard]] Member* find(std::string_view id);
    /// The member that such a join would replace or update, or null.
    [[nodiscard]] const Member* predecessor(const JoinGroup& command) const;
    /// Whether whoever says to be that member is it.
    [[nodiscard]] GroupOutcome check_member(std::string_view id, const std::optional<std::string>& instance) const;
    Member& add(MemberFactsRef facts);
    void set_facts(Member& member, MemberFactsRef facts);
    void remove(std::string_view id, GroupOutcome why);
    /// A static member came back under another id. The former one is fenced.
    Member& replace(std::string_view former, MemberFactsRef facts);
    void count_protocols(const MemberFacts& facts, bool more);
    void await_join(Member& member, const Origin& origin);
    void answer_join(Member& member, GroupJoined answer);
    void answer_sync(Member& member, GroupSynced answer);
    void keep_alive(Member& member);
    [[nodiscard]] MonoTime expires_at(const Member& member) const;
    [[nodiscard]] std::string select_protocol() const;
    [[nodiscard]] std::vector<GroupMemberMetadata> metadata() const;

    // Joining (group_join.cpp).
    [[nodiscard]] bool has_room(const JoinGroup& command) const;
    [[nodiscard]] bool shares_with(const JoinGroup& command) const;
    void refuse_join(const Origin& origin, std::string member, GroupOutcome why);
    void join_new(const Origin& origin, JoinGroup&& command);
    void join_again(const Origin& origin, JoinGroup&& command);
    void take_member(const Origin& origin, JoinGroup&& command, std::string id);
    void take_static_back(const Origin& origin, JoinGroup&& command, std::string id);
    void update(const Origin& origin, Member& member, JoinGroup&& command);
    [[nodiscard]] GroupJoined joined(const Member& member) const;
    [[nodiscard]] std::string new_id(std::string_view stem);

    // Rebalances (group_rebalance.cpp).
    void rebalance_or_complete();
    void prepare();
    void complete_if_all_joined();
    void complete_join();
    void begin_generation();
    [[nodiscard]] bool elect_leader();
    [[nodiscard]] bool all_joined() const { return joining_ == members_.size() && pending_.empty(); }
    [[nodiscard]] std::int32_t rebalance_timeout_ms() const;
    void on_join_deadline();
    void on_sync_deadline();
    void expire_member(std::string_view id);
    void arm(MonoTime& timer, std::int64_t after_ms);
    Lsn write_generation();

    // Sharing (group_sync.cpp).
    [[nodiscard]] GroupOutcome check_sync(const SyncGroup& command) const;
    [[nodiscard]] GroupSynced synced(const Member& member) const;
    void assign(std::vector<MemberAssignment>&& assignments);
    [[nodiscard]] GroupOutcome let_go(const LeavingMember& leaving);

    // The other protocol (group_assigned.cpp).
    [[nodiscard]] GroupKind kind() const;
    [[nodiscard]] bool has_classic_members() const { return state_ != GroupState::empty || !pending_.empty(); }

    // Offsets (group_offsets.cpp).
    [[nodiscard]] GroupOutcome check_commit(const CommitOffsets& command) const;
    /// The offsets that there is room for; says of each whether.
    [[nodiscard]] std::vector<OffsetToCommit> admit(std::vector<OffsetToCommit>&& offsets,
                                                    std::vector<GroupOutcome>& outcomes) const;
    /// In parts, which `part` begins.
    template <class Change>
    [[nodiscard]] Lsn write_offsets(Change part, std::vector<OffsetToCommit>&& offsets);
    [[nodiscard]] GroupOutcome check_transaction(const CommitInTransaction& command) const;
    /// REQUIRES that they are kept: one change then holds them.
    Lsn remove_offsets(std::vector<QueueId> logs, bool lazy);
    [[nodiscard]] bool knows_topics() const;
    [[nodiscard]] bool subscribed(std::string_view topic) const;

    std::string name_;
    GroupContext& context_;
    AssignedMembers assigned_;  ///< has none while the classic protocol has members, and the other way round
    GroupState state_ = GroupState::empty;
    std::int32_t generation_ = 0;
    std::string protocol_type_;
    std::string protocol_;
    std::string leader_;
    Members members_;
    std::map<std::string, std::string, std::less<>> instances_;     ///< static members: their ids
    std::map<std::string, MonoTime, std::less<>> pending_;          ///< ids given out, and how long they may be used
    std::map<std::int64_t, std::int16_t> enlisted_;                 ///< producers that may commit in a transaction
    std::map<std::string, std::uint32_t, std::less<>> supporters_;  ///< members that know each protocol
    std::size_t joining_ = 0;                                       ///< members that wait for the generation
    std::size_t bytes_ = 0;                                         ///< what members say of themselves
    bool first_rebalance_ = false;   ///< it waits for members that start at the same time
    bool joined_meanwhile_ = false;  ///< somebody did
    std::int64_t patience_ms_ = 0;   ///< for how long it may go on waiting
    MonoTime join_deadline_ = MonoTime::never();
    MonoTime sync_deadline_ = MonoTime::never();
    MonoTime wake_at_ = MonoTime::never();
    Lsn stable_lsn_;   ///< of the generation's assignment
    Lsn offsets_lsn_;  ///< of the last commit
};

}  // namespace fantail::broker
