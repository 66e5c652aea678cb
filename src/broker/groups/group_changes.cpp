// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes the state changes of cursor groups.
#include "broker/groups/group_changes.hpp"

#include <limits>

namespace fantail::broker {

namespace {

constexpr std::uint8_t kind_generation = 32;
constexpr std::uint8_t kind_member = 33;
constexpr std::uint8_t kind_offsets = 34;
constexpr std::uint8_t kind_offsets_gone = 35;
constexpr std::uint8_t kind_log_gone = 36;
constexpr std::uint8_t kind_group_gone = 37;
constexpr std::uint8_t kind_pending = 38;
constexpr std::uint8_t kind_pending_ended = 39;
constexpr std::uint8_t kind_assigned_epoch = 40;
constexpr std::uint8_t kind_assigned_member = 41;
constexpr std::uint8_t kind_assigned_gone = 42;
constexpr std::uint8_t kind_last = kind_assigned_gone;

constexpr std::uint8_t part_first = 1;
constexpr std::uint8_t part_last = 2;

constexpr std::size_t part_overhead = 64;  ///< of memory, and more than lengths and numbers take in the log

void encode(Writer& out, const GroupProtocol& protocol) {
    out.string(protocol.name);
    out.string(as_text(protocol.metadata));
    out.uvarint(protocol.topics ? protocol.topics->size() + 1 : 0);
    if (!protocol.topics) return;
    for (const std::string& topic : *protocol.topics) out.string(topic);
}

GroupProtocol read_protocol(Reader& in) {
    GroupProtocol protocol;
    protocol.name = read_string(in);
    protocol.metadata = to_bytes(as_bytes(read_string(in)));
    const std::uint64_t topics = in.uvarint();
    if (topics == 0) return protocol;
    protocol.topics.emplace();
    for (std::uint64_t n = topics - 1; n > 0 && !in.failed(); --n) protocol.topics->emplace_back(read_string(in));
    return protocol;
}

void encode(Writer& out, const GenerationChange& change) {
    out.u8(kind_generation);
    out.string(change.group);
    out.svarint(change.generation);
    out.string(change.protocol_type);
    out.string(change.protocol);
    out.string(change.leader);
    out.svarint(change.since.ms);
    out.u8(static_cast<std::uint8_t>((change.first ? part_first : 0) | (change.last ? part_last : 0)));
    out.uvarint(change.members.size());
    for (const KeptMember& member : change.members) encode_member(out, member);
}

void encode(Writer& out, const MemberChange& change) {
    out.u8(kind_member);
    out.string(change.group);
    out.string(change.former);
    encode_member(out, change.member);
}

void encode(Writer& out, const std::vector<OffsetToCommit>& offsets) {
    out.uvarint(offsets.size());
    for (const OffsetToCommit& each : offsets) {
        out.u64(each.log.value);
        out.uvarint(each.offset.value);
        out.svarint(each.leader_epoch);
        out.string(each.metadata);
    }
}

void encode(Writer& out, const OffsetsChange& change) {
    out.u8(kind_offsets);
    out.string(change.group);
    out.svarint(change.committed_at.ms);
    encode(out, change.offsets);
}

void encode(Writer& out, const PendingOffsetsChange& change) {
    out.u8(kind_pending);
    out.string(change.group);
    out.svarint(change.committed_at.ms);
    encode_stamp(out, change.producer);
    encode(out, change.offsets);
}

void encode(Writer& out, const PendingEndedChange& change) {
    out.u8(kind_pending_ended);
    out.string(change.group);
    out.u64(static_cast<std::uint64_t>(change.producer));
    out.u8(change.commit ? 1 : 0);
}

void encode(Writer& out, const OffsetsGoneChange& change) {
    out.u8(kind_offsets_gone);
    out.string(change.group);
    out.uvarint(change.logs.size());
    for (const QueueId log : change.logs) out.u64(log.value);
}

void encode(Writer& out, const LogGoneChange& change) {
    out.u8(kind_log_gone);
    out.u64(change.log.value);
}

void encode(Writer& out, const GroupGoneChange& change) {
    out.u8(kind_group_gone);
    out.string(change.group);
}

void encode(Writer& out, const AssignedEpochChange& change) {
    out.u8(kind_assigned_epoch);
    out.string(change.group);
    out.svarint(change.epoch);
    out.svarint(change.assignment_epoch);
    out.u8(static_cast<std::uint8_t>(change.assignor));
    out.u64(change.topics_hash);
    out.svarint(change.since.ms);
}

void encode(Writer& out, const AssignedMemberChange& change) {
    out.u8(kind_assigned_member);
    out.string(change.group);
    out.string(change.former);
    encode_assigned_member(out, *change.member);
}

void encode(Writer& out, const AssignedGoneChange& change) {
    out.u8(kind_assigned_gone);
    out.string(change.group);
    out.string(change.member);
}

GenerationChange read_generation(Reader& in) {
    GenerationChange change;
    change.group = read_string(in);
    change.generation = read_int32(in);
    change.protocol_type = read_string(in);
    change.protocol = read_string(in);
    change.leader = read_string(in);
    change.since.ms = in.svarint();
    const std::uint8_t part = in.u8();
    if (part > (part_first | part_last)) in.fail();
    change.first = (part & part_first) != 0;
    change.last = (part & part_last) != 0;
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) change.members.push_back(read_member(in));
    return change;
}

MemberChange read_member_change(Reader& in) {
    MemberChange change;
    change.group = read_string(in);
    change.former = read_string(in);
    change.member = read_member(in);
    return change;
}

std::vector<OffsetToCommit> read_offset_list(Reader& in) {
    std::vector<OffsetToCommit> offsets;
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        OffsetToCommit each;
        each.log = QueueId(in.u64());
        each.offset = Offset(in.uvarint());
        each.leader_epoch = read_int32(in);
        each.metadata = read_string(in);
        offsets.push_back(std::move(each));
    }
    return offsets;
}

OffsetsChange read_offsets(Reader& in) {
    OffsetsChange change;
    change.group = read_string(in);
    change.committed_at.ms = in.svarint();
    change.offsets = read_offset_list(in);
    return change;
}

PendingOffsetsChange read_pending(Reader& in) {
    PendingOffsetsChange change;
    change.group = read_string(in);
    change.committed_at.ms = in.svarint();
    change.producer = read_stamp(in);
    change.offsets = read_offset_list(in);
    return change;
}

PendingEndedChange read_pending_ended(Reader& in) {
    PendingEndedChange change;
    change.group = read_string(in);
    change.producer = static_cast<std::int64_t>(in.u64());
    const std::uint8_t commit = in.u8();
    if (commit > 1) in.fail();
    change.commit = commit == 1;
    return change;
}

OffsetsGoneChange read_offsets_gone(Reader& in) {
    OffsetsGoneChange change;
    change.group = read_string(in);
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) change.logs.emplace_back(in.u64());
    return change;
}

GroupGoneChange read_group_gone(Reader& in) { return {std::string(read_string(in))}; }

AssignedEpochChange read_assigned_epoch(Reader& in) {
    AssignedEpochChange change;
    change.group = read_string(in);
    change.epoch = read_epoch(in);
    change.assignment_epoch = read_epoch(in);
    change.assignor = read_assignor(in);
    change.topics_hash = in.u64();
    change.since.ms = in.svarint();
    return change;
}

AssignedMemberChange read_assigned_change(Reader& in) {
    AssignedMemberChange change;
    change.group = read_string(in);
    change.former = read_string(in);
    change.member = read_assigned_member(in);
    return change;
}

AssignedGoneChange read_assigned_gone(Reader& in) {
    AssignedGoneChange change;
    change.group = read_string(in);
    change.member = read_string(in);
    return change;
}

}  // namespace

const GroupProtocol* MemberFacts::protocol(std::string_view name) const {
    for (const GroupProtocol& each : protocols) {
        if (each.name == name) return &each;
    }
    return nullptr;
}

std::size_t bytes_of(const std::vector<GroupProtocol>& protocols) {
    std::size_t sum = 0;
    for (const GroupProtocol& each : protocols) {
        sum += part_overhead + each.name.size() + each.metadata.size();
        if (!each.topics) continue;
        for (const std::string& topic : *each.topics) sum += part_overhead + topic.size();
    }
    return sum;
}

std::size_t MemberFacts::bytes() const {
    const std::size_t names = member.size() + (instance ? instance->size() : 0) + client_id.size() + client_host.size();
    return part_overhead + names + bytes_of(protocols);
}

void encode_member(Writer& out, const KeptMember& member) {
    const MemberFacts& facts = *member.facts;
    out.string(facts.member);
    out.u8(facts.instance ? 1 : 0);
    if (facts.instance) out.string(*facts.instance);
    out.string(facts.client_id);
    out.string(facts.client_host);
    out.svarint(facts.session_timeout_ms);
    out.svarint(facts.rebalance_timeout_ms);
    out.uvarint(facts.protocols.size());
    for (const GroupProtocol& protocol : facts.protocols) encode(out, protocol);
    out.string(as_text(*member.assignment));
}

KeptMember read_member(Reader& in) {
    auto facts = std::make_shared<MemberFacts>();
    facts->member = read_string(in);
    const std::uint8_t has_instance = in.u8();
    if (has_instance > 1) in.fail();
    if (has_instance == 1) facts->instance = read_string(in);
    facts->client_id = read_string(in);
    facts->client_host = read_string(in);
    facts->session_timeout_ms = read_int32(in);
    facts->rebalance_timeout_ms = read_int32(in);
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) facts->protocols.push_back(read_protocol(in));
    return {std::move(facts), std::make_shared<const Bytes>(to_bytes(as_bytes(read_string(in))))};
}

std::int32_t read_int32(Reader& in) {
    using Limits = std::numeric_limits<std::int32_t>;
    const std::int64_t value = in.svarint();
    if (value >= Limits::min() && value <= Limits::max()) return static_cast<std::int32_t>(value);
    in.fail();
    return 0;
}

void encode_stamp(Writer& out, ProducerEpoch producer) {
    out.u64(static_cast<std::uint64_t>(producer.id));
    out.u16(static_cast<std::uint16_t>(producer.epoch));
}

ProducerEpoch read_stamp(Reader& in) {
    ProducerEpoch producer;
    producer.id = static_cast<std::int64_t>(in.u64());
    producer.epoch = static_cast<std::int16_t>(in.u16());
    return producer;
}

std::int32_t read_epoch(Reader& in) {
    const std::int32_t epoch = read_int32(in);
    if (epoch < epoch_pauses || epoch > group_epoch_max) in.fail();
    return in.failed() ? 0 : epoch;
}

Assignor read_assignor(Reader& in) {
    const std::uint8_t value = in.u8();
    if (value > static_cast<std::uint8_t>(Assignor::range)) in.fail();
    return static_cast<Assignor>(value);
}

bool is_group_change(ByteView change) {
    return !change.empty() && change[0] >= kind_generation && change[0] <= kind_last;
}

void encode_group_change(const GroupChange& change, Bytes& out) {
    out.clear();
    Writer writer(out);
    std::visit([&](const auto& each) { encode(writer, each); }, change);
}

Result<GroupChange> decode_group_change(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t kind = in.u8();
    GroupChange change = GroupGoneChange{};
    if (kind == kind_generation) change = read_generation(in);
    else if (kind == kind_member) change = read_member_change(in);
    else if (kind == kind_offsets) change = read_offsets(in);
    else if (kind == kind_offsets_gone) change = read_offsets_gone(in);
    else if (kind == kind_log_gone) change = LogGoneChange{QueueId(in.u64())};
    else if (kind == kind_group_gone) change = read_group_gone(in);
    else if (kind == kind_pending) change = read_pending(in);
    else if (kind == kind_pending_ended) change = read_pending_ended(in);
    else if (kind == kind_assigned_epoch) change = read_assigned_epoch(in);
    else if (kind == kind_assigned_member) change = read_assigned_change(in);
    else if (kind == kind_assigned_gone) change = read_assigned_gone(in);
    else return fail(ErrorCode::corrupt, "group change: unknown kind");
    if (!in.done()) return fail(ErrorCode::corrupt, "group change: cut off or bytes left over");
    return change;
}

}  // namespace fantail::broker
