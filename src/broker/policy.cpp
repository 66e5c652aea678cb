// SPDX-License-Identifier: Apache-2.0
//! Lays policies over what was declared. Limits: the lowest stated one. Everything else: the declaration, then the policy.
#include "broker/policy.hpp"

#include <algorithm>

#include "record/field_table.hpp"

namespace fantail::broker {

namespace {

template <class T>
std::optional<T> lower(const std::optional<T>& a, const std::optional<T>& b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

/// Negative means "none", which gives way to any limit.
std::optional<std::int64_t> lower_limit(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
    if (a && b && (*a < 0 || *b < 0)) return std::max(*a, *b);
    return lower(a, b);
}

bool states(const PolicyDefinition& policy, std::string_view key) {
    return std::ranges::any_of(policy.keys, [key](const auto& each) { return each.first == key; });
}

/// What policies say together: options, and which of those without an "absent" they state.
struct Stated {
    QueueOptions options;
    bool overflow = false;
    bool dead_letter_strategy = false;
    bool delayed_retry = false;
};

Stated stated_by(const PolicyDefinition* policy) {
    if (policy == nullptr) return {};
    return {policy->options, states(*policy, "overflow"), states(*policy, "dead-letter-strategy"),
            states(*policy, "delayed-retry-type")};
}

/// The limits of both; in everything else the operator has the last word.
Stated merge(const Stated& user, const Stated& ops) {
    Stated out = user;
    QueueOptions& o = out.options;
    const QueueOptions& p = ops.options;
    o.message_ttl_ms = lower(o.message_ttl_ms, p.message_ttl_ms);
    o.expires_ms = lower(o.expires_ms, p.expires_ms);
    o.length_max = lower(o.length_max, p.length_max);
    o.length_bytes_max = lower(o.length_bytes_max, p.length_bytes_max);
    o.retention_ms = lower(o.retention_ms, p.retention_ms);
    o.delivery_limit = lower_limit(o.delivery_limit, p.delivery_limit);
    if (p.dead_letter_exchange) o.dead_letter_exchange = p.dead_letter_exchange;
    if (p.dead_letter_routing_key) o.dead_letter_routing_key = p.dead_letter_routing_key;
    if (p.consumer_timeout_ms) o.consumer_timeout_ms = p.consumer_timeout_ms;
    if (p.deduplication_window_ms != 0) o.deduplication_window_ms = p.deduplication_window_ms;
    if (p.delayed_retry_min_ms != 0) o.delayed_retry_min_ms = p.delayed_retry_min_ms;
    if (p.delayed_retry_max_ms != 0) o.delayed_retry_max_ms = p.delayed_retry_max_ms;
    if (ops.overflow) o.overflow = p.overflow;
    if (ops.dead_letter_strategy) o.dead_letter_strategy = p.dead_letter_strategy;
    if (ops.delayed_retry) o.delayed_retry = p.delayed_retry;
    out.overflow |= ops.overflow;
    out.dead_letter_strategy |= ops.dead_letter_strategy;
    out.delayed_retry |= ops.delayed_retry;
    return out;
}

bool declares(const QueueDefinition& queue, std::string_view argument) {
    const auto value = record::FieldTableView(queue.arguments).find(argument);
    return value && !value->is_nothing();
}

std::optional<std::int64_t> delivery_limit(const QueueDefinition& queue, const std::optional<std::int64_t>& policy) {
    auto limit = lower_limit(queue.declared->delivery_limit, policy);
    if (!limit && queue.kind == QueueKind::quorum) limit = delivery_limit_default;
    return limit && *limit < 0 ? std::nullopt : limit;
}

QueueOptions in_force(const QueueDefinition& queue, const Stated& policy) {
    QueueOptions o = *queue.declared;
    const QueueOptions& p = policy.options;
    o.message_ttl_ms = lower(o.message_ttl_ms, p.message_ttl_ms);
    o.expires_ms = lower(o.expires_ms, p.expires_ms);
    o.length_max = lower(o.length_max, p.length_max);
    o.length_bytes_max = lower(o.length_bytes_max, p.length_bytes_max);
    o.retention_ms = lower(o.retention_ms, p.retention_ms);
    o.delivery_limit = delivery_limit(queue, p.delivery_limit);
    if (!o.dead_letter_exchange) o.dead_letter_exchange = p.dead_letter_exchange;
    if (!o.dead_letter_routing_key) o.dead_letter_routing_key = p.dead_letter_routing_key;
    if (!o.consumer_timeout_ms) o.consumer_timeout_ms = p.consumer_timeout_ms;
    if (o.deduplication_window_ms == 0) o.deduplication_window_ms = p.deduplication_window_ms;
    if (o.delayed_retry_min_ms == 0) o.delayed_retry_min_ms = p.delayed_retry_min_ms;
    if (o.delayed_retry_max_ms == 0) o.delayed_retry_max_ms = p.delayed_retry_max_ms;
    if (policy.overflow && !declares(queue, "x-overflow")) o.overflow = p.overflow;
    if (policy.dead_letter_strategy && !declares(queue, "x-dead-letter-strategy"))
        o.dead_letter_strategy = p.dead_letter_strategy;
    if (policy.delayed_retry && !declares(queue, "x-delayed-retry-type")) o.delayed_retry = p.delayed_retry;
    return o;
}

bool applies_to(PolicyTarget target, QueueKind kind) {
    switch (target) {
        case PolicyTarget::all:
        case PolicyTarget::queues: return true;
        case PolicyTarget::classic_queues: return kind == QueueKind::classic;
        case PolicyTarget::quorum_queues: return kind == QueueKind::quorum;
        case PolicyTarget::streams: return kind == QueueKind::stream;
        case PolicyTarget::exchanges: return false;
    }
    return false;
}

std::string name_of(const PolicyDefinition* policy) { return policy == nullptr ? std::string() : policy->name; }

}  // namespace

PolicyBook::PolicyBook(std::span<const PolicyDefinition> policies) {
    for (const PolicyDefinition& policy : policies) {
        auto pattern = NamePattern::compile(policy.pattern);
        if (pattern) pages_.push_back({policy, std::move(*pattern)});
    }
    std::ranges::sort(pages_, [](const Page& a, const Page& b) {
        return a.policy.priority != b.policy.priority ? a.policy.priority > b.policy.priority
                                                      : a.policy.name < b.policy.name;
    });
}

template <class Applies>
const PolicyDefinition* PolicyBook::find(std::string_view name, bool is_operator, Applies applies) const {
    for (const Page& page : pages_)
        if (page.policy.is_operator == is_operator && applies(page.policy.apply_to) && page.pattern.matches(name))
            return &page.policy;
    return nullptr;
}

void PolicyBook::lay_over(QueueDefinition& queue) const {
    const auto applies = [&](PolicyTarget target) { return applies_to(target, queue.kind); };
    const PolicyDefinition* user = find(queue.name, false, applies);
    const PolicyDefinition* ops = find(queue.name, true, applies);
    queue.policy = name_of(user);
    queue.operator_policy = name_of(ops);
    queue.options = in_force(queue, merge(stated_by(user), stated_by(ops)));
    if (queue.options == queue.declared) queue.options = queue.declared;  // one object
}

void PolicyBook::lay_over(ExchangeDefinition& exchange) const {
    const auto applies = [](PolicyTarget target) {
        return target == PolicyTarget::all || target == PolicyTarget::exchanges;
    };
    const PolicyDefinition* user = exchange.name.empty() ? nullptr : find(exchange.name, false, applies);
    exchange.policy = name_of(user);
    exchange.alternate =
        exchange.declared_alternate.empty() && user != nullptr ? user->alternate_exchange : exchange.declared_alternate;
}

Result<void> check_policy(const PolicyDefinition& policy) {
    if (policy.name.empty()) return fail(ErrorCode::malformed, "a policy needs a name");
    FANTAIL_TRY([[maybe_unused]] auto pattern, NamePattern::compile(policy.pattern));
    return {};
}

}  // namespace fantail::broker
