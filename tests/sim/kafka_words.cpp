// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes record batches.
#include "sim/kafka_words.hpp"

#include "base/crc32c.hpp"
#include "sim/client_words.hpp"

namespace fantail::sim {

namespace {

namespace at = record::batch_at;

Bytes compressed(Bytes batch, record::Codec codec) {
    const Bytes records = record::compress(codec, ByteView(batch).subspan(record::batch_header_size)).value();
    batch.resize(record::batch_header_size);
    append(batch, records);
    const auto attributes = load_be<std::uint16_t>(batch.data() + at::attributes);
    store_be(batch.data() + at::attributes, static_cast<std::uint16_t>(attributes | static_cast<unsigned>(codec)));
    store_be(batch.data() + at::batch_length, static_cast<std::int32_t>(batch.size() - record::batch_length_excluded));
    store_be(batch.data() + at::crc, crc32c(ByteView(batch).subspan(at::attributes)));
    return batch;
}

bool is_sound(std::uint64_t id, ByteView body) {
    return body.size() >= sizeof id && std::ranges::equal(body, body_of(id, body.size()));
}

/// \return why it is not sound; empty if it is
std::string read_marker(const record::BatchView& view, FetchedBatch& out) {
    auto records = view.records();
    record::RecordView record;
    if (!records || view.record_count() != 1 || !records->next(record)) return "a marker that is not one record";
    Reader key(record.key);
    const std::uint16_t version = key.u16();
    const std::uint16_t type = key.u16();
    if (version != 0 || type > 1 || !key.done()) return "a marker of an unknown kind";
    out.commits = type == 1;
    return "";
}

/// \return why it is not sound; empty if it is
std::string read_batch(const record::BatchView& view, FetchedBatch& out) {
    if (!view.verify_crc()) return "a batch with a wrong checksum";
    out.producer = view.producer_id();
    out.transactional = (view.attributes() & record::batch_attribute::transactional) != 0;
    if ((view.attributes() & record::batch_attribute::control) != 0) return read_marker(view, out);
    const auto plain = record::decompress_batch(view, 64u << 20);
    if (!plain) return "a batch that cannot be unpacked";
    auto records = record::BatchView::parse(*plain)->records();
    record::RecordView record;
    while (records->next(record)) {
        const std::uint64_t id = id_of(record.value);
        if (!is_sound(id, record.value)) return "a record that nobody wrote";
        out.records.push_back({out.base + record.offset_delta, id});
    }
    return records->failed() ? "a batch with broken records" : "";
}

}  // namespace

Bytes write_batch(const std::vector<WrittenRecord>& records, const record::BatchStamp& stamp, record::Codec codec) {
    record::BatchBuilder builder;
    for (const WrittenRecord& each : records) {
        const Bytes body = body_of(each.id, each.size);
        builder.append({.timestamp = each.time, .key_is_null = true, .value = body});
    }
    Bytes batch = builder.finish(Offset(0), stamp);
    return codec == record::Codec::none ? batch : compressed(std::move(batch), codec);
}

std::vector<FetchedBatch> read_batches(ByteView bytes, std::string& wrong) {
    std::vector<FetchedBatch> all;
    while (!bytes.empty() && wrong.empty()) {
        const auto view = record::BatchView::parse(bytes);
        if (!view) {
            wrong = "what is no batch: " + view.error().message;
            break;
        }
        FetchedBatch& batch = all.emplace_back();
        batch.base = static_cast<std::int64_t>(view->base_offset().value);
        batch.end = static_cast<std::int64_t>(view->last_offset().value) + 1;
        batch.bytes = view->total_size();
        wrong = read_batch(*view, batch);
        bytes = bytes.subspan(view->total_size());
    }
    return all;
}

}  // namespace fantail::sim
