// SPDX-License-Identifier: Apache-2.0
//! The words are those that clients of RabbitMQ match on; the first difference found is named.
#include "broker/controller_checks.hpp"

#include <array>
#include <optional>

#include "record/field_table.hpp"

namespace fantail::broker {

namespace {

using record::FieldTableView;
using record::FieldTag;
using record::FieldValueView;

/// Arguments that must be the same when a queue is declared again; others are kept for display only.
constexpr std::array queue_arguments_compared{"x-message-ttl",
                                              "x-expires",
                                              "x-dead-letter-exchange",
                                              "x-dead-letter-routing-key",
                                              "x-dead-letter-strategy",
                                              "x-max-length",
                                              "x-max-length-bytes",
                                              "x-overflow",
                                              "x-max-priority",
                                              "x-single-active-consumer",
                                              "x-delivery-limit",
                                              "x-delayed-retry-type",
                                              "x-delayed-retry-min",
                                              "x-delayed-retry-max",
                                              "x-consumer-timeout",
                                              "x-deduplication-window",
                                              "x-max-age",
                                              "x-stream-max-segment-size-bytes",
                                              "x-stream-filter-size-bytes",
                                              "x-initial-cluster-size",
                                              "x-quorum-initial-group-size"};
constexpr std::array exchange_arguments_compared{
    "alternate-exchange", "x-delayed-type",         "hash-header",
    "hash-property",      "x-deduplication-window", "x-recent-history-length"};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string_view kind_name(QueueKind kind) {
    switch (kind) {
        case QueueKind::classic: return "classic";
        case QueueKind::quorum: return "quorum";
        case QueueKind::stream: return "stream";
    }
    return "";
}

std::string_view type_name(FieldTag tag) {
    switch (tag) {
        case FieldTag::boolean: return "bool";
        case FieldTag::int8: return "byte";
        case FieldTag::uint8: return "unsignedbyte";
        case FieldTag::int16: return "short";
        case FieldTag::uint16: return "unsignedshort";
        case FieldTag::int32: return "signedint";
        case FieldTag::uint32: return "unsignedint";
        case FieldTag::int64:
        case FieldTag::int64_alias: return "long";
        case FieldTag::float32: return "float";
        case FieldTag::float64: return "double";
        case FieldTag::decimal: return "decimal";
        case FieldTag::text: return "longstr";
        case FieldTag::binary: return "binary";
        case FieldTag::array: return "array";
        case FieldTag::timestamp: return "timestamp";
        case FieldTag::table: return "table";
        case FieldTag::nothing: return "void";
    }
    return "";
}

std::string value_text(const FieldValueView& value) {
    if (const auto text = value.as_text()) return std::string(*text);
    if (const auto flag = value.as_bool()) return *flag ? "true" : "false";
    if (const auto number = value.as_int()) return std::to_string(*number);
    if (const auto number = value.as_double()) return std::to_string(*number);
    return "...";
}

/// One side of a comparison of which the other side is absent or of another kind.
std::string described(const std::optional<FieldValueView>& value) {
    if (!value) return "none";
    return "the value " + quoted(value_text(*value)) + " of type " + quoted(type_name(value->tag()));
}

struct Comparison {
    std::string thing;  ///< in words
    FieldTableView wanted;
    FieldTableView current;

    [[nodiscard]] std::unexpected<Error> differ(std::string_view argument, const std::string& received,
                                                const std::string& is) const {
        return fail(ErrorCode::precondition_failed, "inequivalent arg " + quoted(argument) + " for " + thing +
                                                        ": received " + received + " but current is " + is);
    }
    [[nodiscard]] Result<void> flag(std::string_view name, bool received, bool is) const {
        if (received == is) return {};
        return text(name, received ? "true" : "false", is ? "true" : "false");
    }
    [[nodiscard]] Result<void> text(std::string_view name, std::string_view received, std::string_view is) const {
        if (received == is) return {};
        return differ(name, quoted(received), quoted(is));
    }
    [[nodiscard]] Result<void> argument(std::string_view name) const {
        const auto received = present(wanted, name);
        const auto is = present(current, name);
        if (!received && !is) return {};
        if (!received || !is) return differ(name, described(received), described(is));
        if (received->equals(*is)) return {};
        return differ(name, quoted(value_text(*received)), quoted(value_text(*is)));
    }
    static std::optional<FieldValueView> present(FieldTableView table, std::string_view name) {
        auto value = table.find(name);
        if (value && value->is_nothing()) value.reset();
        return value;
    }
};

std::unexpected<Error> locked(const QueueDefinition& queue, std::string_view vhost) {
    return fail(ErrorCode::locked,
                "cannot obtain exclusive access to locked " + in_words("queue", queue.name, vhost) +
                    ": it belongs to another connection, or was declared with another value of exclusive");
}

}  // namespace

std::string in_words(std::string_view kind, std::string_view name, std::string_view vhost) {
    return std::string(kind) + " " + quoted(name) + " in vhost " + quoted(vhost);
}

Result<void> check_owner(const QueueDefinition& queue, ConnectionId origin, std::string_view vhost) {
    if (queue.exclusive_owner && *queue.exclusive_owner != origin) return locked(queue, vhost);
    return {};
}

Result<void> check_equivalent(const DeclareQueue& wanted, ConnectionId origin, const QueueDefinition& current,
                              std::string_view vhost) {
    FANTAIL_CHECK(check_owner(current, origin, vhost));
    if (wanted.exclusive != current.exclusive_owner.has_value()) return locked(current, vhost);
    const Comparison compare{in_words("queue", current.name, vhost), FieldTableView(wanted.arguments),
                             FieldTableView(current.arguments)};
    FANTAIL_CHECK(compare.flag("durable", wanted.durable, current.durable));
    FANTAIL_CHECK(compare.flag("auto_delete", wanted.auto_delete, current.auto_delete));
    FANTAIL_CHECK(compare.text("x-queue-type", kind_name(wanted.kind), kind_name(current.kind)));
    for (const char* name : queue_arguments_compared) FANTAIL_CHECK(compare.argument(name));
    return {};
}

Result<void> check_equivalent(const ExchangeDefinition& wanted, const ExchangeDefinition& current,
                              std::string_view vhost) {
    const Comparison compare{in_words("exchange", current.name, vhost), FieldTableView(wanted.arguments),
                             FieldTableView(current.arguments)};
    FANTAIL_CHECK(compare.text("type", wanted.type_name, current.type_name));
    FANTAIL_CHECK(compare.flag("durable", wanted.durable, current.durable));
    FANTAIL_CHECK(compare.flag("auto_delete", wanted.auto_delete, current.auto_delete));
    FANTAIL_CHECK(compare.flag("internal", wanted.internal, current.internal));
    for (const char* name : exchange_arguments_compared) FANTAIL_CHECK(compare.argument(name));
    return {};
}

}  // namespace fantail::broker
