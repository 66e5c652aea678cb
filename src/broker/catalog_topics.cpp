// SPDX-License-Identifier: Apache-2.0
//! Topics in the catalog: each with its partitions, which are queues of kind stream.
#include <algorithm>

#include "broker/catalog.hpp"

namespace fantail::broker {

const TopicDefinition* Catalog::topic(VhostId vhost, std::string_view name) const {
    const VhostNode* at = vhost_node(vhost);
    if (at == nullptr) return nullptr;
    const auto found = at->topics.find(name);
    return found == at->topics.end() ? nullptr : found->second.get();
}

const TopicDefinition* Catalog::topic(TopicId id) const {
    const auto at = topics_.find(id);
    return at == topics_.end() ? nullptr : at->second.get();
}

void Catalog::for_each_topic(VhostId vhost, const std::function<void(const TopicDefinition&)>& fn) const {
    if (const VhostNode* at = vhost_node(vhost))
        for (const auto& [name, topic] : at->topics) fn(*topic);
}

/// Checked before anything is changed.
Result<void> Catalog::may_put(const TopicPut& change) const {
    const TopicDefinition& put = *change.topic;
    const auto refuse = [&](const char* why) {
        return fail(ErrorCode::corrupt, "catalog change: topic '" + put.name + "' " + why);
    };
    const VhostNode* vhost = vhost_node(put.vhost);
    if (vhost == nullptr) return refuse("in no vhost");
    const TopicDefinition* named = topic(put.vhost, put.name);
    const TopicDefinition* known = topic(put.id);
    if (named != known) return refuse("has another id or name");
    if (known != nullptr && !std::equal(known->partitions.begin(), known->partitions.end(), put.partitions.begin(),
                                        put.partitions.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                     known->partitions.size(), put.partitions.size()))))
        return refuse("cannot change its partitions");
    for (const QueueDefinitionRef& each : change.partitions) {
        const QueueNode* node = queue_node(each->id);
        if (find_node(vhost->queues, each->name) != node) return refuse("has a partition of another id or name");
    }
    return {};
}

Catalog::Applied Catalog::on(const TopicPut& change) {
    FANTAIL_CHECK(may_put(change));
    const TopicDefinition& put = *change.topic;
    for (const QueueDefinitionRef& each : change.partitions) {
        const auto applied = on(QueuePut{each});
        FANTAIL_ASSERT(applied.has_value());
    }
    topics_[put.id] = change.topic;
    vhost_node(put.vhost)->topics[put.name] = change.topic;
    return CatalogEffect{CatalogEffect::Kind::topic_put, {}, {}, put.partitions};
}

Catalog::Applied Catalog::on(const TopicRemoved& change) {
    const auto at = topics_.find(change.topic);
    if (at == topics_.end()) return CatalogEffect{};
    const TopicDefinitionRef gone = at->second;
    remove_topic(*gone);
    return CatalogEffect{CatalogEffect::Kind::topic_removed, {}, {}, gone->partitions};
}

/// `topic` must be held elsewhere: its last owner in the catalog goes.
void Catalog::remove_topic(const TopicDefinition& topic) {
    for (const QueueId id : topic.partitions)
        if (QueueNode* node = queue_node(id)) remove_queue(*node);
    vhost_node(topic.vhost)->topics.erase(topic.name);
    topics_.erase(topic.id);
}

}  // namespace fantail::broker
