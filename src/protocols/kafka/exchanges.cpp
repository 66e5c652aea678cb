// SPDX-License-Identifier: Apache-2.0
//! The table of the APIs that are served.
#include "protocols/kafka/exchanges.hpp"

#include <algorithm>

namespace fantail::kafka {

namespace {

struct Served {
    ApiKey api;
    MakeExchange* make;
};

constexpr Served served[] = {
    {ApiKey::produce, make_produce},
    {ApiKey::fetch, make_fetch},
    {ApiKey::list_offsets, make_list_offsets},
    {ApiKey::metadata, make_metadata},
    {ApiKey::offset_commit, make_offset_commit},
    {ApiKey::offset_fetch, make_offset_fetch},
    {ApiKey::find_coordinator, make_find_coordinator},
    {ApiKey::join_group, make_join_group},
    {ApiKey::heartbeat, make_heartbeat},
    {ApiKey::leave_group, make_leave_group},
    {ApiKey::sync_group, make_sync_group},
    {ApiKey::describe_groups, make_describe_groups},
    {ApiKey::list_groups, make_list_groups},
    {ApiKey::sasl_handshake, make_sasl_handshake},
    {ApiKey::api_versions, make_api_versions},
    {ApiKey::create_topics, make_create_topics},
    {ApiKey::delete_topics, make_delete_topics},
    {ApiKey::delete_records, make_delete_records},
    {ApiKey::init_producer_id, make_init_producer_id},
    {ApiKey::offset_for_leader_epoch, make_offset_for_leader_epoch},
    {ApiKey::add_partitions_to_txn, make_add_partitions_to_txn},
    {ApiKey::add_offsets_to_txn, make_add_offsets_to_txn},
    {ApiKey::end_txn, make_end_txn},
    {ApiKey::txn_offset_commit, make_txn_offset_commit},
    {ApiKey::describe_configs, make_describe_configs},
    {ApiKey::alter_configs, make_alter_configs},
    {ApiKey::describe_log_dirs, make_describe_log_dirs},
    {ApiKey::sasl_authenticate, make_sasl_authenticate},
    {ApiKey::create_partitions, make_create_partitions},
    {ApiKey::delete_groups, make_delete_groups},
    {ApiKey::incremental_alter_configs, make_incremental_alter_configs},
    {ApiKey::list_partition_reassignments, make_list_partition_reassignments},
    {ApiKey::offset_delete, make_offset_delete},
    {ApiKey::describe_user_scram_credentials, make_describe_scram_users},
    {ApiKey::alter_user_scram_credentials, make_alter_scram_users},
    {ApiKey::describe_quorum, make_describe_quorum},
    {ApiKey::describe_cluster, make_describe_cluster},
    {ApiKey::describe_producers, make_describe_producers},
    {ApiKey::describe_transactions, make_describe_transactions},
    {ApiKey::list_transactions, make_list_transactions},
    {ApiKey::consumer_group_heartbeat, make_consumer_group_heartbeat},
    {ApiKey::consumer_group_describe, make_consumer_group_describe},
    {ApiKey::list_config_resources, make_list_config_resources},
    {ApiKey::describe_topic_partitions, make_describe_topic_partitions},
};

const Served* find(ApiKey api) {
    const auto* at = std::ranges::find(served, api, &Served::api);
    return at == std::end(served) ? nullptr : at;
}

}  // namespace

std::unique_ptr<Exchange> make_exchange(Link& link, const RequestHeader& header) {
    const Served* found = find(header.api);
    return found == nullptr ? nullptr : found->make(link, header);
}

bool is_served(ApiKey api) { return find(api) != nullptr; }

}  // namespace fantail::kafka
