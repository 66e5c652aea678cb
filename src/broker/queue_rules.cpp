// SPDX-License-Identifier: Apache-2.0
//! Reads the options of a definition.
#include "broker/queue_rules.hpp"

#include <algorithm>
#include <limits>

namespace fantail::broker {

namespace {

std::int64_t or_absent(const std::optional<std::uint64_t>& v) {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return v ? static_cast<std::int64_t>(std::min(*v, largest)) : -1;
}

}  // namespace

QueueRules QueueRules::of(const QueueDefinition& definition) {
    const QueueOptions& o = definition.options;
    QueueRules rules;
    rules.kind = definition.kind;
    rules.overflow = o.overflow;
    rules.delayed_retry = o.delayed_retry;
    rules.durable = definition.durable || definition.kind != QueueKind::classic;
    rules.auto_delete = definition.auto_delete;
    rules.single_active_consumer = o.single_active_consumer;
    rules.dead_letters = o.dead_letter_exchange.has_value() && definition.kind != QueueKind::stream;
    rules.message_ttl_ms = o.message_ttl_ms.value_or(-1);
    rules.expires_ms = o.expires_ms.value_or(-1);
    rules.length_max = or_absent(o.length_max);
    rules.length_bytes_max = or_absent(o.length_bytes_max);
    rules.delivery_limit = o.delivery_limit.value_or(-1);
    rules.delayed_retry_min_ms = o.delayed_retry_min_ms;
    rules.delayed_retry_max_ms = std::max(o.delayed_retry_max_ms, o.delayed_retry_min_ms);
    rules.consumer_timeout_ms = o.consumer_timeout_ms.value_or(-1);
    rules.deduplication_window_ms = o.deduplication_window_ms;
    rules.retention_ms = o.retention_ms.value_or(-1);
    return rules;
}

}  // namespace fantail::broker
