// SPDX-License-Identifier: Apache-2.0
//! Maps stored records to deliveries.
#include "protocols/amqp091/mapping.hpp"

#include "protocols/amqp091/content.hpp"
#include "record/deaths.hpp"
#include "record/varint.hpp"

namespace fantail::amqp091 {
namespace {

using record::FieldArrayBuilder;
using record::FieldTableBuilder;

constexpr std::int64_t ms_per_second = 1000;

FieldTableBuilder death_table(const record::Death& death) {
    FieldTableBuilder table;
    table.set_int("count", static_cast<std::int64_t>(death.count));
    table.set_text("reason", record::to_text(death.reason));
    table.set_text("queue", death.queue);
    table.set_timestamp("time", static_cast<std::uint64_t>(death.time.ms / ms_per_second));
    table.set_text("exchange", death.exchange);
    FieldArrayBuilder keys;
    for (const std::string& key : death.routing_keys) keys.add_text(key);
    table.set_array("routing-keys", keys.view());
    if (!death.original_expiration.empty()) table.set_text("original-expiration", death.original_expiration);
    return table;
}

void set_companions(FieldTableBuilder& headers, std::string_view which, const record::Death& death) {
    const std::string prefix = "x-" + std::string(which) + "-death-";
    headers.set_text(prefix + "exchange", death.exchange);
    headers.set_text(prefix + "queue", death.queue);
    headers.set_text(prefix + "reason", record::to_text(death.reason));
}

void set_deaths(FieldTableBuilder& headers, ByteView encoded) {
    const auto history = record::decode_deaths(encoded);
    if (!history || history->deaths.empty()) return;
    FieldArrayBuilder deaths;
    for (const record::Death& death : history->deaths) deaths.add_table(death_table(death).view());
    headers.set_array("x-death", deaths.view());
    set_companions(headers, "first", *history->first());
    set_companions(headers, "last", *history->last());
}

void set_counts(FieldTableBuilder& headers, const DeliveryFacts& facts) {
    if (facts.kind == broker::QueueKind::stream) {
        headers.set_int("x-stream-offset", static_cast<std::int64_t>(facts.offset.value));
        return;
    }
    if (facts.kind != broker::QueueKind::quorum) return;
    if (facts.delivery_count > 0) headers.set_int("x-delivery-count", facts.delivery_count);
    if (facts.acquired_count > 0) headers.set_int("x-acquired-count", facts.acquired_count);
}

bool adds_counts(const DeliveryFacts& facts) {
    switch (facts.kind) {
        case broker::QueueKind::classic: return false;
        case broker::QueueKind::quorum: return facts.delivery_count > 0 || facts.acquired_count > 0;
        case broker::QueueKind::stream: return true;
    }
    return false;
}

/// Whether the envelope holds nothing but properties and exchange, told by its size.
bool is_plain(ByteView envelope, const record::EnvelopeView& view) {
    const auto sized = [](std::size_t size) { return record::uvarint_size(size) + size; };
    const std::size_t exchange = view.exchange().empty() ? 0 : 1 + sized(view.exchange().size());
    return envelope.size() == 1 + sized(view.properties().size()) + exchange;
}

}  // namespace

void Mapper::add_headers(ByteView properties, ByteView deaths, const DeliveryFacts& facts) {
    auto parsed =
        properties.empty() ? Result<record::Properties>(record::Properties{}) : record::Properties::parse(properties);
    if (!parsed) return;
    FieldTableBuilder headers = parsed->headers ? FieldTableBuilder(*parsed->headers) : FieldTableBuilder();
    set_deaths(headers, deaths);
    set_counts(headers, facts);
    parsed->headers = headers.view();
    Bytes out;
    parsed->encode(out);
    rewritten_ = std::move(out);
}

/// A record that some other protocol stored: its headers become a table of byte strings, its time the timestamp.
void Mapper::map_foreign(const record::RecordView& record) {
    FieldTableBuilder headers;
    auto cursor = record.header_cursor();
    record::HeaderView header;
    while (cursor.next(header)) {
        const std::string_view name = clip_shortstr(header.key);
        if (header.value_is_null) headers.set_nothing(name);
        else headers.set_binary(name, header.value);
    }
    record::Properties properties;
    if (!headers.view().empty()) properties.headers = headers.view();
    if (record.timestamp.ms >= 0)
        properties.timestamp = static_cast<std::uint64_t>(record.timestamp.ms / ms_per_second);
    rewritten_.clear();
    properties.encode(rewritten_);
}

/// A content header must fit one frame, which the receiver may have negotiated smaller than the publisher: the headers go.
void Mapper::fit(ByteView properties) {
    auto parsed = record::Properties::parse(properties);
    if (!parsed) parsed = record::Properties{};
    parsed->headers.reset();
    Bytes out;
    parsed->encode(out);
    rewritten_ = std::move(out);
}

OutgoingMessage Mapper::map(const record::RecordView& record, const DeliveryFacts& facts, std::uint32_t frame_max) {
    OutgoingMessage message;
    message.body = record.value;
    message.routing_key = as_text(record.key);
    if (message.routing_key.size() > shortstr_size_max) [[unlikely]]
        message.routing_key = clip_shortstr(message.routing_key);
    const auto envelope = record::EnvelopeView::parse(record.envelope);
    ByteView deaths;
    if (envelope) [[likely]] {
        message.properties = envelope->properties();
        message.exchange = envelope->exchange();
        if (!is_plain(record.envelope, *envelope)) [[unlikely]]
            deaths = envelope->deaths();
    } else {
        map_foreign(record);
        message.properties = rewritten_;
    }
    if (!deaths.empty() || adds_counts(facts)) [[unlikely]] {
        const Bytes base(message.properties.begin(), message.properties.end());
        add_headers(base, deaths, facts);
        message.properties = rewritten_;
    }
    if (!header_fits(message.properties, frame_max)) [[unlikely]] {
        const Bytes base(message.properties.begin(), message.properties.end());
        fit(base);
        message.properties = rewritten_;
    }
    return message;
}

}  // namespace fantail::amqp091
