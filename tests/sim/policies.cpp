// SPDX-License-Identifier: Apache-2.0
//! Says by policies what could be said by arguments.
#include "sim/policies.hpp"

namespace fantail::sim {

namespace {

broker::PolicyDefinition policy_for(const std::string& name, broker::PolicyTarget target) {
    broker::PolicyDefinition policy;
    policy.name = "rules of " + name;
    policy.pattern = "^" + name + "$";
    policy.apply_to = target;
    return policy;
}

void limit_length(const QueueSpec& queue, broker::PolicyDefinition& policy) {
    policy.options.length_max = queue.length_max;
    if (queue.length_rule == LengthRule::reject) policy.options.overflow = broker::Overflow::reject_publish;
    if (queue.length_rule == LengthRule::reject_and_dead_letter)
        policy.options.overflow = broker::Overflow::reject_publish_dlx;
    policy.keys.emplace_back("overflow", "");
}

broker::PolicyDefinition policy_of(const QueueSpec& queue) {
    auto policy = policy_for(queue.name, broker::PolicyTarget::queues);
    policy.options.message_ttl_ms = queue.ttl_ms;
    if (queue.length_max) limit_length(queue, policy);
    if (!queue.dead_letters_to.empty()) {
        policy.options.dead_letter_exchange = "";
        policy.options.dead_letter_routing_key = queue.dead_letters_to;
    }
    policy.options.deduplication_window_ms = queue.dedup_window_ms;
    if (queue.delivery_limit > 0) policy.options.delivery_limit = static_cast<std::int64_t>(queue.delivery_limit);
    return policy;
}

}  // namespace

std::vector<broker::PolicyDefinition> policies_of(const Topology& topology) {
    std::vector<broker::PolicyDefinition> all;
    for (const QueueSpec& queue : topology.queues)
        if (queue.by_policy) all.push_back(policy_of(queue));
    for (const ExchangeSpec& exchange : topology.exchanges) {
        if (!exchange.by_policy || exchange.alternate.empty()) continue;
        auto policy = policy_for(exchange.name, broker::PolicyTarget::exchanges);
        policy.alternate_exchange = exchange.alternate;
        all.push_back(std::move(policy));
    }
    return all;
}

}  // namespace fantail::sim
