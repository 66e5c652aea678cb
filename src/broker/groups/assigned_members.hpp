// SPDX-License-Identifier: Apache-2.0
//! The members of a group that assigns by itself: epochs, who has what, and how each gets to what it is to have.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/assignor.hpp"
#include "broker/groups/group_context.hpp"

namespace fantail::broker {

/// The group's epoch grows when a member comes, goes or chooses other topics, and when topics change. Then the group makes a target
/// assignment, and each member gets to it by its own heartbeats: first it lets go of what it is to lose, then it gets what
/// others have let go of.
///
/// The state is what the context's store keeps, so that a restart goes on in the middle; here are times, and indexes of it.
/// Invariant: a partition is used by one member at most (AssignedMember::partitions and revoked), after every prefix of the log.
class AssignedMembers final {
public:
    /// Both outlive it. \param group the group's name
    AssignedMembers(const std::string& group, GroupContext& context) : group_(group), context_(context) {}

    /// Begins with what is kept: sessions start anew.
    void restore();

    [[nodiscard]] bool any() const { return !live_.empty(); }
    [[nodiscard]] GroupState state() const;
    /// Its answer counts when written() is durable.
    [[nodiscard]] AssignedHeard heartbeat(AssignedHeartbeat&& beat);
    /// Whether whoever commits or asks by that epoch is a member that may.
    [[nodiscard]] GroupOutcome check(std::string_view member, std::int32_t epoch) const;
    /// Somebody else sends a member away, by its id or by the name of its instance.
    [[nodiscard]] GroupOutcome let_go(std::string_view member, const std::optional<std::string>& instance);
    [[nodiscard]] AssignedDescribed describe() const;
    [[nodiscard]] bool subscribed(std::string_view topic) const;
    [[nodiscard]] Lsn written() const { return written_; }

    /// Removes members that were silent, or did not let go of partitions in time.
    void on_tick();
    /// on_tick() has nothing to do before it; never() if nothing waits for time.
    [[nodiscard]] MonoTime wake_at() const { return wake_at_; }

private:
    struct Live {
        MonoTime session_end = MonoTime::never();
        MonoTime rebalance_end = MonoTime::never();
        TopicIdsRef topics;  ///< that it chose and that exist; null: not looked up yet
    };
    /// Whose heartbeat it is.
    struct Sender {
        GroupOutcome outcome = GroupOutcome::ok;
        AssignedMemberRef before{};  ///< null: it is new
    };

    [[nodiscard]] const KeptAssigned* kept() const;
    [[nodiscard]] AssignedMemberRef find(std::string_view id) const;
    [[nodiscard]] AssignedMemberRef holder(const std::string& instance) const;

    // Who sends (assigned_members.cpp).
    [[nodiscard]] Sender joining(const AssignedHeartbeat& beat) const;
    [[nodiscard]] Sender sending(const AssignedHeartbeat& beat) const;
    [[nodiscard]] GroupOutcome check_facts(const AssignedHeartbeat& beat, const AssignedMember* before) const;
    [[nodiscard]] AssignedHeard leave(const AssignedHeartbeat& beat);
    [[nodiscard]] bool has_room(const AssignedMember& said, const AssignedMember* before) const;
    /// At once: many may go silent together.
    void remove(const std::vector<AssignedMemberRef>& members);
    void pause(const AssignedMember& member);
    void put(AssignedMemberRef member, const AssignedMember* before);
    void index(const AssignedMember& member, bool add);
    void write_epoch(std::int32_t epoch, std::int32_t assignment_epoch, Assignor assignor);
    void arm(MonoTime& timer, std::int64_t after_ms);

    // Assigning (assigned_targets.cpp).
    void choose(const AssignedMember& member);
    /// True if it looked.
    bool look_again(bool at_once);
    [[nodiscard]] TopicIdsRef resolve(const AssignedMember& member);
    [[nodiscard]] bool measure();
    [[nodiscard]] Assignor preferred() const;
    void assign_anew();
    [[nodiscard]] bool is_free(const TopicPartition& partition) const { return !owners_.contains(partition); }
    /// The member's next step towards its target, which may be none.
    [[nodiscard]] AssignedMember reconciled(const AssignedMember& member, const std::optional<Partitions>& owned) const;
    [[nodiscard]] AssignedMember stepped(const AssignedMember& member, std::int32_t epoch,
                                         const std::optional<Partitions>& owned) const;

    const std::string& group_;
    GroupContext& context_;
    std::map<std::string, Live, std::less<>> live_;                     ///< by id; the same as are kept
    std::map<std::string, std::string, std::less<>> instances_;         ///< static members: their ids
    std::map<TopicPartition, std::uint32_t> owners_;                    ///< what is used: by how many, which is one
    std::map<std::string, std::uint32_t, std::less<>> patterns_;        ///< how many members have each
    std::map<std::string, std::weak_ptr<const TopicIds>> resolutions_;  ///< of the catalog's version, by what was asked
    TopicSizes sizes_;                                                  ///< of all topics that members chose
    std::uint64_t topics_hash_ = 0;                                     ///< of sizes_
    std::uint64_t seen_version_ = 0;                                    ///< of the catalog
    MonoTime next_look_;
    std::size_t bytes_ = 0;  ///< what members say of themselves
    MonoTime wake_at_ = MonoTime::never();
    Lsn written_;
};

}  // namespace fantail::broker
