// SPDX-License-Identifier: Apache-2.0
//! Applies changes of cursor groups, and encodes what they amount to.
#include "broker/groups/group_store.hpp"

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

void encode_group(Writer& out, const KeptGroup& group) {
    out.svarint(group.generation);
    out.string(group.protocol_type);
    out.string(group.protocol);
    out.string(group.leader);
    out.svarint(group.since.ms);
    out.uvarint(group.members.size());
    for (const auto& [id, member] : group.members) encode_member(out, member);
    out.uvarint(group.offsets.size());
    for (const auto& [log, kept] : group.offsets) encode_offset(out, log, kept);
}

KeptGroup read_group(Reader& in) {
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
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const QueueId log(in.u64());
        group.offsets.insert_or_assign(log, read_offset(in));
    }
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
    for (auto& [name, group] : groups_) group.offsets.erase(change.log);
}

void GroupStore::carry_out(const GroupGoneChange& change) { groups_.erase(change.group); }

void GroupStore::encode(Writer& out) const {
    out.uvarint(groups_.size());
    for (const auto& [name, group] : groups_) {
        out.string(name);
        encode_group(out, group);
    }
}

bool GroupStore::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        std::string name(read_string(in));
        groups_.insert_or_assign(std::move(name), read_group(in));
    }
    return !in.failed();
}

}  // namespace fantail::broker
