// SPDX-License-Identifier: Apache-2.0
//! Who serves what: Metadata, DescribeCluster, DescribeTopicPartitions, FindCoordinator. One node serves everything.
#include "protocols/kafka/metadata_messages.hpp"

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/groups_messages.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/topic_settings.hpp"

namespace fantail::kafka {

namespace {

constexpr std::int32_t leader_epoch = 0;

/// Operations of the protocol's ACLs as bits, that somebody who may do everything may do.
constexpr std::int32_t cluster_operations =
    (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12);
constexpr std::int32_t topic_operations =
    (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 10) | (1 << 11);

/// Topics that are asked for and not there are made first, if both sides want that.
class MetadataExchange final : public GatheringExchange<MetadataRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        const auto& topics = request().topics;
        const bool all = !topics || (version() == 0 && topics->empty());
        if (!all && link().options().auto_create_topics && (version() < 4 || request().allow_auto_topic_creation)) {
            for (const auto& topic : *topics) create(topic);
        }
        asked_all();
    }

    void create(const MetadataRequest::Topic& topic) {
        if (!names(topic) || !is_valid_topic_name(*topic.name) || link().catalog().topic(link().vhost(), *topic.name))
            return;
        if (!link().may(broker::Operation::configure, *topic.name)) return;
        broker::CreateTopic command;
        command.definition.vhost = link().vhost();
        command.definition.name = *topic.name;
        command.definition.options = default_topic_options();
        command.partition_count = link().options().partitions_default;
        ask(0, std::move(command));
    }
    void take(std::size_t, broker::Event&) override {}  // made by us, by another, or refused: what there is will show

    void finish() override {
        MetadataResponse response;
        const Endpoint endpoint = link().endpoint();
        const std::int32_t node = link().options().node_id;
        response.brokers.push_back({node, endpoint.host, endpoint.port, std::nullopt});
        response.cluster_id = link().options().cluster_id;
        response.controller_id = node;
        if (request().include_cluster_authorized_operations)
            response.cluster_authorized_operations = cluster_operations;
        const auto& topics = request().topics;
        if (!topics || (version() == 0 && topics->empty())) {
            link().catalog().for_each_topic(link().vhost(), [&](const broker::TopicDefinition& topic) {
                if (may_see(topic.name)) response.topics.push_back(describe(topic));
            });
        } else {
            for (const auto& topic : *topics) response.topics.push_back(describe(topic));
        }
        respond(response);
    }

    /// The Java client asks by an id with an empty name, not a null one.
    [[nodiscard]] static bool names(const MetadataRequest::Topic& wanted) {
        return wanted.name && wanted.topic_id == Uuid{};
    }

    [[nodiscard]] bool may_see(std::string_view name) const {
        return link().may(broker::Operation::read, name) || link().may(broker::Operation::write, name);
    }

    [[nodiscard]] MetadataResponse::Topic describe(const MetadataRequest::Topic& wanted) const {
        MetadataResponse::Topic out;
        const bool by_name = names(wanted);
        if (by_name) out.name = wanted.name;
        out.topic_id = wanted.topic_id;
        const broker::TopicDefinition* topic = by_name ? link().catalog().topic(link().vhost(), *wanted.name)
                                                       : link().catalog().topic(to_topic_id(wanted.topic_id));
        if (by_name && !is_valid_topic_name(*wanted.name)) out.error_code = ApiError::invalid_topic_exception;
        else if (by_name && !may_see(*wanted.name)) out.error_code = ApiError::topic_authorization_failed;
        else if (topic != nullptr && may_see(topic->name)) return describe(*topic);
        else out.error_code = by_name ? ApiError::unknown_topic_or_partition : ApiError::unknown_topic_id;
        return out;
    }

    [[nodiscard]] MetadataResponse::Topic describe(const broker::TopicDefinition& topic) const {
        const std::int32_t node = link().options().node_id;
        MetadataResponse::Topic out;
        out.name = topic.name;
        out.topic_id = to_uuid(topic.id);
        out.is_internal = topic.internal;
        if (request().include_topic_authorized_operations) out.topic_authorized_operations = topic_operations;
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            MetadataResponse::Partition partition;
            partition.partition_index = static_cast<std::int32_t>(i);
            partition.leader_id = node;
            partition.leader_epoch = leader_epoch;
            partition.replica_nodes = {node};
            partition.isr_nodes = {node};
            out.partitions.push_back(std::move(partition));
        }
        return out;
    }
};

class DescribeClusterExchange final : public ExchangeOf<DescribeClusterRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        DescribeClusterResponse response;
        const Endpoint endpoint = link().endpoint();
        const std::int32_t node = link().options().node_id;
        response.endpoint_type = request().endpoint_type;
        response.cluster_id = link().options().cluster_id;
        if (request().endpoint_type != 1) {
            response.error_code = ApiError::mismatched_endpoint_type;
            response.error_message = "this is a broker's endpoint";
            return respond(response);
        }
        response.controller_id = node;
        response.brokers.push_back({node, endpoint.host, endpoint.port, std::nullopt, false});
        if (request().include_cluster_authorized_operations)
            response.cluster_authorized_operations = cluster_operations;
        respond(response);
    }
};

class DescribeTopicPartitionsExchange final : public ExchangeOf<DescribeTopicPartitionsRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        DescribeTopicPartitionsResponse response;
        std::int32_t left = std::clamp(request().response_partition_limit, 1, 2000);
        std::vector<std::string_view> names;
        for (const auto& topic : request().topics) names.push_back(topic.name);
        if (names.empty())
            link().catalog().for_each_topic(link().vhost(), [&](const auto& topic) { names.push_back(topic.name); });
        std::ranges::sort(names);
        for (const std::string_view name : names) {
            std::size_t first = 0;
            if (request().cursor && name < request().cursor->topic_name) continue;
            if (request().cursor && name == request().cursor->topic_name)
                first = static_cast<std::size_t>(std::max(0, request().cursor->partition_index));
            if (left == 0) {
                response.next_cursor = {name, 0};
                break;
            }
            describe(name, first, left, response);
            if (response.next_cursor) break;
        }
        respond(response);
    }

    void describe(std::string_view name, std::size_t first, std::int32_t& left,
                  DescribeTopicPartitionsResponse& response) {
        auto& out = response.topics.emplace_back();
        out.name = name;
        const broker::TopicDefinition* topic = link().catalog().topic(link().vhost(), name);
        if (topic == nullptr || !link().may(broker::Operation::read, name)) {
            out.error_code = ApiError::unknown_topic_or_partition;
            return;
        }
        out.topic_id = to_uuid(topic->id);
        out.is_internal = topic->internal;
        const std::int32_t node = link().options().node_id;
        for (std::size_t i = first; i < topic->partitions.size(); ++i) {
            if (left == 0) {
                response.next_cursor = {name, static_cast<std::int32_t>(i)};
                return;
            }
            --left;
            auto& partition = out.partitions.emplace_back();
            partition.partition_index = static_cast<std::int32_t>(i);
            partition.leader_id = node;
            partition.leader_epoch = leader_epoch;
            partition.replica_nodes = {node};
            partition.isr_nodes = {node};
            partition.eligible_leader_replicas.emplace();  // empty: the Java client cannot take a null
            partition.last_known_elr.emplace();
        }
    }
};

class FindCoordinatorExchange final : public ExchangeOf<FindCoordinatorRequest> {
    using ExchangeOf::ExchangeOf;
    enum KeyType : std::int8_t { group = 0, transaction = 1, share = 2 };

    void start() override {
        FindCoordinatorResponse response;
        const Endpoint endpoint = link().endpoint();
        const std::int32_t node = link().options().node_id;
        if (version() < 4) {
            response.error_code = check(request().key);
            if (response.error_code == ApiError::none) {
                response.node_id = node;
                response.host = endpoint.host;
                response.port = endpoint.port;
            } else {
                response.node_id = -1;
                response.port = -1;
            }
        }
        for (const std::string_view key : request().coordinator_keys) {
            const ApiError error = check(key);
            const bool found = error == ApiError::none;
            response.coordinators.push_back({key, found ? node : -1, found ? std::string_view(endpoint.host) : "",
                                             found ? endpoint.port : -1, error, std::nullopt});
        }
        respond(response);
    }
    [[nodiscard]] ApiError check(std::string_view key) const {
        const std::int8_t type = version() > 0 ? request().key_type : std::int8_t{group};
        if (type == transaction) return check_transactional(key);
        if (type != group) return ApiError::invalid_request;
        if (key.empty()) return ApiError::invalid_group_id;
        return link().may(broker::Operation::read, key) ? ApiError::none : ApiError::group_authorization_failed;
    }
    [[nodiscard]] ApiError check_transactional(std::string_view id) const {
        if (id.empty()) return ApiError::invalid_request;
        const bool may = link().may(broker::Operation::write, id);
        return may ? ApiError::none : ApiError::transactional_id_authorization_failed;
    }
};

}  // namespace

std::unique_ptr<Exchange> make_metadata(Link& link, const RequestHeader& header) {
    return std::make_unique<MetadataExchange>(link, header);
}
std::unique_ptr<Exchange> make_describe_cluster(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeClusterExchange>(link, header);
}
std::unique_ptr<Exchange> make_describe_topic_partitions(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeTopicPartitionsExchange>(link, header);
}
std::unique_ptr<Exchange> make_find_coordinator(Link& link, const RequestHeader& header) {
    return std::make_unique<FindCoordinatorExchange>(link, header);
}

}  // namespace fantail::kafka
