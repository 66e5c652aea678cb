// SPDX-License-Identifier: Apache-2.0
//! For tests: a catalog of topics alone.
#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/api/port.hpp"

namespace fantail::broker::testing {

/// Topics of one vhost, which everybody may read but for those that are denied.
class FakeTopics final : public CatalogView {
public:
    /// Makes it, or gives it another number of partitions.
    TopicId put(const std::string& name, std::uint16_t partitions) {
        TopicDefinition& topic = topics_[name];
        if (topic.id == TopicId()) topic.id = TopicId(++last_id_);
        topic.name = name;
        topic.vhost = VhostId(1);
        topic.partitions.clear();
        for (std::uint16_t i = 0; i < partitions; ++i)
            topic.partitions.push_back(make_id<QueueId>(1, topic.id.value * 1'000 + i));
        ++version_;
        return topic.id;
    }
    void remove(const std::string& name) {
        topics_.erase(name);
        ++version_;
    }
    std::set<std::string, std::less<>> denied;

    std::uint64_t version() const override { return version_; }
    const VhostDefinition* vhost(std::string_view) const override { return nullptr; }
    const UserDefinition* user(std::string_view) const override { return nullptr; }
    const ExchangeDefinition* exchange(VhostId, std::string_view) const override { return nullptr; }
    const QueueDefinition* queue(VhostId, std::string_view) const override { return nullptr; }
    const QueueDefinition* queue(QueueId) const override { return nullptr; }
    const TopicDefinition* topic(VhostId, std::string_view name) const override {
        const auto at = topics_.find(name);
        return at == topics_.end() ? nullptr : &at->second;
    }
    const TopicDefinition* topic(TopicId id) const override {
        for (const auto& [name, topic] : topics_)
            if (topic.id == id) return &topic;
        return nullptr;
    }
    void for_each_topic(VhostId, const std::function<void(const TopicDefinition&)>& fn) const override {
        for (const auto& [name, topic] : topics_) fn(topic);
    }
    void route(const ExchangeDefinition&, const RoutingFacts&, Route& out) const override { out = {}; }
    bool permits(std::string_view, VhostId, Operation, std::string_view resource) const override {
        return !denied.contains(resource);
    }
    bool permits_topic(std::string_view, VhostId, Operation, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_enter(std::string_view, VhostId) const override { return true; }

private:
    std::map<std::string, TopicDefinition, std::less<>> topics_;
    std::uint64_t last_id_ = 0;
    std::uint64_t version_ = 1;
};

}  // namespace fantail::broker::testing
