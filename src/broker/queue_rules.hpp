// SPDX-License-Identifier: Apache-2.0
//! What a queue's definition means to its shard, in few bytes.
#pragma once

#include <cstdint>

#include "broker/api/definitions.hpp"

namespace fantail::broker {

/// The options in force, as far as the shard looks at them. Absent times and lengths are -1.
struct QueueRules {
    QueueKind kind = QueueKind::classic;
    Overflow overflow = Overflow::drop_head;
    DelayedRetry delayed_retry = DelayedRetry::disabled;
    bool durable = false;  ///< what it holds survives a restart
    bool auto_delete = false;
    bool single_active_consumer = false;
    bool dead_letters = false;  ///< has a dead-letter exchange
    std::int64_t message_ttl_ms = -1;
    std::int64_t expires_ms = -1;
    std::int64_t length_max = -1;
    std::int64_t length_bytes_max = -1;
    std::int64_t delivery_limit = -1;
    std::int64_t delayed_retry_min_ms = 0;
    std::int64_t delayed_retry_max_ms = 0;
    std::int64_t consumer_timeout_ms = -1;
    std::int64_t deduplication_window_ms = 0;
    std::int64_t retention_ms = -1;

    bool operator==(const QueueRules&) const = default;
    [[nodiscard]] static QueueRules of(const QueueDefinition& definition);
    [[nodiscard]] bool is_stream() const { return kind == QueueKind::stream; }
    /// Whether messages returned so wait before they are ready again.
    [[nodiscard]] bool delays(bool failed) const {
        return delayed_retry == DelayedRetry::all ||
               delayed_retry == (failed ? DelayedRetry::failed : DelayedRetry::returned);
    }
};

}  // namespace fantail::broker
