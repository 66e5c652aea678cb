// SPDX-License-Identifier: Apache-2.0
//! Draws topics: few partitions each, some that forget.
#include "sim/log_topology.hpp"

namespace fantail::sim {

std::string TopicSpec::description() const {
    std::string text = name + ": topic, " + std::to_string(partitions) + " partitions";
    for (const auto& [setting, value] : settings()) text += ", " + setting + " " + value;
    if (crossed) text += ", published to by AMQP too";
    return text;
}

std::vector<std::pair<std::string, std::string>> TopicSpec::settings() const {
    std::vector<std::pair<std::string, std::string>> all;
    if (retention_bytes) all.emplace_back("retention.bytes", std::to_string(*retention_bytes));
    // Clients' times may be old: what has no limit here must have none in the broker.
    all.emplace_back("retention.ms", std::to_string(retention_ms.value_or(-1)));
    if (append_time) all.emplace_back("message.timestamp.type", "LogAppendTime");
    return all;
}

namespace {

/// Between partitions that forget nothing: what was not consumed in time would be missing.
void draw_loops(Random& random, LogTopology& all) {
    std::vector<const PartitionSpec*> partitions;
    for (const PartitionSpec& partition : all.partitions)
        if (!partition.topic->forgets()) partitions.push_back(&partition);
    if (partitions.size() < 2) return;
    random.shuffle(partitions);
    const std::uint64_t count = std::min<std::uint64_t>(random.between(0, 2), partitions.size() - 1);
    for (std::uint64_t i = 0; i < count; ++i)
        all.loops.push_back({"loop" + std::to_string(i), partitions[i], partitions.back()});
}

void draw_groups(Random& random, LogTopology& all, bool assigned) {
    for (std::uint64_t i = random.between(0, 2); i > 0; --i) {
        GroupSpec& group = all.groups.emplace_back();
        group.name = (assigned ? "h" : "g") + std::to_string(i);
        group.assigned = assigned;
        for (const TopicSpec& topic : all.topics)
            if (group.topics.empty() || random.one_in(2)) group.topics.push_back(&topic);
    }
}

}  // namespace

LogTopology draw_log_topology(Random random) {
    LogTopology all;
    if (random.one_in(2)) return all;
    const std::uint64_t count = random.between(1, 3);
    for (std::uint64_t i = 0; i < count; ++i) {
        TopicSpec& topic = all.topics.emplace_back();
        topic.name = "t" + std::to_string(i);
        topic.partitions = static_cast<std::int32_t>(random.between(1, 4));
        if (random.one_in(5)) topic.retention_bytes = static_cast<std::int64_t>(random.between(500, 40'000));
        if (random.one_in(5)) topic.retention_ms = static_cast<std::int64_t>(random.between(500, 20'000));
        topic.append_time = random.one_in(4);
        topic.crossed = random.one_in(2);
    }
    for (const TopicSpec& topic : all.topics)
        for (std::int32_t i = 0; i < topic.partitions; ++i) all.partitions.push_back({&topic, i});
    draw_groups(random, all, false);
    all.named_producers = random.between(0, 2);
    draw_loops(random, all);
    draw_groups(random, all, true);
    return all;
}

const PartitionSpec* find_partition(const LogTopology& topology, std::string_view topic, std::int32_t index) {
    for (const PartitionSpec& partition : topology.partitions)
        if (partition.topic->name == topic && partition.index == index) return &partition;
    return nullptr;
}

}  // namespace fantail::sim
