// SPDX-License-Identifier: Apache-2.0
//! JSON in both directions.
#include "server/admin/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace fantail::server {

namespace json = boost::json;

namespace {

std::unexpected<Error> wrong_member(std::string_view name, std::string_view wanted) {
    return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be " + std::string(wanted));
}

const json::value* find(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

/// Length of the UTF-8 character at the front (RFC 3629), 0 if there is none.
std::size_t character_size(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t size = lead >= 0xF0 && lead <= 0xF4  ? 4
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                                                           : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const bool too_long = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
    const bool no_character = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
    return too_long || no_character ? 0 : size;
}

std::string hex_digits(ByteView bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : bytes) out += {digits[byte >> 4], digits[byte & 15]};
    return out;
}

std::string hex(ByteView bytes) { return "hex:" + hex_digits(bytes); }

/// JSON has no word for what is not finite: a text then, which no longer means the same and still tells what was there.
json::value number_json(double number) {
    if (std::isfinite(number)) return number;
    if (std::isnan(number)) return "NaN";
    return number > 0 ? "Infinity" : "-Infinity";
}

json::value value_of(const record::FieldValueView& value) {
    if (const auto b = value.as_bool()) return *b;
    if (const auto i = value.as_int()) return *i;
    if (const auto t = value.as_timestamp()) return *t;
    if (const auto d = value.as_double()) return number_json(*d);
    if (const auto s = value.as_text()) return is_utf8(*s) ? json::value(*s) : json::value(hex(as_bytes(*s)));
    if (const auto x = value.as_binary()) return json::value(hex(*x));
    if (const auto t = value.as_table()) return json_of(*t);
    if (const auto a = value.as_array()) {
        json::array out;
        record::FieldValueView each;
        for (auto cursor = a->values(); cursor.next(each);) out.push_back(value_of(each));
        return out;
    }
    if (const auto d = value.as_decimal()) return json::object{{"scale", d->scale}, {"digits", d->digits}};
    return nullptr;
}

/// Encodes one entry through a builder of its own.
Result<void> add(record::FieldTableBuilder& out, std::string_view name, const json::value& value, unsigned depth);

Result<Bytes> table_at(const json::object& object, unsigned depth) {
    if (depth > record::field_table_depth_max) return fail(ErrorCode::too_large, "nested too deep");
    record::FieldTableBuilder out;
    for (const auto& [name, value] : object)
        FANTAIL_CHECK(add(out, std::string_view(name.data(), name.size()), value, depth));
    return out.take();
}

Result<void> add(record::FieldTableBuilder& out, std::string_view name, const json::value& value, unsigned depth) {
    if (name.size() > record::field_name_size_max)
        return fail(ErrorCode::too_large, "an argument's name is longer than 255 bytes");
    switch (value.kind()) {
        case json::kind::null: out.set_nothing(name); return {};
        case json::kind::bool_: out.set_bool(name, value.as_bool()); return {};
        case json::kind::int64: out.set_int(name, value.as_int64()); return {};
        case json::kind::uint64: return wrong_member(name, "below 2^63");
        case json::kind::double_: out.set_double(name, value.as_double()); return {};
        case json::kind::string: out.set_text(name, std::string_view(value.as_string())); return {};
        case json::kind::object: {
            FANTAIL_TRY(const Bytes inner, table_at(value.as_object(), depth + 1));
            out.set_table(name, record::FieldTableView(inner));
            return {};
        }
        case json::kind::array: {
            // A table of the same values gives the encodings that the array needs.
            record::FieldArrayBuilder array;
            for (const json::value& each : value.as_array()) {
                record::FieldTableBuilder one;
                if (depth >= record::field_table_depth_max) return fail(ErrorCode::too_large, "nested too deep");
                FANTAIL_CHECK(add(one, "", each, depth + 1));
                array.add(*one.view().find(""));
            }
            out.set_array(name, array.view());
            return {};
        }
    }
    return {};
}

std::optional<std::int64_t> number_in(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// What paths name.
constexpr std::string_view path_members[] = {
    "vhost", "name",     "queue", "exchange",  "source",           "destination",
    "user",  "username", "topic", "component", "destination_type", "properties_key"};

/// A number too large to be held is read as infinite: it must not come in. \param name of the member that holds `value`
Result<void> check_finite(std::string_view name, const json::value& value) {
    if (value.is_double() && !std::isfinite(value.as_double())) return wrong_member(name, "a finite number");
    if (value.is_array())
        for (const json::value& each : value.as_array()) FANTAIL_CHECK(check_finite(name, each));
    if (value.is_object())
        for (const auto& [inner, each] : value.as_object())
            FANTAIL_CHECK(check_finite(std::string_view(inner.data(), inner.size()), each));
    return {};
}

template <class T>
void put(json::object& out, std::string_view name, const std::optional<T>& value) {
    if (value) out[name] = json::value_from(*value);
}

}  // namespace

Result<json::object> parse_object(const std::string& body) {
    if (body.find_first_not_of(" \t\r\n") == std::string::npos) return json::object();
    boost::system::error_code error;
    json::value value = json::parse(body, error);
    if (error) return fail(ErrorCode::malformed, "the body is no JSON");
    if (!value.is_object()) return fail(ErrorCode::malformed, "the body must be a JSON object");
    FANTAIL_CHECK(check_finite("", value));
    return std::move(value.as_object());
}

Result<std::optional<std::string>> text_member(const json::object& body, std::string_view name) {
    const json::value* value = find(body, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) return wrong_member(name, "a text");
    return std::string(value->as_string());
}

Result<std::optional<bool>> flag_member(const json::object& body, std::string_view name) {
    const json::value* value = find(body, name);
    if (value == nullptr) return std::nullopt;
    if (value->is_bool()) return value->as_bool();
    // RabbitMQ takes the words too, and its command line tool sends them.
    if (value->is_string() && value->as_string() == "true") return true;
    if (value->is_string() && value->as_string() == "false") return false;
    return wrong_member(name, "true or false");
}

Result<std::optional<std::int64_t>> number_member(const json::object& body, std::string_view name) {
    const json::value* value = find(body, name);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->as_int64();
    // RabbitMQ takes texts too, and its pages and its command line tool send them.
    if (value->is_string())
        if (const auto number = number_in(value->as_string())) return number;
    return wrong_member(name, "a whole number");
}

Result<Bytes> table_member(const json::object& body, std::string_view name) {
    const json::value* value = find(body, name);
    // An empty table may come as an empty list: PHP and Erlang know no difference.
    if (value == nullptr || (value->is_array() && value->as_array().empty())) return Bytes();
    if (!value->is_object()) return wrong_member(name, "an object");
    return table_of(value->as_object());
}

Result<void> only_members(const json::object& object, std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : object)
        if (std::ranges::find(known, std::string_view(name)) == known.end())
            return fail(ErrorCode::malformed, "unknown member '" + std::string(name) + "'");
    return {};
}

Result<void> only_members_of_body(const json::object& body, std::initializer_list<std::string_view> known) {
    json::object own;
    for (const auto& [name, value] : body)
        if (std::ranges::find(path_members, std::string_view(name)) == std::end(path_members)) own[name] = nullptr;
    return only_members(own, known);
}

Result<Bytes> queue_arguments(const json::object& body) {
    constexpr std::string_view kind_argument = "x-queue-type";
    FANTAIL_TRY(Bytes arguments, table_member(body, "arguments"));
    for (const std::string_view name : {"type", "queue_type"}) {
        FANTAIL_TRY(const auto kind, text_member(body, name));
        if (!kind) continue;
        const auto stated = record::FieldTableView(arguments).find(kind_argument);
        if (stated && !stated->is_nothing() && stated->as_text() != *kind)
            return fail(ErrorCode::malformed,
                        "'" + std::string(name) + "' is '" + *kind + "', and the arguments have another x-queue-type");
        if (stated && !stated->is_nothing()) continue;
        json::object with_kind;
        if (const json::value* given = find(body, "arguments"); given != nullptr && given->is_object())
            with_kind = given->as_object();
        with_kind[kind_argument] = *kind;
        FANTAIL_TRY(arguments, table_of(with_kind));
    }
    return arguments;
}

json::object json_of(record::FieldTableView table) {
    json::object out;
    record::FieldEntry entry;
    for (auto cursor = table.entries(); cursor.next(entry);) out[utf8(entry.name)] = value_of(entry.value);
    return out;
}

Result<Bytes> table_of(const json::object& object) { return table_at(object, 1); }

json::object json_of(const broker::QueueOptions& o) {
    json::object out;
    put(out, "message-ttl", o.message_ttl_ms);
    put(out, "expires", o.expires_ms);
    if (o.dead_letter_exchange) out["dead-letter-exchange"] = utf8(*o.dead_letter_exchange);
    if (o.dead_letter_routing_key) out["dead-letter-routing-key"] = utf8(*o.dead_letter_routing_key);
    if (o.dead_letter_strategy == broker::DeadLetterStrategy::at_least_once)
        out["dead-letter-strategy"] = "at-least-once";
    put(out, "max-length", o.length_max);
    put(out, "max-length-bytes", o.length_bytes_max);
    if (o.overflow == broker::Overflow::reject_publish) out["overflow"] = "reject-publish";
    if (o.overflow == broker::Overflow::reject_publish_dlx) out["overflow"] = "reject-publish-dlx";
    if (o.priority_max != 0) out["max-priority"] = o.priority_max;
    if (o.single_active_consumer) out["single-active-consumer"] = true;
    put(out, "delivery-limit", o.delivery_limit);
    put(out, "consumer-timeout", o.consumer_timeout_ms);
    if (o.deduplication_window_ms != 0) out["deduplication-window"] = o.deduplication_window_ms;
    put(out, "max-age-ms", o.retention_ms);
    return out;
}

std::string_view kind_name(broker::QueueKind kind) {
    switch (kind) {
        case broker::QueueKind::classic: return "classic";
        case broker::QueueKind::quorum: return "quorum";
        case broker::QueueKind::stream: return "stream";
    }
    return "?";
}

std::optional<broker::QueueKind> kind_of(std::string_view name) {
    for (const auto kind : {broker::QueueKind::classic, broker::QueueKind::quorum, broker::QueueKind::stream})
        if (name == kind_name(kind)) return kind;
    return std::nullopt;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string utf8(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        if (size == 0) out += "\\x" + hex_digits(as_bytes(text.substr(0, 1)));
        else out += text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

}  // namespace fantail::server
