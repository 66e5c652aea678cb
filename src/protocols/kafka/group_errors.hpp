// SPDX-License-Identifier: Apache-2.0
//! Questions to groups, and what their answers are to clients.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/api/group_commands.hpp"
#include "protocols/kafka/errors.hpp"

namespace fantail::kafka {

[[nodiscard]] inline broker::GroupCommand group_command(std::string_view group, broker::GroupAction action) {
    return {std::string(group), std::make_unique<broker::GroupAction>(std::move(action))};
}

[[nodiscard]] constexpr ApiError group_error(broker::GroupOutcome outcome) {
    using broker::GroupOutcome;
    switch (outcome) {
        case GroupOutcome::ok: return ApiError::none;
        case GroupOutcome::invalid_group: return ApiError::invalid_group_id;
        case GroupOutcome::not_found: return ApiError::group_id_not_found;
        case GroupOutcome::unknown_member: return ApiError::unknown_member_id;
        case GroupOutcome::member_id_required: return ApiError::member_id_required;
        case GroupOutcome::illegal_generation: return ApiError::illegal_generation;
        case GroupOutcome::rebalance_in_progress: return ApiError::rebalance_in_progress;
        case GroupOutcome::inconsistent_protocol: return ApiError::inconsistent_group_protocol;
        case GroupOutcome::invalid_session_timeout: return ApiError::invalid_session_timeout;
        case GroupOutcome::fenced_instance: return ApiError::fenced_instance_id;
        case GroupOutcome::full: return ApiError::group_max_size_reached;
        case GroupOutcome::not_empty: return ApiError::non_empty_group;
        case GroupOutcome::subscribed: return ApiError::group_subscribed_to_topic;
        case GroupOutcome::metadata_too_large: return ApiError::offset_metadata_too_large;
        case GroupOutcome::too_large: return ApiError::message_too_large;
        case GroupOutcome::overloaded: return ApiError::coordinator_load_in_progress;
        case GroupOutcome::invalid_transaction: return ApiError::invalid_txn_state;
        case GroupOutcome::fenced_producer: return ApiError::invalid_producer_epoch;
        case GroupOutcome::fenced_epoch: return ApiError::fenced_member_epoch;
        case GroupOutcome::stale_epoch: return ApiError::stale_member_epoch;
        case GroupOutcome::unreleased_instance: return ApiError::unreleased_instance_id;
        case GroupOutcome::invalid_pattern: return ApiError::invalid_regular_expression;
        case GroupOutcome::unstable_offset: return ApiError::unstable_offset_commit;
    }
    return ApiError::unknown_server_error;
}

}  // namespace fantail::kafka
