// SPDX-License-Identifier: Apache-2.0
//! Reads the type and arguments of exchange.declare.
#include "protocols/amqp091/exchange_arguments.hpp"

#include <array>

#include "protocols/amqp091/queue_arguments.hpp"

namespace fantail::amqp091 {
namespace {

using broker::ExchangeDefinition;
using broker::ExchangeType;
using record::FieldTableView;

struct NamedType {
    std::string_view name;
    ExchangeType type;
};
constexpr std::array types{
    NamedType{"direct", ExchangeType::direct},
    NamedType{"fanout", ExchangeType::fanout},
    NamedType{"topic", ExchangeType::topic},
    NamedType{"headers", ExchangeType::headers},
    NamedType{"x-consistent-hash", ExchangeType::consistent_hash},
    NamedType{"x-modulus-hash", ExchangeType::modulus_hash},
    NamedType{"x-random", ExchangeType::random},
    NamedType{"x-local-random", ExchangeType::local_random},
    NamedType{"x-recent-history", ExchangeType::recent_history},
};
constexpr std::string_view delayed_type = "x-delayed-message";
constexpr std::uint32_t history_length_default = 20;
constexpr std::int64_t history_length_max = 10'000;

std::optional<ExchangeType> type_of(std::string_view name) {
    const auto found = std::ranges::find(types, name, &NamedType::name);
    return found == types.end() ? std::nullopt : std::optional(found->type);
}

std::unexpected<ReplyError> invalid(const Link& link, const ExchangeDefinition& exchange, std::string_view argument,
                                    std::string_view why) {
    return refuse(ReplyCode::precondition_failed, "invalid arg '" + std::string(argument) + "' for " +
                                                      described("exchange", exchange.name, link) + ": " +
                                                      std::string(why));
}

Handled read_text(const Link& link, const ExchangeDefinition& exchange, std::string_view argument, std::string& out) {
    const auto value = FieldTableView(exchange.arguments).find(argument);
    if (!value || value->is_nothing()) return {};
    const auto text = value->as_text();
    if (!text || text->size() > fantail::limits::name_size_max)
        return invalid(link, exchange, argument, "expected a string of at most 255 bytes");
    out = *text;
    return {};
}

struct Range {
    std::int64_t min;
    std::int64_t max;
};

Replied<std::optional<std::int64_t>> read_integer(const Link& link, const ExchangeDefinition& exchange,
                                                  std::string_view argument, Range range) {
    const auto value = FieldTableView(exchange.arguments).find(argument);
    if (!value || value->is_nothing()) return std::nullopt;
    const auto number = value->as_int();
    if (!number || *number < range.min || *number > range.max) {
        return invalid(link, exchange, argument,
                       "must be a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max));
    }
    return *number;
}

std::unexpected<ReplyError> unknown_type(std::string_view name) {
    return refuse(ReplyCode::precondition_failed, "unknown exchange type '" + std::string(name) + "'");
}

Handled read_type(const Link& link, std::string_view name, ExchangeDefinition& exchange) {
    if (name == delayed_type) {
        std::string inner;
        FANTAIL_CHECK(read_text(link, exchange, "x-delayed-type", inner));
        const auto type = type_of(inner);
        if (!type) return invalid(link, exchange, "x-delayed-type", "must be the type of an exchange");
        exchange.delayed = true;
        exchange.type = *type;
        return {};
    }
    const auto type = type_of(name);
    if (!type) return unknown_type(name);
    exchange.type = *type;
    return {};
}

Handled read_hash(const Link& link, ExchangeDefinition& exchange) {
    if (exchange.type != ExchangeType::consistent_hash) return {};
    FANTAIL_CHECK(read_text(link, exchange, "hash-header", exchange.hash_header));
    FANTAIL_CHECK(read_text(link, exchange, "hash-property", exchange.hash_property));
    if (!exchange.hash_header.empty() && !exchange.hash_property.empty()) {
        return invalid(link, exchange, "hash-property", "hash-header is given too");
    }
    const std::string& property = exchange.hash_property;
    if (property.empty() || property == "message_id" || property == "correlation_id" || property == "timestamp")
        return {};
    return invalid(link, exchange, "hash-property", "must be message_id, correlation_id or timestamp");
}

Handled read_numbers(const Link& link, ExchangeDefinition& exchange) {
    FANTAIL_TRY(const auto window, read_integer(link, exchange, "x-deduplication-window", {0, limits::delay_ms_max}));
    exchange.deduplication_window_ms = window.value_or(0);
    if (exchange.type != ExchangeType::recent_history) return {};
    FANTAIL_TRY(const auto length, read_integer(link, exchange, "x-recent-history-length", {1, history_length_max}));
    exchange.history_length = static_cast<std::uint32_t>(length.value_or(history_length_default));
    return {};
}

}  // namespace

std::vector<std::string_view> exchange_type_names() {
    std::vector<std::string_view> names{delayed_type};
    for (const NamedType& each : types) names.push_back(each.name);
    return names;
}

Replied<ExchangeDefinition> parse_exchange(const Link& link, const ExchangeDeclare& method) {
    ExchangeDefinition exchange;
    exchange.vhost = link.vhost;
    exchange.name = method.exchange;
    exchange.durable = method.durable;
    exchange.auto_delete = method.auto_delete;
    exchange.internal = method.internal;
    exchange.type_name = method.type;
    exchange.arguments.assign(method.arguments.begin(), method.arguments.end());
    FANTAIL_CHECK(read_type(link, method.type, exchange));
    FANTAIL_CHECK(read_text(link, exchange, "alternate-exchange", exchange.alternate));
    FANTAIL_CHECK(read_hash(link, exchange));
    FANTAIL_CHECK(read_numbers(link, exchange));
    return exchange;
}

}  // namespace fantail::amqp091
