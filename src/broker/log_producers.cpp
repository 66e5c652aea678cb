// SPDX-License-Identifier: Apache-2.0
//! Compares sequences with what is remembered.
#include "broker/log_producers.hpp"

#include <algorithm>

namespace fantail::broker {

namespace {

constexpr std::uint32_t sequence_mask = 0x7FFF'FFFF;

std::int32_t plus(std::int32_t sequence, std::uint32_t n) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + n) & sequence_mask);
}

}  // namespace

ProducerBatch ProducerBatch::of(ByteView batch) {
    namespace at = record::batch_at;
    ProducerBatch out;
    out.producer = load_be<std::int64_t>(batch.data() + at::producer_id);
    out.epoch = load_be<std::int16_t>(batch.data() + at::producer_epoch);
    out.first = load_be<std::int32_t>(batch.data() + at::base_sequence);
    out.last = plus(out.first, load_be<std::uint32_t>(batch.data() + at::last_offset_delta));
    const auto attributes = load_be<std::uint16_t>(batch.data() + at::attributes);
    out.transactional = (attributes & record::batch_attribute::transactional) != 0;
    return out;
}

LogProducers::Verdict LogProducers::check(const ProducerBatch& batch) const {
    const auto at = producers_.find(batch.producer);
    if (at == producers_.end()) return {};  // new, or forgotten: its sequence starts wherever it says
    const Producer& known = at->second;
    if (batch.epoch < known.epoch) return {LogOutcome::fenced, {}};
    if (batch.epoch > known.epoch) return {batch.first == 0 ? LogOutcome::ok : LogOutcome::out_of_order, {}};
    if (known.batches.empty()) return {batch.first == 0 ? LogOutcome::ok : LogOutcome::out_of_order, {}};
    for (const Stored& each : known.batches)
        if (each.first == batch.first && each.last == batch.last) return {LogOutcome::ok, each.base};
    const std::int32_t last = known.batches.back().last;
    if (batch.first == plus(last, 1)) return {};
    // Half of the circle of sequences lies behind the last one.
    const std::uint32_t behind =
        (static_cast<std::uint32_t>(last) - static_cast<std::uint32_t>(batch.last)) & sequence_mask;
    return {behind <= sequence_mask / 2 ? LogOutcome::old_duplicate : LogOutcome::out_of_order, {}};
}

void LogProducers::note(const ProducerBatch& batch, Offset base, WallTime now) {
    Producer& producer = producers_[batch.producer];
    if (producer.epoch != batch.epoch) producer.batches.clear();
    producer.epoch = batch.epoch;
    producer.last_time = now;
    if (producer.batches.size() == remembered_batches) producer.batches.erase(producer.batches.begin());
    producer.batches.push_back({batch.first, batch.last, base});
}

void LogProducers::note_marker(ProducerEpoch stamp, WallTime now) {
    Producer& producer = producers_[stamp.id];
    if (producer.epoch != stamp.epoch) producer.batches.clear();
    producer.epoch = stamp.epoch;
    producer.last_time = now;
}

void LogProducers::expire(WallTime before) {
    std::erase_if(producers_, [&](const auto& each) { return each.second.last_time < before; });
}

std::vector<ProducerFigures> LogProducers::figures() const {
    std::vector<ProducerFigures> out;
    for (const auto& [id, producer] : producers_) {
        const std::int32_t last = producer.batches.empty() ? -1 : producer.batches.back().last;
        out.push_back({id, producer.epoch, last, producer.last_time, std::nullopt});
    }
    return out;
}

void LogProducers::encode(Writer& out) const {
    out.uvarint(producers_.size());
    for (const auto& [id, producer] : producers_) {
        out.u64(static_cast<std::uint64_t>(id));
        out.u16(static_cast<std::uint16_t>(producer.epoch));
        out.svarint(producer.last_time.ms);
        out.uvarint(producer.batches.size());
        for (const Stored& each : producer.batches) {
            out.u32(static_cast<std::uint32_t>(each.first));
            out.u32(static_cast<std::uint32_t>(each.last));
            out.uvarint(each.base.value);
        }
    }
}

bool LogProducers::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        Producer& producer = producers_[static_cast<std::int64_t>(in.u64())];
        producer.epoch = static_cast<std::int16_t>(in.u16());
        producer.last_time = {in.svarint()};
        const std::uint64_t count = in.uvarint();
        if (count > remembered_batches) return false;
        for (std::uint64_t i = 0; i < count; ++i) {
            Stored each;
            each.first = static_cast<std::int32_t>(in.u32());
            each.last = static_cast<std::int32_t>(in.u32());
            each.base = Offset(in.uvarint());
            producer.batches.push_back(each);
        }
    }
    return !in.failed();
}

}  // namespace fantail::broker
