// SPDX-License-Identifier: Apache-2.0
//! The keys that a policy may set.
#include "server/admin/policy_definition.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <limits>

namespace fantail::server {

namespace json = boost::json;

namespace {

using broker::PolicyDefinition;
using broker::QueueOptions;

/// What is wrong with a value; empty if nothing.
using Complaint = std::string;

constexpr std::int64_t timer_ms_max = 315'360'000'000;
constexpr std::int64_t int_max = std::numeric_limits<std::int64_t>::max();

template <auto Member, std::int64_t Min, std::int64_t Max>
Complaint number(const json::value& value, PolicyDefinition& policy) {
    if (!value.is_int64() || value.as_int64() < Min || value.as_int64() > Max)
        return "must be a whole number from " + std::to_string(Min) +
               (Max == int_max ? " up" : " to " + std::to_string(Max));
    using Field = std::decay_t<decltype(policy.options.*Member)>;
    if constexpr (requires { typename Field::value_type; })
        policy.options.*Member = static_cast<typename Field::value_type>(value.as_int64());
    else policy.options.*Member = static_cast<Field>(value.as_int64());
    return {};
}

template <auto Member>
Complaint text(const json::value& value, PolicyDefinition& policy) {
    if (!value.is_string()) return "must be a text";
    policy.options.*Member = std::string(value.as_string());
    return {};
}

Complaint alternate(const json::value& value, PolicyDefinition& policy) {
    if (!value.is_string()) return "must be a text";
    policy.alternate_exchange = std::string(value.as_string());
    return {};
}

template <class E>
struct Choice {
    std::string_view name;
    E value;
};

template <class E, std::size_t N>
Complaint choose(const json::value& value, const Choice<E> (&choices)[N], E& out) {
    std::string names;
    for (const Choice<E>& choice : choices) {
        if (value.is_string() && std::string_view(value.as_string()) == choice.name) {
            out = choice.value;
            return {};
        }
        names += (names.empty() ? "" : ", ") + std::string(choice.name);
    }
    return "must be one of " + names;
}

Complaint overflow(const json::value& value, PolicyDefinition& policy) {
    constexpr Choice<broker::Overflow> choices[] = {{"drop-head", broker::Overflow::drop_head},
                                                    {"reject-publish", broker::Overflow::reject_publish},
                                                    {"reject-publish-dlx", broker::Overflow::reject_publish_dlx}};
    return choose(value, choices, policy.options.overflow);
}

Complaint strategy(const json::value& value, PolicyDefinition& policy) {
    constexpr Choice<broker::DeadLetterStrategy> choices[] = {
        {"at-most-once", broker::DeadLetterStrategy::at_most_once},
        {"at-least-once", broker::DeadLetterStrategy::at_least_once}};
    return choose(value, choices, policy.options.dead_letter_strategy);
}

Complaint delayed_retry(const json::value& value, PolicyDefinition& policy) {
    constexpr Choice<broker::DelayedRetry> choices[] = {{"disabled", broker::DelayedRetry::disabled},
                                                        {"all", broker::DelayedRetry::all},
                                                        {"failed", broker::DelayedRetry::failed},
                                                        {"returned", broker::DelayedRetry::returned}};
    return choose(value, choices, policy.options.delayed_retry);
}

/// "7D": a number and one of Y M D h m s.
Complaint age(const json::value& value, PolicyDefinition& policy) {
    constexpr const char* complaint = "must be a number and one of Y M D h m s";
    if (!value.is_string() || value.as_string().size() < 2) return complaint;
    const std::string_view all = value.as_string();
    constexpr Choice<std::int64_t> units[] = {{"Y", 31'536'000'000}, {"M", 2'592'000'000}, {"D", 86'400'000},
                                              {"h", 3'600'000},      {"m", 60'000},        {"s", 1000}};
    const auto* unit = std::ranges::find(units, all.substr(all.size() - 1), &Choice<std::int64_t>::name);
    std::int64_t count = 0;
    const char* end = all.data() + all.size() - 1;
    const auto [at, error] = std::from_chars(all.data(), end, count);
    if (unit == std::end(units) || error != std::errc() || at != end || count < 0 || count > int_max / unit->value)
        return complaint;
    policy.options.retention_ms = count * unit->value;
    return {};
}

/// RabbitMQ's keys that mean nothing here: kept and shown, as the arguments of those names are.
Complaint passed_over(const json::value&, PolicyDefinition&) { return {}; }

struct Key {
    std::string_view name;
    Complaint (*apply)(const json::value&, PolicyDefinition&);
    bool for_operators = false;  ///< a limit
};

constexpr Key keys[] = {
    {"message-ttl", number<&QueueOptions::message_ttl_ms, 0, timer_ms_max>, true},
    {"expires", number<&QueueOptions::expires_ms, 1, timer_ms_max>, true},
    {"max-length", number<&QueueOptions::length_max, 0, int_max>, true},
    {"max-length-bytes", number<&QueueOptions::length_bytes_max, 0, int_max>, true},
    {"delivery-limit", number<&QueueOptions::delivery_limit, -1, int_max>, true},
    {"max-age", age, true},
    {"overflow", overflow, true},
    {"consumer-timeout", number<&QueueOptions::consumer_timeout_ms, 1, timer_ms_max>, true},
    {"dead-letter-exchange", text<&QueueOptions::dead_letter_exchange>},
    {"dead-letter-routing-key", text<&QueueOptions::dead_letter_routing_key>},
    {"dead-letter-strategy", strategy},
    {"delayed-retry-type", delayed_retry},
    {"delayed-retry-min", number<&QueueOptions::delayed_retry_min_ms, 0, timer_ms_max>},
    {"delayed-retry-max", number<&QueueOptions::delayed_retry_max_ms, 0, timer_ms_max>},
    {"deduplication-window", number<&QueueOptions::deduplication_window_ms, 0, timer_ms_max>},
    {"alternate-exchange", alternate},
    {"max-in-memory-length", passed_over, true},
    {"max-in-memory-bytes", passed_over, true},
    {"target-group-size", passed_over, true},
    {"ha-mode", passed_over, true},
    {"ha-params", passed_over, true},
    {"ha-sync-mode", passed_over, true},
    {"ha-sync-batch-size", passed_over, true},
    {"ha-promote-on-shutdown", passed_over, true},
    {"ha-promote-on-failure", passed_over, true},
    {"initial-cluster-size", passed_over},
    {"queue-leader-locator", passed_over},
    {"queue-master-locator", passed_over},
    {"queue-mode", passed_over},
    {"queue-version", passed_over},
    {"stream-max-segment-size-bytes", passed_over},
    {"stream-filter-size-bytes", passed_over},
    {"federation-upstream", passed_over},
    {"federation-upstream-set", passed_over},
    {"federation-upstream-pattern", passed_over},
};

constexpr Choice<broker::PolicyTarget> targets[] = {
    {"all", broker::PolicyTarget::all},
    {"queues", broker::PolicyTarget::queues},
    {"classic_queues", broker::PolicyTarget::classic_queues},
    {"quorum_queues", broker::PolicyTarget::quorum_queues},
    {"streams", broker::PolicyTarget::streams},
    {"exchanges", broker::PolicyTarget::exchanges},
};

}  // namespace

Result<void> read_policy_definition(const json::object& definition, PolicyDefinition& policy) {
    if (definition.empty()) return fail(ErrorCode::malformed, "the definition sets nothing");
    for (const auto& [name, value] : definition) {
        const std::string_view wanted(name.data(), name.size());
        const Key* key = std::ranges::find(keys, wanted, &Key::name);
        if (key == std::end(keys))
            return fail(ErrorCode::malformed, "unknown key '" + std::string(wanted) + "' in the definition");
        if (policy.is_operator && !key->for_operators)
            return fail(ErrorCode::malformed,
                        "'" + std::string(wanted) + "' is no limit: operator policies set limits only");
        if (Complaint complaint = key->apply(value, policy); !complaint.empty())
            return fail(ErrorCode::malformed, "'" + std::string(wanted) + "' " + complaint);
        policy.keys.emplace_back(std::string(wanted), json::serialize(value));
    }
    return {};
}

std::string_view target_name(broker::PolicyTarget target) {
    for (const auto& each : targets)
        if (each.value == target) return each.name;
    return "?";
}

std::optional<broker::PolicyTarget> target_of(std::string_view name) {
    for (const auto& each : targets)
        if (each.name == name) return each.value;
    return std::nullopt;
}

}  // namespace fantail::server
