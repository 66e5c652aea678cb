// SPDX-License-Identifier: Apache-2.0
//! Properties in both directions.
#include "server/admin/message_json.hpp"

#include <algorithm>

#include "record/properties.hpp"
#include "server/admin/json_text.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

using record::Properties;
using Text = std::optional<std::string_view> Properties::*;
struct NamedText {
    std::string_view name;
    Text member;
};
constexpr NamedText texts[] = {
    {"content_type", &Properties::content_type},
    {"content_encoding", &Properties::content_encoding},
    {"correlation_id", &Properties::correlation_id},
    {"reply_to", &Properties::reply_to},
    {"expiration", &Properties::expiration},
    {"message_id", &Properties::message_id},
    {"type", &Properties::type},
    {"user_id", &Properties::user_id},
    {"app_id", &Properties::app_id},
    {"cluster_id", &Properties::cluster_id},
};

Result<std::optional<std::uint8_t>> small_number(const json::object& from, std::string_view name) {
    FANTAIL_TRY(const auto value, number_member(from, name));
    if (!value) return std::nullopt;
    if (*value < 0 || *value > 255)
        return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be from 0 to 255");
    return static_cast<std::uint8_t>(*value);
}

Result<void> read_numbers(const json::object& from, Properties& out) {
    FANTAIL_TRY(out.delivery_mode, small_number(from, "delivery_mode"));
    FANTAIL_TRY(out.priority, small_number(from, "priority"));
    FANTAIL_TRY(const auto timestamp, number_member(from, "timestamp"));
    if (timestamp && *timestamp < 0) return fail(ErrorCode::malformed, "'timestamp' must not be negative");
    if (timestamp) out.timestamp = static_cast<std::uint64_t>(*timestamp);
    return {};
}

}  // namespace

json::object json_of_properties(ByteView properties) {
    json::object out;
    const auto parsed = Properties::parse(properties);
    if (!parsed) return out;
    for (const NamedText& each : texts)
        if (const auto& value = (*parsed).*each.member) out[each.name] = utf8(*value);
    if (parsed->delivery_mode) out["delivery_mode"] = *parsed->delivery_mode;
    if (parsed->priority) out["priority"] = *parsed->priority;
    if (parsed->timestamp) out["timestamp"] = *parsed->timestamp;
    if (parsed->headers) out["headers"] = json_of(*parsed->headers);
    return out;
}

Result<Bytes> properties_from(const json::object& from) {
    FANTAIL_CHECK(only_members(
        from, {"content_type", "content_encoding", "correlation_id", "reply_to", "expiration", "message_id", "type",
               "user_id", "app_id", "cluster_id", "delivery_mode", "priority", "timestamp", "headers"}));
    Properties properties;
    std::array<std::string, std::size(texts)> kept;
    for (std::size_t i = 0; i < std::size(texts); ++i) {
        FANTAIL_TRY(auto value, text_member(from, texts[i].name));
        if (!value) continue;
        if (value->size() > record::property_text_size_max)
            return fail(ErrorCode::malformed, "'" + std::string(texts[i].name) + "' has more than 255 bytes");
        kept[i] = std::move(*value);
        properties.*texts[i].member = kept[i];
    }
    FANTAIL_CHECK(read_numbers(from, properties));
    FANTAIL_TRY(const Bytes headers, table_member(from, "headers"));
    if (from.contains("headers")) properties.headers = record::FieldTableView(headers);
    Bytes out;
    properties.encode(out);
    return out;
}

}  // namespace fantail::server
