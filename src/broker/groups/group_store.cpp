// SPDX-License-Identifier: Apache-2.0
//! Applies changes of cursor groups, and encodes what they amount to.
#include "broker/groups/group_store.hpp"

#include <algorithm>

namespace fantail::broker {

namespace {

void encode_offset(Writer& out, QueueId log, const KeptOffset& kept) {
    out.u64(log.value);
    out.uvarint(kept.offset.value);
    out.svarint(kept.leader_epoch);
    out.string(kept.metadata);
    out.svarint(kept.committed_at.ms);
}

KeptOffset read_offset(Reader& in) {
    KeptOffset kept;
    kept.offset = Offset(in.uvarint());
    kept.leader_epoch = read_int32(in);
    kept.metadata = read_string(in);
    kept.committed_at.ms = in.svarint();
    return kept;
}

void encode_offsets(Writer& out, const std::map<QueueId, KeptOffset>& offsets) {
    out.uvarint(offsets.size());
    for (const auto& [log, kept] : offsets) encode_offset(out, log, kept);
}

void encode_assigned(Writer& out, const KeptAssigned& assigned) {
    out.svarint(assigned.epoch);
    out.svarint(assigned.assignment_epoch);
    out.u8(static_cast<std::uint8_t>(assigned.assignor));
    out.u64(assigned.topics_hash);
    out.uvarint(assigned.members.size());
    for (const auto& [id, member] : assigned.members) encode_assigned_member(out, *member);
}

void encode_group(Writer& out, const KeptGroup& group) {
    out.svarint(group.generation);
    out.string(group.protocol_type);
    out.string(group.protocol);
    out.string(group.leader);
    out.svarint(group.since.ms);
    out.uvarint(group.members.size());
    for (const auto& [id, member] : group.members) encode_member(out, member);
    encode_offsets(out, group.offsets);
    out.uvarint(group.pending.size());
    for (const auto& [producer, pending] : group.pending) {
        encode_stamp(out, {producer, pending.epoch});
        encode_offsets(out, pending.offsets);
    }
    out.u8(group.assigned ? 1 : 0);
    if (group.assigned) encode_assigned(out, *group.assigned);
}

std::map<QueueId, KeptOffset> read_offsets(Reader& in) {
    std::map<QueueId, KeptOffset> offsets;
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const QueueId log(in.u64());
        offsets.insert_or_assign(log, read_offset(in));
    }
    return offsets;
}

void read_pending(Reader& in, KeptGroup& group) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const ProducerEpoch producer = read_stamp(in);
        group.pending.insert_or_assign(producer.id, PendingOffsets{producer.epoch, read_offsets(in)});
    }
}

KeptAssigned read_assigned(Reader& in) {
    KeptAssigned assigned;
    assigned.epoch = read_epoch(in);
    assigned.assignment_epoch = read_epoch(in);
    assigned.assignor = read_assignor(in);
    assigned.topics_hash = in.u64();
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        AssignedMemberRef member = read_assigned_member(in);
        std::string id = member->id;
        assigned.members.insert_or_assign(std::move(id), std::move(member));
    }
    return assigned;
}

KeptGroup read_group(Reader& in, GroupStore::Holds holds) {
    KeptGroup group;
    group.generation = read_int32(in);
    group.protocol_type = read_string(in);
    group.protocol = read_string(in);
    group.leader = read_string(in);
    group.since.ms = in.svarint();
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        KeptMember member = read_member(in);
        std::string id = member.facts->member;
        group.members.insert_or_assign(std::move(id), std::move(member));
    }
    group.offsets = read_offsets(in);
    if (holds != GroupStore::Holds::no_pending) read_pending(in, group);
    if (holds != GroupStore::Holds::all) return group;
    const std::uint8_t is_assigned = in.u8();
    if (is_assigned > 1 || (is_assigned == 1 && !group.members.empty())) in.fail();
    if (is_assigned == 1) group.assigned = read_assigned(in);
    return group;
}

}  // namespace

void GroupStore::apply(const GroupChange& change) {
    std::visit([this](const auto& each) { carry_out(each); }, change);
}

const KeptGroup* GroupStore::find(std::string_view group) const {
    const auto at = groups_.find(group);
    return at == groups_.end() ? nullptr : &at->second;
}

void GroupStore::carry_out(const GenerationChange& change) {
    if (change.first) unfinished_.clear();
    unfinished_.insert(unfinished_.end(), change.members.begin(), change.members.end());
    if (!change.last) return;
    KeptGroup& group = groups_[change.group];
    group.generation = change.generation;
    group.protocol_type = change.protocol_type;
    group.protocol = change.protocol;
    group.leader = change.leader;
    group.since = change.since;
    group.assigned.reset();
    group.members.clear();
    for (KeptMember& member : unfinished_) {
        std::string id = member.facts->member;
        group.members.insert_or_assign(std::move(id), std::move(member));
    }
    unfinished_.clear();
}

void GroupStore::carry_out(const MemberChange& change) {
    const auto at = groups_.find(change.group);
    if (at == groups_.end()) return;
    KeptGroup& group = at->second;
    group.members.erase(change.former);
    if (group.leader == change.former) group.leader = change.member.facts->member;
    group.members.insert_or_assign(change.member.facts->member, change.member);
}

void GroupStore::carry_out(const OffsetsChange& change) {
    KeptGroup& group = groups_[change.group];
    for (const OffsetToCommit& each : change.offsets) {
        group.offsets.insert_or_assign(each.log,
                                       KeptOffset{each.offset, each.leader_epoch, each.metadata, change.committed_at});
    }
}

void GroupStore::carry_out(const OffsetsGoneChange& change) {
    const auto at = groups_.find(change.group);
    if (at == groups_.end()) return;
    for (const QueueId log : change.logs) at->second.offsets.erase(log);
}

void GroupStore::carry_out(const LogGoneChange& change) {
    for (auto& [name, group] : groups_) {
        group.offsets.erase(change.log);
        for (auto& [producer, pending] : group.pending) pending.offsets.erase(change.log);
    }
}

void GroupStore::carry_out(const GroupGoneChange& change) { groups_.erase(change.group); }

void GroupStore::carry_out(const PendingOffsetsChange& change) {
    PendingOffsets& pending = groups_[change.group].pending[change.producer.id];
    if (pending.epoch != change.producer.epoch) pending.offsets.clear();
    pending.epoch = change.producer.epoch;
    for (const OffsetToCommit& each : change.offsets) {
        pending.offsets.insert_or_assign(
            each.log, KeptOffset{each.offset, each.leader_epoch, each.metadata, change.committed_at});
    }
}

void GroupStore::carry_out(const PendingEndedChange& change) {
    const auto at = groups_.find(change.group);
    if (at == groups_.end()) return;
    auto node = at->second.pending.extract(change.producer);
    if (!node || !change.commit) return;
    for (auto& [log, kept] : node.mapped().offsets) at->second.offsets.insert_or_assign(log, std::move(kept));
}

void GroupStore::carry_out(const AssignedEpochChange& change) {
    KeptGroup& group = groups_[change.group];
    if (!group.assigned) {
        group.assigned.emplace();
        group.generation = 0;
        group.protocol_type.clear();
        group.protocol.clear();
        group.leader.clear();
        group.members.clear();
    }
    group.since = change.since;
    group.assigned->epoch = change.epoch;
    group.assigned->assignment_epoch = change.assignment_epoch;
    group.assigned->assignor = change.assignor;
    group.assigned->topics_hash = change.topics_hash;
}

void GroupStore::carry_out(const AssignedMemberChange& change) {
    const auto at = groups_.find(change.group);
    if (at == groups_.end() || !at->second.assigned) return;
    auto& members = at->second.assigned->members;
    if (!change.former.empty()) members.erase(change.former);
    members.insert_or_assign(change.member->id, change.member);
}

void GroupStore::carry_out(const AssignedGoneChange& change) {
    const auto at = groups_.find(change.group);
    if (at != groups_.end() && at->second.assigned) at->second.assigned->members.erase(change.member);
}

bool KeptGroup::is_pending(QueueId log) const {
    return std::ranges::any_of(pending, [log](const auto& each) { return each.second.offsets.contains(log); });
}

void GroupStore::encode(Writer& out) const {
    out.uvarint(groups_.size());
    for (const auto& [name, group] : groups_) {
        out.string(name);
        encode_group(out, group);
    }
}

bool GroupStore::decode(Reader& in, Holds holds) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        std::string name(read_string(in));
        groups_.insert_or_assign(std::move(name), read_group(in, holds));
    }
    return !in.failed();
}

}  // namespace fantail::broker
