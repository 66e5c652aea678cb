// SPDX-License-Identifier: Apache-2.0
//! Takes envelopes apart.
#include "protocols/kafka/mapping.hpp"

#include <charconv>
#include <deque>
#include <string>
#include <vector>

#include "record/batch.hpp"
#include "record/envelope.hpp"

namespace fantail::kafka {

namespace {

using record::HeaderParts;

/// The headers of one record, and the texts that some of them are views of.
class Headers {
public:
    void add(std::string_view name, std::string_view value) { parts_.push_back({name, as_bytes(value), false}); }
    void add_null(std::string_view name) { parts_.push_back({name, {}, true}); }
    void add_made(std::string_view name, std::string value) { add(name, texts_.emplace_back(std::move(value))); }
    void add_if(std::string_view name, const std::optional<std::string_view>& value) {
        if (value) add(name, *value);
    }
    [[nodiscard]] std::span<const HeaderParts> all() const { return parts_; }

private:
    std::vector<HeaderParts> parts_;
    std::deque<std::string> texts_;
};

std::string in_digits(double value) {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value);
    return error == std::errc() ? std::string(text, end) : std::string();
}

/// Tables and arrays have no form that a consumer would know: they are left out.
void add_field(Headers& headers, const record::FieldEntry& entry) {
    const record::FieldValueView& value = entry.value;
    if (const auto text = value.as_text()) headers.add(entry.name, *text);
    else if (const auto binary = value.as_binary()) headers.add(entry.name, as_text(*binary));
    else if (const auto truth = value.as_bool()) headers.add(entry.name, *truth ? "true" : "false");
    else if (const auto number = value.as_int()) headers.add_made(entry.name, std::to_string(*number));
    else if (const auto real = value.as_double()) headers.add_made(entry.name, in_digits(*real));
    else if (const auto time = value.as_timestamp()) headers.add_made(entry.name, std::to_string(*time));
    else if (value.is_nothing()) headers.add_null(entry.name);
}

Result<void> add_properties(Headers& headers, ByteView encoded) {
    FANTAIL_TRY(const auto p, record::Properties::parse(encoded));
    headers.add_if("content-type", p.content_type);
    headers.add_if("content-encoding", p.content_encoding);
    if (p.priority) headers.add_made("priority", std::to_string(*p.priority));
    headers.add_if("correlation-id", p.correlation_id);
    headers.add_if("reply-to", p.reply_to);
    headers.add_if("expiration", p.expiration);
    headers.add_if("message-id", p.message_id);
    if (p.timestamp) headers.add_made("timestamp", std::to_string(*p.timestamp));
    headers.add_if("type", p.type);
    headers.add_if("user-id", p.user_id);
    headers.add_if("app-id", p.app_id);
    if (!p.headers) return {};
    auto entries = p.headers->entries();
    record::FieldEntry entry;
    while (entries.next(entry)) add_field(headers, entry);
    return {};
}

Result<void> append(record::BatchBuilder& builder, const record::RecordView& record) {
    Headers headers;
    if (!record.envelope.empty()) {
        FANTAIL_TRY(const auto envelope, record::EnvelopeView::parse(record.envelope));
        if (!envelope.exchange().empty()) headers.add("exchange", envelope.exchange());
        FANTAIL_CHECK(add_properties(headers, envelope.properties()));
    }
    builder.append({.timestamp = record.timestamp,
                    .key = record.key,
                    .key_is_null = record.key.empty(),
                    .value = record.value,
                    .value_is_null = record.value_is_null,
                    .headers = headers.all()});
    return {};
}

}  // namespace

bool has_envelopes(ByteView batch) {
    const auto attributes = load_be<std::uint16_t>(batch.data() + record::batch_at::attributes);
    return (attributes & record::batch_attribute::has_envelopes) != 0;
}

Result<Bytes> without_envelopes(ByteView batch) {
    FANTAIL_TRY(const auto view, record::BatchView::parse(batch));
    FANTAIL_TRY(auto records, view.records());
    record::BatchBuilder builder;
    record::RecordView record;
    while (records.next(record)) FANTAIL_CHECK(append(builder, record));
    if (records.failed() || builder.empty()) return fail(ErrorCode::malformed, "records cannot be read");
    return builder.finish(view.base_offset());
}

}  // namespace fantail::kafka
