// SPDX-License-Identifier: Apache-2.0
//! Who keeps the cluster's metadata: DescribeQuorum. The node itself, alone.
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/metadata_messages.hpp"

namespace fantail::kafka {

namespace {

/// What clients call the log of the metadata; it is no topic.
constexpr std::string_view metadata_log = "__cluster_metadata";
/// Controllers' own listener, as Kafka's examples and tools name it.
constexpr std::string_view listener_name = "CONTROLLER";

/// The catalog takes the place of the metadata's log: its version counts changes as that log's end counts records, but anew
/// from every start.
class DescribeQuorumExchange final : public ExchangeOf<DescribeQuorumRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        const Endpoint endpoint = link().endpoint();
        DescribeQuorumResponse response;
        if (asks_for_metadata()) describe(endpoint, response);
        else refuse(response);
        respond(response);
    }

    /// Kafka answers for this partition alone, or not at all.
    [[nodiscard]] bool asks_for_metadata() const {
        const auto& topics = request().topics;
        return topics.size() == 1 && topics[0].topic_name == metadata_log && topics[0].partitions.size() == 1 &&
               topics[0].partitions[0].partition_index == 0;
    }

    void describe(const Endpoint& endpoint, DescribeQuorumResponse& response) const {
        const std::int32_t node = link().options().node_id;
        const std::int64_t now_ms = link().now().wall.ms;
        const auto end = static_cast<std::int64_t>(link().catalog().version());
        DescribeQuorumResponse::Partition partition;
        partition.leader_id = node;
        partition.high_watermark = end;
        partition.current_voters.push_back({node, {}, end, now_ms, now_ms});
        auto& topic = response.topics.emplace_back();
        topic.topic_name = metadata_log;
        topic.partitions.push_back(std::move(partition));
        response.nodes.push_back({node, {{listener_name, endpoint.host, static_cast<std::uint16_t>(endpoint.port)}}});
    }

    void refuse(DescribeQuorumResponse& response) const {
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.topic_name = topic.topic_name;
            for (const auto& partition : topic.partitions) {
                auto& refused = out.partitions.emplace_back();
                refused.partition_index = partition.partition_index;
                refused.error_code = ApiError::unknown_topic_or_partition;
                refused.error_message = "This is not the metadata's partition.";
            }
        }
    }
};

}  // namespace

std::unique_ptr<Exchange> make_describe_quorum(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeQuorumExchange>(link, header);
}

}  // namespace fantail::kafka
