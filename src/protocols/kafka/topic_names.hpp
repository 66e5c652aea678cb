// SPDX-License-Identifier: Apache-2.0
//! Topics by name, and their partitions.
#pragma once

#include <algorithm>
#include <string_view>

#include "base/limits.hpp"
#include "protocols/kafka/link.hpp"

namespace fantail::kafka {

/// 1 to 249 of letters, digits, '.', '_' and '-', but not "." or "..".
[[nodiscard]] inline bool is_valid_topic_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= limits::topic_name_size_max && name != "." && name != ".." &&
           std::ranges::all_of(name, allowed);
}

/// The queue that is a topic's partition; 0 if there is no such.
[[nodiscard]] inline QueueId partition_of(const broker::TopicDefinition* topic, std::int32_t index) {
    if (topic == nullptr || index < 0 || static_cast<std::size_t>(index) >= topic->partitions.size()) return {};
    return topic->partitions[static_cast<std::size_t>(index)];
}

/// What a log's answer is to a client.
[[nodiscard]] constexpr ApiError api_error(broker::LogOutcome outcome) {
    using broker::LogOutcome;
    switch (outcome) {
        case LogOutcome::ok: return ApiError::none;
        case LogOutcome::not_found: return ApiError::unknown_topic_or_partition;
        case LogOutcome::out_of_range: return ApiError::offset_out_of_range;
        case LogOutcome::out_of_order: return ApiError::out_of_order_sequence_number;
        case LogOutcome::old_duplicate: return ApiError::duplicate_sequence_number;
        case LogOutcome::fenced: return ApiError::invalid_producer_epoch;
        case LogOutcome::invalid_transaction: return ApiError::invalid_txn_state;
        case LogOutcome::storage: return ApiError::storage_error;
    }
    return ApiError::unknown_server_error;
}

}  // namespace fantail::kafka
