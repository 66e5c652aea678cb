// SPDX-License-Identifier: Apache-2.0
//! Applies changes of named producers, and encodes what they amount to.
#include "broker/transactions/transaction_store.hpp"

namespace fantail::broker {

namespace {

constexpr std::uint8_t state_max = static_cast<std::uint8_t>(TransactionState::complete_abort);

void encode_kept(Writer& out, const KeptProducer& kept) {
    encode_producer(out, kept.producer);
    out.u16(static_cast<std::uint16_t>(kept.last_epoch));
    out.u64(static_cast<std::uint64_t>(kept.previous_id));
    out.svarint(kept.timeout_ms);
    out.u8(static_cast<std::uint8_t>(kept.state));
    out.svarint(kept.updated.ms);
    out.svarint(kept.started.ms);
    std::vector<TransactionGroup> groups;
    for (const auto& [name, shard] : kept.groups) groups.push_back({name, shard});
    encode_participants(out, {kept.logs.begin(), kept.logs.end()}, groups);
}

KeptProducer read_kept(Reader& in) {
    KeptProducer kept;
    kept.producer = read_producer(in);
    kept.last_epoch = static_cast<std::int16_t>(in.u16());
    kept.previous_id = static_cast<std::int64_t>(in.u64());
    kept.timeout_ms = read_timeout(in);
    const std::uint8_t state = in.u8();
    if (state > state_max) in.fail();
    else kept.state = static_cast<TransactionState>(state);
    kept.updated.ms = in.svarint();
    kept.started.ms = in.svarint();
    std::vector<QueueId> logs;
    std::vector<TransactionGroup> groups;
    read_participants(in, logs, groups);
    kept.logs.insert(logs.begin(), logs.end());
    for (TransactionGroup& group : groups) kept.groups.insert_or_assign(std::move(group.name), group.shard);
    return kept;
}

void end_participation(KeptProducer& kept) {
    kept.logs.clear();
    kept.groups.clear();
    kept.started = {};
}

}  // namespace

void TransactionStore::apply(const TransactionChange& change) {
    std::visit([this](const auto& each) { carry_out(each); }, change);
}

const KeptProducer* TransactionStore::find(std::string_view name) const {
    const auto at = producers_.find(name);
    return at == producers_.end() ? nullptr : &at->second;
}

void TransactionStore::carry_out(const ProducerOpenedChange& change) {
    KeptProducer& kept = producers_[change.name];
    kept.producer = change.producer;
    kept.last_epoch = change.last_epoch;
    kept.previous_id = change.previous_id;
    kept.timeout_ms = change.timeout_ms;
    kept.state = TransactionState::empty;
    kept.updated = change.at;
    end_participation(kept);
}

void TransactionStore::carry_out(const TransactionGrownChange& change) {
    const auto at = producers_.find(change.name);
    if (at == producers_.end()) return;
    KeptProducer& kept = at->second;
    if (!kept.open()) {
        end_participation(kept);
        kept.state = TransactionState::ongoing;
        kept.started = change.at;
    }
    kept.updated = change.at;
    kept.logs.insert(change.logs.begin(), change.logs.end());
    for (const TransactionGroup& group : change.groups) kept.groups.insert_or_assign(group.name, group.shard);
}

void TransactionStore::carry_out(const TransactionEndingChange& change) {
    const auto at = producers_.find(change.name);
    if (at == producers_.end()) return;
    KeptProducer& kept = at->second;
    kept.state = change.commit ? TransactionState::prepare_commit : TransactionState::prepare_abort;
    if (kept.producer != change.producer) kept.last_epoch = -1;
    kept.producer = change.producer;
    kept.updated = change.at;
}

void TransactionStore::carry_out(const TransactionEndedChange& change) {
    const auto at = producers_.find(change.name);
    if (at == producers_.end()) return;
    KeptProducer& kept = at->second;
    const bool committed =
        kept.state == TransactionState::prepare_commit || kept.state == TransactionState::complete_commit;
    kept.state = committed ? TransactionState::complete_commit : TransactionState::complete_abort;
    kept.producer = change.producer;
    kept.previous_id = change.previous_id;
    kept.updated = change.at;
    end_participation(kept);
}

void TransactionStore::carry_out(const ProducerGoneChange& change) { producers_.erase(change.name); }

void TransactionStore::encode(Writer& out) const {
    out.uvarint(producers_.size());
    for (const auto& [name, kept] : producers_) {
        out.string(name);
        encode_kept(out, kept);
    }
}

bool TransactionStore::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        std::string name(read_string(in));
        producers_.insert_or_assign(std::move(name), read_kept(in));
    }
    return !in.failed();
}

}  // namespace fantail::broker
