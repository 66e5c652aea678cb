// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes members to whom the group assigns.
#include "broker/groups/assigned_member.hpp"

#include <algorithm>
#include <tuple>

#include "broker/groups/group_changes.hpp"
#include "broker/groups/partitions.hpp"

namespace fantail::broker {

namespace {

constexpr std::size_t part_overhead = 64;  ///< of memory, and more than lengths and numbers take in the log

auto facts(const AssignedMember& m) {
    return std::tie(m.id, m.instance, m.rack, m.client_id, m.client_host, m.user, m.vhost, m.rebalance_timeout_ms,
                    m.topics, m.pattern, m.assignor);
}

void encode_optional(Writer& out, const std::optional<std::string>& text) {
    out.u8(text ? 1 : 0);
    if (text) out.string(*text);
}

std::optional<std::string> read_optional(Reader& in) {
    const std::uint8_t has = in.u8();
    if (has > 1) in.fail();
    if (has != 1) return std::nullopt;
    return std::string(read_string(in));
}

AssignedState read_state(Reader& in) {
    const std::uint8_t value = in.u8();
    if (value > static_cast<std::uint8_t>(AssignedState::waiting)) in.fail();
    return static_cast<AssignedState>(value);
}

}  // namespace

bool AssignedMember::same_facts(const AssignedMember& other) const { return facts(*this) == facts(other); }

std::size_t AssignedMember::bytes() const {
    std::size_t sum = 4 * part_overhead + id.size() + client_id.size() + client_host.size() + user.size() +
                      pattern.size() + (instance ? instance->size() : 0) + (rack ? rack->size() : 0);
    for (const std::string& topic : topics) sum += part_overhead + topic.size();
    return sum;
}

void encode_assigned_member(Writer& out, const AssignedMember& member) {
    out.string(member.id);
    encode_optional(out, member.instance);
    encode_optional(out, member.rack);
    out.string(member.client_id);
    out.string(member.client_host);
    out.string(member.user);
    out.u32(member.vhost.value);
    out.svarint(member.rebalance_timeout_ms);
    out.uvarint(member.topics.size());
    for (const std::string& topic : member.topics) out.string(topic);
    out.string(member.pattern);
    out.u8(static_cast<std::uint8_t>(member.assignor));
    out.svarint(member.epoch);
    out.svarint(member.previous_epoch);
    out.u8(static_cast<std::uint8_t>(member.state));
    encode_partitions(out, member.partitions);
    encode_partitions(out, member.revoked);
    encode_partitions(out, member.target);
}

AssignedMemberRef read_assigned_member(Reader& in) {
    auto member = std::make_shared<AssignedMember>();
    member->id = read_string(in);
    member->instance = read_optional(in);
    member->rack = read_optional(in);
    member->client_id = read_string(in);
    member->client_host = read_string(in);
    member->user = read_string(in);
    member->vhost = VhostId(in.u32());
    member->rebalance_timeout_ms = read_int32(in);
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) member->topics.emplace_back(read_string(in));
    member->pattern = read_string(in);
    member->assignor = read_assignor(in);
    member->epoch = read_epoch(in);
    member->previous_epoch = read_epoch(in);
    member->state = read_state(in);
    member->partitions = read_partitions(in);
    member->revoked = read_partitions(in);
    member->target = read_partitions(in);
    return member;
}

}  // namespace fantail::broker
