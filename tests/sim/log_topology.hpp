// SPDX-License-Identifier: Apache-2.0
//! The topics and consumer groups of a run, drawn from its seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/random.hpp"

namespace fantail::sim {

/// A topic with the settings that clients, model and the broker all know.
struct TopicSpec {
    std::string name;
    std::int32_t partitions = 1;
    std::optional<std::int64_t> retention_bytes;
    std::optional<std::int64_t> retention_ms;
    bool append_time = false;  ///< the broker's times count, not the producers'
    bool crossed = false;      ///< AMQP clients publish to its partitions too

    [[nodiscard]] bool forgets() const { return retention_bytes || retention_ms; }
    /// For people.
    [[nodiscard]] std::string description() const;
    /// As CreateTopics says them.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings() const;
};

struct PartitionSpec {
    const TopicSpec* topic = nullptr;
    std::int32_t index = 0;
    /// The queue that it is to AMQP clients.
    [[nodiscard]] std::string queue() const { return topic->name + "-" + std::to_string(index); }
};

struct GroupSpec {
    std::string name;
    std::vector<const TopicSpec*> topics;  ///< that its members read
    bool assigned = false;                 ///< the broker says who reads what (KIP-848), not a member
};

/// A loop that consumes a partition, and produces what follows from it to another, in transactions.
struct LoopSpec {
    std::string group;
    const PartitionSpec* input = nullptr;
    const PartitionSpec* output = nullptr;  ///< the input of no loop
};

/// Addresses are stable once it is drawn.
struct LogTopology {
    std::vector<TopicSpec> topics;  ///< none: the run has no Kafka clients
    std::vector<PartitionSpec> partitions;
    std::vector<GroupSpec> groups;
    std::uint64_t named_producers = 0;
    std::vector<LoopSpec> loops;
};

[[nodiscard]] LogTopology draw_log_topology(Random random);
/// The partition of a topic's name and a number, or null.
[[nodiscard]] const PartitionSpec* find_partition(const LogTopology& topology, std::string_view topic,
                                                  std::int32_t index);
/// By topic, as requests name them.
[[nodiscard]] std::map<const TopicSpec*, std::vector<const PartitionSpec*>> by_topic(const auto& partitions) {
    std::map<const TopicSpec*, std::vector<const PartitionSpec*>> all;
    for (const PartitionSpec* partition : partitions) all[partition->topic].push_back(partition);
    return all;
}

}  // namespace fantail::sim
