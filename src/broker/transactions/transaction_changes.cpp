// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes the state changes of named producers.
#include "broker/transactions/transaction_changes.hpp"

#include <limits>

namespace fantail::broker {

namespace {

constexpr std::uint8_t kind_opened = 48;
constexpr std::uint8_t kind_grown = 49;
constexpr std::uint8_t kind_ending = 50;
constexpr std::uint8_t kind_ended = 51;
constexpr std::uint8_t kind_gone = 52;

void encode(Writer& out, const ProducerOpenedChange& change) {
    out.u8(kind_opened);
    out.string(change.name);
    encode_producer(out, change.producer);
    out.u16(static_cast<std::uint16_t>(change.last_epoch));
    out.u64(static_cast<std::uint64_t>(change.previous_id));
    out.svarint(change.timeout_ms);
    out.svarint(change.at.ms);
}

void encode(Writer& out, const TransactionGrownChange& change) {
    out.u8(kind_grown);
    out.string(change.name);
    out.svarint(change.at.ms);
    encode_participants(out, change.logs, change.groups);
}

void encode(Writer& out, const TransactionEndingChange& change) {
    out.u8(kind_ending);
    out.string(change.name);
    out.u8(change.commit ? 1 : 0);
    encode_producer(out, change.producer);
    out.svarint(change.at.ms);
}

void encode(Writer& out, const TransactionEndedChange& change) {
    out.u8(kind_ended);
    out.string(change.name);
    encode_producer(out, change.producer);
    out.u64(static_cast<std::uint64_t>(change.previous_id));
    out.svarint(change.at.ms);
}

void encode(Writer& out, const ProducerGoneChange& change) {
    out.u8(kind_gone);
    out.string(change.name);
}

ProducerOpenedChange read_opened(Reader& in) {
    ProducerOpenedChange change;
    change.name = read_string(in);
    change.producer = read_producer(in);
    change.last_epoch = static_cast<std::int16_t>(in.u16());
    change.previous_id = static_cast<std::int64_t>(in.u64());
    change.timeout_ms = read_timeout(in);
    change.at.ms = in.svarint();
    return change;
}

TransactionGrownChange read_grown(Reader& in) {
    TransactionGrownChange change;
    change.name = read_string(in);
    change.at.ms = in.svarint();
    read_participants(in, change.logs, change.groups);
    return change;
}

TransactionEndingChange read_ending(Reader& in) {
    TransactionEndingChange change;
    change.name = read_string(in);
    const std::uint8_t commit = in.u8();
    if (commit > 1) in.fail();
    change.commit = commit == 1;
    change.producer = read_producer(in);
    change.at.ms = in.svarint();
    return change;
}

TransactionEndedChange read_ended(Reader& in) {
    TransactionEndedChange change;
    change.name = read_string(in);
    change.producer = read_producer(in);
    change.previous_id = static_cast<std::int64_t>(in.u64());
    change.at.ms = in.svarint();
    return change;
}

}  // namespace

void encode_producer(Writer& out, ProducerEpoch producer) {
    out.u64(static_cast<std::uint64_t>(producer.id));
    out.u16(static_cast<std::uint16_t>(producer.epoch));
}

ProducerEpoch read_producer(Reader& in) {
    ProducerEpoch producer;
    producer.id = static_cast<std::int64_t>(in.u64());
    producer.epoch = static_cast<std::int16_t>(in.u16());
    return producer;
}

void encode_participants(Writer& out, const std::vector<QueueId>& logs, const std::vector<TransactionGroup>& groups) {
    out.uvarint(logs.size());
    for (const QueueId log : logs) out.u64(log.value);
    out.uvarint(groups.size());
    for (const TransactionGroup& group : groups) {
        out.string(group.name);
        out.u16(group.shard.value);
    }
}

void read_participants(Reader& in, std::vector<QueueId>& logs, std::vector<TransactionGroup>& groups) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) logs.emplace_back(in.u64());
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        TransactionGroup& group = groups.emplace_back();
        group.name = read_string(in);
        group.shard = ShardId(in.u16());
    }
}

std::int32_t read_timeout(Reader& in) {
    const std::int64_t ms = in.svarint();
    if (ms >= 0 && ms <= std::numeric_limits<std::int32_t>::max()) return static_cast<std::int32_t>(ms);
    in.fail();
    return 0;
}

bool is_transaction_change(ByteView change) {
    return !change.empty() && change[0] >= kind_opened && change[0] <= kind_gone;
}

void encode_transaction_change(const TransactionChange& change, Bytes& out) {
    out.clear();
    Writer writer(out);
    std::visit([&](const auto& each) { encode(writer, each); }, change);
}

Result<TransactionChange> decode_transaction_change(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t kind = in.u8();
    TransactionChange change = ProducerGoneChange{};
    if (kind == kind_opened) change = read_opened(in);
    else if (kind == kind_grown) change = read_grown(in);
    else if (kind == kind_ending) change = read_ending(in);
    else if (kind == kind_ended) change = read_ended(in);
    else if (kind == kind_gone) change = ProducerGoneChange{std::string(read_string(in))};
    else return fail(ErrorCode::corrupt, "transaction change: unknown kind");
    if (!in.done()) return fail(ErrorCode::corrupt, "transaction change: cut off or bytes left over");
    return change;
}

}  // namespace fantail::broker
