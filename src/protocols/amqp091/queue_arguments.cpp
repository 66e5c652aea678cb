// SPDX-License-Identifier: Apache-2.0
//! Reads the arguments of queue.declare.
#include "protocols/amqp091/queue_arguments.hpp"

#include <array>
#include <charconv>

namespace fantail::amqp091 {
namespace {

using broker::QueueKind;
using broker::QueueOptions;
using record::FieldValueView;

/// Why a value is not acceptable; empty if it is.
using Complaint = std::string;

constexpr std::uint8_t classic = 1;
constexpr std::uint8_t quorum = 2;
constexpr std::uint8_t stream = 4;
constexpr std::uint8_t queues = classic | quorum;
constexpr std::uint8_t all = classic | quorum | stream;

constexpr std::uint8_t bit_of(QueueKind kind) {
    switch (kind) {
        case QueueKind::classic: return classic;
        case QueueKind::quorum: return quorum;
        case QueueKind::stream: return stream;
    }
    return 0;
}

struct Rule {
    std::string_view name;
    std::uint8_t kinds;
    Complaint (*apply)(const FieldValueView&, QueueOptions&);
    bool compared = true;
};

constexpr const char* not_an_integer = "expected an integer";
constexpr const char* not_a_string = "expected a string";

/// Reads an integer of at least `min` and at most `max`.
Complaint read_integer(const FieldValueView& value, std::int64_t min, std::int64_t max, std::int64_t& out) {
    const auto number = value.as_int();
    if (!number) return not_an_integer;
    if (*number < min) return "must be at least " + std::to_string(min) + ", got " + std::to_string(*number);
    if (*number > max) return "must be at most " + std::to_string(max) + ", got " + std::to_string(*number);
    out = *number;
    return {};
}

// RabbitMQ's bound: what its timers take.
constexpr std::int64_t timer_ms_max = 315'360'000'000;
constexpr std::int64_t any_max = std::numeric_limits<std::int64_t>::max();

template <class T>
void assign(T& field, std::int64_t number) {
    field = static_cast<T>(number);
}
template <class T>
void assign(std::optional<T>& field, std::int64_t number) {
    field = static_cast<T>(number);
}

template <auto Member, std::int64_t Min, std::int64_t Max>
Complaint integer(const FieldValueView& value, QueueOptions& options) {
    std::int64_t number = 0;
    Complaint complaint = read_integer(value, Min, Max, number);
    if (complaint.empty()) assign(options.*Member, number);
    return complaint;
}

template <auto Member>
Complaint text(const FieldValueView& value, QueueOptions& options) {
    const auto read = value.as_text();
    if (!read) return not_a_string;
    if (read->size() > fantail::limits::name_size_max) return "must not be longer than 255 bytes";
    options.*Member = std::string(*read);
    return {};
}

template <class Enum>
struct Choice {
    std::string_view word;
    Enum value;
};

template <class Enum, std::size_t N>
Complaint choose(const FieldValueView& value, const std::array<Choice<Enum>, N>& choices, Enum& out) {
    const auto word = value.as_text();
    if (!word) return not_a_string;
    for (const auto& choice : choices) {
        if (choice.word != *word) continue;
        out = choice.value;
        return {};
    }
    return "unknown value '" + std::string(*word) + "'";
}

Complaint overflow(const FieldValueView& value, QueueOptions& options) {
    using enum broker::Overflow;
    static constexpr std::array choices{Choice<broker::Overflow>{"drop-head", drop_head},
                                        Choice<broker::Overflow>{"reject-publish", reject_publish},
                                        Choice<broker::Overflow>{"reject-publish-dlx", reject_publish_dlx}};
    return choose(value, choices, options.overflow);
}

Complaint dead_letter_strategy(const FieldValueView& value, QueueOptions& options) {
    using enum broker::DeadLetterStrategy;
    static constexpr std::array choices{Choice<broker::DeadLetterStrategy>{"at-most-once", at_most_once},
                                        Choice<broker::DeadLetterStrategy>{"at-least-once", at_least_once}};
    return choose(value, choices, options.dead_letter_strategy);
}

Complaint delayed_retry(const FieldValueView& value, QueueOptions& options) {
    using enum broker::DelayedRetry;
    static constexpr std::array choices{Choice<broker::DelayedRetry>{"disabled", disabled},
                                        Choice<broker::DelayedRetry>{"all", broker::DelayedRetry::all},
                                        Choice<broker::DelayedRetry>{"failed", failed},
                                        Choice<broker::DelayedRetry>{"returned", returned}};
    return choose(value, choices, options.delayed_retry);
}

Complaint single_active(const FieldValueView& value, QueueOptions& options) {
    const auto flag = value.as_bool();
    if (!flag) return "expected a boolean";
    options.single_active_consumer = *flag;
    return {};
}

Complaint delivery_limit(const FieldValueView& value, QueueOptions& options) {
    std::int64_t number = 0;
    Complaint complaint = read_integer(value, -1, any_max, number);
    if (!complaint.empty()) return complaint;
    options.delivery_limit = number;
    return {};
}

Complaint age(const FieldValueView& value, QueueOptions& options) {
    const auto word = value.as_text();
    if (!word) return not_a_string;
    options.retention_ms = parse_age(*word);
    return options.retention_ms ? Complaint{} : "invalid age '" + std::string(*word) + "'";
}

Complaint queue_type(const FieldValueView& value, QueueOptions&) {
    return value.as_text() ? Complaint{} : not_a_string;
}
Complaint queue_version(const FieldValueView& value, QueueOptions&) {
    std::int64_t version = 0;
    return read_integer(value, 1, 2, version);
}
Complaint positive(const FieldValueView& value, QueueOptions&) {
    std::int64_t number = 0;
    return read_integer(value, 1, any_max, number);
}
Complaint non_negative(const FieldValueView& value, QueueOptions&) {
    std::int64_t number = 0;
    return read_integer(value, 0, any_max, number);
}
Complaint some_text(const FieldValueView& value, QueueOptions&) { return value.as_text() ? Complaint{} : not_a_string; }

constexpr std::array rules{
    Rule{"x-queue-type", all, queue_type, false},  // compared as the kind it names
    Rule{"x-message-ttl", queues, integer<&QueueOptions::message_ttl_ms, 0, timer_ms_max>},
    Rule{"x-expires", queues, integer<&QueueOptions::expires_ms, 1, timer_ms_max>},
    Rule{"x-dead-letter-exchange", queues, text<&QueueOptions::dead_letter_exchange>},
    Rule{"x-dead-letter-routing-key", queues, text<&QueueOptions::dead_letter_routing_key>},
    Rule{"x-dead-letter-strategy", quorum, dead_letter_strategy},
    Rule{"x-max-length", queues, integer<&QueueOptions::length_max, 0, any_max>},
    Rule{"x-max-length-bytes", all, integer<&QueueOptions::length_bytes_max, 0, any_max>},
    Rule{"x-overflow", queues, overflow},
    Rule{"x-max-priority", classic, integer<&QueueOptions::priority_max, 0, 255>},
    Rule{"x-single-active-consumer", queues, single_active},
    Rule{"x-delivery-limit", queues, delivery_limit},
    Rule{"x-delayed-retry-type", queues, delayed_retry},
    Rule{"x-delayed-retry-min", queues, integer<&QueueOptions::delayed_retry_min_ms, 0, timer_ms_max>},
    Rule{"x-delayed-retry-max", queues, integer<&QueueOptions::delayed_retry_max_ms, 0, timer_ms_max>},
    Rule{"x-consumer-timeout", queues, integer<&QueueOptions::consumer_timeout_ms, 1, timer_ms_max>},
    Rule{"x-deduplication-window", queues, integer<&QueueOptions::deduplication_window_ms, 0, timer_ms_max>},
    Rule{"x-max-age", stream, age},
    Rule{"x-stream-max-segment-size-bytes", stream, positive},
    Rule{"x-stream-filter-size-bytes", stream, positive},
    Rule{"x-initial-cluster-size", stream, positive},
    Rule{"x-quorum-initial-group-size", quorum, positive},
    Rule{"x-quorum-target-group-size", quorum, positive, false},
    Rule{"x-consumer-disconnected-timeout", quorum, non_negative, false},
    Rule{"x-queue-leader-locator", all, some_text, false},
    Rule{"x-queue-master-locator", all, some_text, false},
    Rule{"x-max-in-memory-length", all, non_negative, false},
    Rule{"x-max-in-memory-bytes", all, non_negative, false},
    Rule{"x-queue-version", all, queue_version, false},
};

constexpr auto compared_names = [] {
    constexpr auto count =
        static_cast<std::size_t>(std::count_if(rules.begin(), rules.end(), [](const Rule& r) { return r.compared; }));
    std::array<std::string_view, count> names;
    std::size_t at = 0;
    for (const Rule& rule : rules) {
        if (rule.compared) names[at++] = rule.name;
    }
    return names;
}();

std::unexpected<ReplyError> invalid(const Link& link, const QueueRequest& request, std::string_view argument,
                                    std::string_view why) {
    return refuse(ReplyCode::precondition_failed, "invalid arg '" + std::string(argument) + "' for " +
                                                      described("queue", request.name, link) + ": " + std::string(why));
}

/// The declared kind. Only a classic queue can be transient, exclusive or auto-delete, so that the vhost's default kind
/// gives way for those; a kind that was asked for does not.
Replied<QueueKind> choose_kind(const Link& link, const QueueRequest& request) {
    const auto argument = request.arguments.find("x-queue-type");
    const bool plain = request.durable && !request.exclusive && !request.auto_delete;
    if (!argument || argument->is_nothing()) return plain ? request.default_kind : QueueKind::classic;
    const auto word = argument->as_text();
    const auto kind = word ? queue_kind_of(*word) : std::nullopt;
    if (!kind)
        return invalid(link, request, "x-queue-type",
                       word ? "unknown queue type '" + std::string(*word) + "'" : not_a_string);
    if (*kind == QueueKind::classic || (plain && !request.name.empty())) return *kind;
    if (plain)
        return refuse(ReplyCode::precondition_failed,
                      "cannot declare a server-named queue for type " + std::string(to_text(*kind)));
    const std::string_view property = !request.durable    ? "non-durable"
                                      : request.exclusive ? "exclusive-owner"
                                                          : "auto-delete";
    return refuse(ReplyCode::precondition_failed,
                  "invalid property '" + std::string(property) + "' for " + described("queue", request.name, link));
}

Handled check_combination(const Link& link, const QueueRequest& request, const QueueArguments& parsed) {
    const QueueOptions& options = parsed.options;
    if (options.dead_letter_routing_key && !options.dead_letter_exchange) {
        return invalid(link, request, "x-dead-letter-routing-key", "routing key given, but no dead letter exchange");
    }
    if (parsed.kind == QueueKind::quorum && options.overflow == broker::Overflow::reject_publish_dlx) {
        return invalid(link, request, "x-overflow", "reject-publish-dlx is for classic queues");
    }
    if (options.delayed_retry_max_ms != 0 && options.delayed_retry_max_ms < options.delayed_retry_min_ms) {
        return invalid(link, request, "x-delayed-retry-max", "is less than x-delayed-retry-min");
    }
    return {};
}

Handled apply_rule(const Link& link, const QueueRequest& request, const record::FieldEntry& entry,
                   QueueArguments& parsed) {
    const auto rule = std::ranges::find(rules, entry.name, &Rule::name);
    if (rule == rules.end()) return {};
    if ((rule->kinds & bit_of(parsed.kind)) == 0) {
        return refuse(ReplyCode::precondition_failed, "invalid arg '" + std::string(entry.name) + "' for " +
                                                          described("queue", request.name, link) + " of queue type " +
                                                          std::string(to_text(parsed.kind)));
    }
    const Complaint complaint = rule->apply(entry.value, parsed.options);
    return complaint.empty() ? Handled{} : invalid(link, request, entry.name, complaint);
}

}  // namespace

Replied<QueueArguments> parse_queue_arguments(const Link& link, const QueueRequest& request) {
    QueueArguments parsed;
    FANTAIL_TRY(parsed.kind, choose_kind(link, request));
    auto entries = request.arguments.entries();
    record::FieldEntry entry;
    while (entries.next(entry)) {
        // A void value means "as if it were not there" in the clients that can send one.
        if (!entry.value.is_nothing()) FANTAIL_CHECK(apply_rule(link, request, entry, parsed));
    }
    FANTAIL_CHECK(check_combination(link, request, parsed));
    return parsed;
}

std::span<const std::string_view> compared_queue_arguments() { return compared_names; }

std::string_view to_text(QueueKind kind) {
    switch (kind) {
        case QueueKind::classic: return "classic";
        case QueueKind::quorum: return "quorum";
        case QueueKind::stream: return "stream";
    }
    return "unknown";
}

std::optional<QueueKind> queue_kind_of(std::string_view text) {
    for (const QueueKind kind : {QueueKind::classic, QueueKind::quorum, QueueKind::stream}) {
        if (to_text(kind) == text) return kind;
    }
    return std::nullopt;
}

std::optional<std::int64_t> parse_age(std::string_view text) {
    constexpr std::int64_t second = 1000;
    constexpr std::int64_t day = 24 * 3600 * second;
    if (text.size() < 2) return std::nullopt;
    std::int64_t unit = 0;
    switch (text.back()) {
        case 'Y': unit = 365 * day; break;
        case 'M': unit = 30 * day; break;
        case 'D': unit = day; break;
        case 'h': unit = 3600 * second; break;
        case 'm': unit = 60 * second; break;
        case 's': unit = second; break;
        default: return std::nullopt;
    }
    std::uint32_t count = 0;
    const char* const end = text.data() + text.size() - 1;
    const auto [at, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc{} || at != end || count == 0) return std::nullopt;
    return unit * count;
}

std::string described(std::string_view kind, std::string_view name, const Link& link) {
    return std::string(kind) + " '" + std::string(name) + "' in vhost '" + link.vhost_name + "'";
}

}  // namespace fantail::amqp091
