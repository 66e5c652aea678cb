// SPDX-License-Identifier: Apache-2.0
//! Names and meanings of the error codes of the Kafka protocol.
#include "protocols/kafka/errors.hpp"

#include <algorithm>
#include <array>

namespace fantail::kafka {

namespace {

struct NamedError {
    ApiError error;
    std::string_view name;
};

constexpr std::array<NamedError, 135> named_errors{{
    {ApiError::unknown_server_error, "unknown_server_error"},
    {ApiError::none, "none"},
    {ApiError::offset_out_of_range, "offset_out_of_range"},
    {ApiError::corrupt_message, "corrupt_message"},
    {ApiError::unknown_topic_or_partition, "unknown_topic_or_partition"},
    {ApiError::invalid_fetch_size, "invalid_fetch_size"},
    {ApiError::leader_not_available, "leader_not_available"},
    {ApiError::not_leader_or_follower, "not_leader_or_follower"},
    {ApiError::request_timed_out, "request_timed_out"},
    {ApiError::broker_not_available, "broker_not_available"},
    {ApiError::replica_not_available, "replica_not_available"},
    {ApiError::message_too_large, "message_too_large"},
    {ApiError::stale_controller_epoch, "stale_controller_epoch"},
    {ApiError::offset_metadata_too_large, "offset_metadata_too_large"},
    {ApiError::network_exception, "network_exception"},
    {ApiError::coordinator_load_in_progress, "coordinator_load_in_progress"},
    {ApiError::coordinator_not_available, "coordinator_not_available"},
    {ApiError::not_coordinator, "not_coordinator"},
    {ApiError::invalid_topic_exception, "invalid_topic_exception"},
    {ApiError::record_list_too_large, "record_list_too_large"},
    {ApiError::not_enough_replicas, "not_enough_replicas"},
    {ApiError::not_enough_replicas_after_append, "not_enough_replicas_after_append"},
    {ApiError::invalid_required_acks, "invalid_required_acks"},
    {ApiError::illegal_generation, "illegal_generation"},
    {ApiError::inconsistent_group_protocol, "inconsistent_group_protocol"},
    {ApiError::invalid_group_id, "invalid_group_id"},
    {ApiError::unknown_member_id, "unknown_member_id"},
    {ApiError::invalid_session_timeout, "invalid_session_timeout"},
    {ApiError::rebalance_in_progress, "rebalance_in_progress"},
    {ApiError::invalid_commit_offset_size, "invalid_commit_offset_size"},
    {ApiError::topic_authorization_failed, "topic_authorization_failed"},
    {ApiError::group_authorization_failed, "group_authorization_failed"},
    {ApiError::cluster_authorization_failed, "cluster_authorization_failed"},
    {ApiError::invalid_timestamp, "invalid_timestamp"},
    {ApiError::unsupported_sasl_mechanism, "unsupported_sasl_mechanism"},
    {ApiError::illegal_sasl_state, "illegal_sasl_state"},
    {ApiError::unsupported_version, "unsupported_version"},
    {ApiError::topic_already_exists, "topic_already_exists"},
    {ApiError::invalid_partitions, "invalid_partitions"},
    {ApiError::invalid_replication_factor, "invalid_replication_factor"},
    {ApiError::invalid_replica_assignment, "invalid_replica_assignment"},
    {ApiError::invalid_config, "invalid_config"},
    {ApiError::not_controller, "not_controller"},
    {ApiError::invalid_request, "invalid_request"},
    {ApiError::unsupported_for_message_format, "unsupported_for_message_format"},
    {ApiError::policy_violation, "policy_violation"},
    {ApiError::out_of_order_sequence_number, "out_of_order_sequence_number"},
    {ApiError::duplicate_sequence_number, "duplicate_sequence_number"},
    {ApiError::invalid_producer_epoch, "invalid_producer_epoch"},
    {ApiError::invalid_txn_state, "invalid_txn_state"},
    {ApiError::invalid_producer_id_mapping, "invalid_producer_id_mapping"},
    {ApiError::invalid_transaction_timeout, "invalid_transaction_timeout"},
    {ApiError::concurrent_transactions, "concurrent_transactions"},
    {ApiError::transaction_coordinator_fenced, "transaction_coordinator_fenced"},
    {ApiError::transactional_id_authorization_failed, "transactional_id_authorization_failed"},
    {ApiError::security_disabled, "security_disabled"},
    {ApiError::operation_not_attempted, "operation_not_attempted"},
    {ApiError::storage_error, "storage_error"},
    {ApiError::log_dir_not_found, "log_dir_not_found"},
    {ApiError::sasl_authentication_failed, "sasl_authentication_failed"},
    {ApiError::unknown_producer_id, "unknown_producer_id"},
    {ApiError::reassignment_in_progress, "reassignment_in_progress"},
    {ApiError::delegation_token_auth_disabled, "delegation_token_auth_disabled"},
    {ApiError::delegation_token_not_found, "delegation_token_not_found"},
    {ApiError::delegation_token_owner_mismatch, "delegation_token_owner_mismatch"},
    {ApiError::delegation_token_request_not_allowed, "delegation_token_request_not_allowed"},
    {ApiError::delegation_token_authorization_failed, "delegation_token_authorization_failed"},
    {ApiError::delegation_token_expired, "delegation_token_expired"},
    {ApiError::invalid_principal_type, "invalid_principal_type"},
    {ApiError::non_empty_group, "non_empty_group"},
    {ApiError::group_id_not_found, "group_id_not_found"},
    {ApiError::fetch_session_id_not_found, "fetch_session_id_not_found"},
    {ApiError::invalid_fetch_session_epoch, "invalid_fetch_session_epoch"},
    {ApiError::listener_not_found, "listener_not_found"},
    {ApiError::topic_deletion_disabled, "topic_deletion_disabled"},
    {ApiError::fenced_leader_epoch, "fenced_leader_epoch"},
    {ApiError::unknown_leader_epoch, "unknown_leader_epoch"},
    {ApiError::unsupported_compression_type, "unsupported_compression_type"},
    {ApiError::stale_broker_epoch, "stale_broker_epoch"},
    {ApiError::offset_not_available, "offset_not_available"},
    {ApiError::member_id_required, "member_id_required"},
    {ApiError::preferred_leader_not_available, "preferred_leader_not_available"},
    {ApiError::group_max_size_reached, "group_max_size_reached"},
    {ApiError::fenced_instance_id, "fenced_instance_id"},
    {ApiError::eligible_leaders_not_available, "eligible_leaders_not_available"},
    {ApiError::election_not_needed, "election_not_needed"},
    {ApiError::no_reassignment_in_progress, "no_reassignment_in_progress"},
    {ApiError::group_subscribed_to_topic, "group_subscribed_to_topic"},
    {ApiError::invalid_record, "invalid_record"},
    {ApiError::unstable_offset_commit, "unstable_offset_commit"},
    {ApiError::throttling_quota_exceeded, "throttling_quota_exceeded"},
    {ApiError::producer_fenced, "producer_fenced"},
    {ApiError::resource_not_found, "resource_not_found"},
    {ApiError::duplicate_resource, "duplicate_resource"},
    {ApiError::unacceptable_credential, "unacceptable_credential"},
    {ApiError::inconsistent_voter_set, "inconsistent_voter_set"},
    {ApiError::invalid_update_version, "invalid_update_version"},
    {ApiError::feature_update_failed, "feature_update_failed"},
    {ApiError::principal_deserialization_failure, "principal_deserialization_failure"},
    {ApiError::snapshot_not_found, "snapshot_not_found"},
    {ApiError::position_out_of_range, "position_out_of_range"},
    {ApiError::unknown_topic_id, "unknown_topic_id"},
    {ApiError::duplicate_broker_registration, "duplicate_broker_registration"},
    {ApiError::broker_id_not_registered, "broker_id_not_registered"},
    {ApiError::inconsistent_topic_id, "inconsistent_topic_id"},
    {ApiError::inconsistent_cluster_id, "inconsistent_cluster_id"},
    {ApiError::transactional_id_not_found, "transactional_id_not_found"},
    {ApiError::fetch_session_topic_id_error, "fetch_session_topic_id_error"},
    {ApiError::ineligible_replica, "ineligible_replica"},
    {ApiError::new_leader_elected, "new_leader_elected"},
    {ApiError::offset_moved_to_tiered_storage, "offset_moved_to_tiered_storage"},
    {ApiError::fenced_member_epoch, "fenced_member_epoch"},
    {ApiError::unreleased_instance_id, "unreleased_instance_id"},
    {ApiError::unsupported_assignor, "unsupported_assignor"},
    {ApiError::stale_member_epoch, "stale_member_epoch"},
    {ApiError::mismatched_endpoint_type, "mismatched_endpoint_type"},
    {ApiError::unsupported_endpoint_type, "unsupported_endpoint_type"},
    {ApiError::unknown_controller_id, "unknown_controller_id"},
    {ApiError::unknown_subscription_id, "unknown_subscription_id"},
    {ApiError::telemetry_too_large, "telemetry_too_large"},
    {ApiError::invalid_registration, "invalid_registration"},
    {ApiError::transaction_abortable, "transaction_abortable"},
    {ApiError::invalid_record_state, "invalid_record_state"},
    {ApiError::share_session_not_found, "share_session_not_found"},
    {ApiError::invalid_share_session_epoch, "invalid_share_session_epoch"},
    {ApiError::fenced_state_epoch, "fenced_state_epoch"},
    {ApiError::invalid_voter_key, "invalid_voter_key"},
    {ApiError::duplicate_voter, "duplicate_voter"},
    {ApiError::voter_not_found, "voter_not_found"},
    {ApiError::invalid_regular_expression, "invalid_regular_expression"},
    {ApiError::rebootstrap_required, "rebootstrap_required"},
    {ApiError::streams_invalid_topology, "streams_invalid_topology"},
    {ApiError::streams_invalid_topology_epoch, "streams_invalid_topology_epoch"},
    {ApiError::streams_topology_fenced, "streams_topology_fenced"},
    {ApiError::share_session_limit_reached, "share_session_limit_reached"},
}};
static_assert(std::ranges::is_sorted(named_errors, {}, &NamedError::error));

}  // namespace

std::string error_name(ApiError error) {
    const auto found = std::ranges::lower_bound(named_errors, error, {}, &NamedError::error);
    if (found != named_errors.end() && found->error == error) return std::string(found->name);
    return "error " + std::to_string(static_cast<int>(error));
}

ApiError api_error(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed: return ApiError::invalid_request;
        case ErrorCode::too_large: return ApiError::message_too_large;
        case ErrorCode::unsupported: return ApiError::unsupported_version;
        case ErrorCode::not_found: return ApiError::resource_not_found;
        case ErrorCode::already_exists: return ApiError::duplicate_resource;
        case ErrorCode::precondition_failed: return ApiError::invalid_request;
        case ErrorCode::access_refused: return ApiError::cluster_authorization_failed;
        case ErrorCode::not_authenticated: return ApiError::sasl_authentication_failed;
        case ErrorCode::locked: return ApiError::policy_violation;
        case ErrorCode::not_allowed: return ApiError::policy_violation;
        case ErrorCode::no_space: return ApiError::storage_error;
        case ErrorCode::unavailable: return ApiError::leader_not_available;
        case ErrorCode::io: return ApiError::storage_error;
        case ErrorCode::corrupt: return ApiError::storage_error;
        case ErrorCode::fenced: return ApiError::fenced_leader_epoch;
        case ErrorCode::internal: return ApiError::unknown_server_error;
    }
    return ApiError::unknown_server_error;
}

}  // namespace fantail::kafka
