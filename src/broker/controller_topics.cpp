// SPDX-License-Identifier: Apache-2.0
//! Makes, changes and deletes topics.
#include <algorithm>

#include "base/limits.hpp"
#include "broker/controller.hpp"
#include "broker/controller_checks.hpp"

namespace fantail::broker {

/// Names must be free, and the vhost must have room.
Result<void> Controller::check_partitions(const TopicDefinition& topic, std::uint32_t from, std::uint32_t to) const {
    if (to <= from || to > limits::topic_partitions_max)
        return fail(ErrorCode::precondition_failed, "topic '" + topic.name + "' has " + std::to_string(from) +
                                                        " partitions; it may have more, up to " +
                                                        std::to_string(limits::topic_partitions_max));
    const VhostDefinition* vhost = catalog_.vhost(topic.vhost);
    const std::size_t more = to - from;
    if ((vhost->queues_max && catalog_.queue_count(topic.vhost) + more > *vhost->queues_max) ||
        (options_.queues_max && catalog_.queue_count() + more > *options_.queues_max))
        return fail(ErrorCode::no_space, "topic '" + topic.name + "': the queue limit is reached");
    for (std::uint32_t i = from; i < to; ++i) {
        const std::string name = partition_name(topic.name, i);
        if (catalog_.queue(topic.vhost, name) != nullptr)
            return fail(ErrorCode::already_exists, "topic '" + topic.name + "': there is a queue '" + name + "'");
    }
    return {};
}

/// Neighbours are in different shards.
void Controller::make_partitions(TopicDefinition& topic, std::uint32_t count) {
    const std::size_t first = TextHash{}(topic.name);
    while (topic.partitions.size() < count) {
        const std::size_t shard = (first + topic.partitions.size()) % options_.shard_count;
        topic.partitions.push_back(make_queue_id(static_cast<std::uint16_t>(shard)));
    }
}

TopicId Controller::make_topic_id() {
    TopicId id;
    do id = TopicId(host_.random());
    while (id == TopicId() || catalog_.topic(id) != nullptr);
    return id;
}

Result<void> Controller::on(Operation& operation, CreateTopic& command) {
    TopicDefinition& topic = command.definition;
    operation.durable = true;
    if (catalog_.vhost(topic.vhost) == nullptr) return fail(ErrorCode::not_found, "the vhost does not exist any more");
    if (topic.name.empty() || topic.name.size() > limits::topic_name_size_max)
        return fail(ErrorCode::malformed, "a topic's name has 1 to 249 characters");
    if (catalog_.topic(topic.vhost, topic.name) != nullptr)
        return fail(ErrorCode::already_exists, "topic '" + topic.name + "' exists");
    FANTAIL_CHECK(check_partitions(topic, 0, command.partition_count));
    if (command.only_check) return {};
    topic.id = make_topic_id();
    topic.partitions.clear();
    make_partitions(topic, command.partition_count);
    operation.reply.topic = topic.id;
    publish(TopicPut(std::move(topic)), true);
    return {};
}

Result<void> Controller::on(Operation& operation, DeleteTopic& command) {
    operation.durable = true;
    const TopicDefinition* topic = catalog_.topic(command.topic);
    if (topic == nullptr) return fail(ErrorCode::not_found, "no such topic");
    std::vector<ExchangeId> sources;
    for (const QueueId id : topic->partitions) {
        catalog_.for_each_binding_to(*catalog_.queue(id), [&](const BindingDefinition& binding) {
            sources.push_back(catalog_.exchange(binding.vhost, binding.source)->id);
        });
    }
    publish(TopicRemoved{command.topic}, true);
    remove_if_unbound(sources);
    return {};
}

Result<void> Controller::on(Operation& operation, AddPartitions& command) {
    operation.durable = true;
    const TopicDefinition* topic = catalog_.topic(command.topic);
    if (topic == nullptr) return fail(ErrorCode::not_found, "no such topic");
    const auto had = static_cast<std::uint32_t>(topic->partitions.size());
    FANTAIL_CHECK(check_partitions(*topic, had, command.partition_count));
    if (command.only_check) return {};
    TopicDefinition changed = *topic;
    make_partitions(changed, command.partition_count);
    publish(TopicPut(std::move(changed)), true);
    return {};
}

Result<void> Controller::on(Operation& operation, AlterTopic& command) {
    operation.durable = true;
    const TopicDefinition* topic = catalog_.topic(command.topic);
    if (topic == nullptr) return fail(ErrorCode::not_found, "no such topic");
    TopicDefinition changed = *topic;
    changed.options = std::move(command.options);
    changed.settings = std::move(command.settings);
    publish(TopicPut(std::move(changed)), true);
    return {};
}

}  // namespace fantail::broker
