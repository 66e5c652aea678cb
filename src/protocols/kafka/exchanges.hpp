// SPDX-License-Identifier: Apache-2.0
//! What is served: each API's exchange. A new API is one line here, one in exchanges.cpp, and its class.
#pragma once

#include "protocols/kafka/exchange.hpp"

namespace fantail::kafka {

using MakeExchange = std::unique_ptr<Exchange>(Link& link, const RequestHeader& header);

MakeExchange make_api_versions, make_metadata, make_describe_cluster, make_find_coordinator,
    make_describe_topic_partitions, make_describe_quorum;
MakeExchange make_produce, make_fetch, make_list_offsets, make_delete_records, make_offset_for_leader_epoch;
MakeExchange make_init_producer_id, make_add_partitions_to_txn, make_add_offsets_to_txn, make_txn_offset_commit,
    make_end_txn;
MakeExchange make_describe_producers, make_describe_transactions, make_list_transactions;
MakeExchange make_create_topics, make_delete_topics, make_create_partitions, make_list_partition_reassignments;
MakeExchange make_describe_configs, make_alter_configs, make_incremental_alter_configs, make_list_config_resources;
MakeExchange make_describe_log_dirs;
MakeExchange make_join_group, make_sync_group, make_heartbeat, make_leave_group;
MakeExchange make_offset_commit, make_offset_fetch, make_offset_delete;
MakeExchange make_describe_groups, make_list_groups, make_delete_groups;
MakeExchange make_consumer_group_heartbeat, make_consumer_group_describe;
MakeExchange make_sasl_handshake, make_sasl_authenticate;
MakeExchange make_describe_scram_users, make_alter_scram_users;

}  // namespace fantail::kafka
