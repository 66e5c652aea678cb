// SPDX-License-Identifier: Apache-2.0
//! What simulated Kafka producers write at a time, and the request that carries it.
#pragma once

#include <algorithm>
#include <vector>

#include "protocols/kafka/data_client.hpp"
#include "sim/log_topology.hpp"

namespace fantail::sim {

struct SentBatch {
    const PartitionSpec* partition = nullptr;
    std::vector<std::uint64_t> ids;
    Bytes bytes;
    bool done = false;
};

/// Some partitions, those of one topic together. \param draw_count how many at most; is asked once they are in an order of chance
[[nodiscard]] std::vector<const PartitionSpec*> draw_partitions(const LogTopology& topology, Random& random,
                                                                auto draw_count) {
    std::vector<const PartitionSpec*> partitions;
    for (const PartitionSpec& partition : topology.partitions) partitions.push_back(&partition);
    random.shuffle(partitions);
    partitions.resize(std::min<std::size_t>(partitions.size(), draw_count()));
    std::ranges::sort(partitions);
    return partitions;
}

/// Adds those that are not done. \param batches those of one topic together
inline void put_batches(const std::vector<SentBatch>& batches, kafka::ProduceRequest& request) {
    for (const SentBatch& batch : batches) {
        if (batch.done) continue;
        if (request.topic_data.empty() || request.topic_data.back().name != batch.partition->topic->name)
            request.topic_data.push_back({batch.partition->topic->name, {}, {}});
        request.topic_data.back().partition_data.push_back({batch.partition->index, batch.bytes});
    }
}

}  // namespace fantail::sim
