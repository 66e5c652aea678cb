// SPDX-License-Identifier: Apache-2.0
//! Walks records for the few things the queue must know of them.
#include "broker/queue_records.hpp"

#include "record/properties.hpp"

namespace fantail::broker {

namespace {

constexpr std::uint16_t marker_version = 0;
constexpr std::uint16_t marker_abort = 0;
constexpr std::uint16_t marker_commit = 1;
/// There is one coordinator for each name, for ever.
constexpr std::uint32_t marker_coordinator_epoch = 0;

constexpr std::string_view filter_header = "x-stream-filter-value";

/// The record's own time to live in milliseconds.
std::optional<std::int64_t> time_to_live(const record::EnvelopeView& envelope) {
    const auto properties = record::scan_properties(envelope.properties());
    if (!properties || !properties->expiration) return std::nullopt;
    const auto ms = record::parse_expiration(*properties->expiration);
    if (!ms) return std::nullopt;
    return static_cast<std::int64_t>(*ms);
}

}  // namespace

std::uint16_t batch_flags(ByteView batch) {
    return load_be<std::uint16_t>(batch.data() + record::batch_at::attributes);
}

WallTime batch_time(ByteView batch) { return {load_be<std::int64_t>(batch.data() + record::batch_at::max_timestamp)}; }

bool is_commit(ByteView marker) {
    const auto view = record::BatchView::parse(marker);
    auto records = view ? view->records() : std::unexpected(view.error());
    record::RecordView record;
    if (!records || !records->next(record)) return false;
    Reader key(record.key);
    return key.u16() == marker_version && key.u16() == marker_commit && !key.failed();
}

SharedBytes make_marker(ProducerEpoch producer, bool commit, WallTime now) {
    Bytes key, value;
    Writer(key).u16(marker_version);
    Writer(key).u16(commit ? marker_commit : marker_abort);
    Writer(value).u16(marker_version);
    Writer(value).u32(marker_coordinator_epoch);
    record::BatchBuilder builder;
    builder.append({.timestamp = now, .key = key, .value = value});
    record::BatchStamp stamp;
    stamp.attributes = record::batch_attribute::transactional | record::batch_attribute::control;
    stamp.producer_id = producer.id;
    stamp.producer_epoch = producer.epoch;
    return std::make_shared<const Bytes>(builder.finish(Offset(0), stamp));
}

std::uint64_t body_bytes(ByteView batch, std::uint32_t index, std::uint32_t count) {
    const auto view = record::BatchView::parse(batch);
    if (!view) return batch.size();
    auto cursor = view->records();
    if (!cursor) return batch.size();
    record::RecordView record;
    std::uint64_t sum = 0;
    if (!cursor->skip(index)) return 0;
    while (count-- > 0 && cursor->next(record)) sum += record.value.size();
    return sum;
}

std::uint64_t body_bytes(ByteView batch) { return body_bytes(batch, 0, std::numeric_limits<std::uint32_t>::max()); }

void for_each_envelope(ByteView batch, const std::function<void(std::uint32_t, const record::EnvelopeView&)>& see) {
    const auto view = record::BatchView::parse(batch);
    if (!view) return;
    auto cursor = view->records();
    if (!cursor) return;
    record::RecordView record;
    for (std::uint32_t index = 0; cursor->next(record); ++index) {
        const auto envelope = record::EnvelopeView::parse(record.envelope);
        if (envelope) see(index, *envelope);
    }
}

std::vector<std::int64_t> expiry_times(ByteView batch) {
    std::vector<std::int64_t> times;
    const auto view = record::BatchView::parse(batch);
    if (!view) return times;
    auto cursor = view->records();
    if (!cursor) return times;
    record::RecordView record;
    while (cursor->next(record)) {
        times.push_back(never_ms);
        const auto envelope = record::EnvelopeView::parse(record.envelope);
        if (!envelope) continue;
        if (const auto ttl = time_to_live(*envelope)) times.back() = record.timestamp.ms + *ttl;
    }
    return times;
}

std::optional<std::string_view> filter_value(const record::RecordView& record) {
    const auto envelope = record::EnvelopeView::parse(record.envelope);
    if (!envelope) return std::nullopt;
    const auto properties = record::scan_properties(envelope->properties());
    if (!properties || !properties->headers) return std::nullopt;
    const auto value = properties->headers->find(filter_header);
    return value ? value->as_text() : std::nullopt;
}

}  // namespace fantail::broker
