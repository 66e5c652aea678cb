// SPDX-License-Identifier: Apache-2.0
//! Makes topics, clients and the auditor of logs.
#include "sim/kafka_side.hpp"

#include "protocols/kafka/groups_client.hpp"
#include "protocols/kafka/metadata_client.hpp"
#include "protocols/kafka/topics_client.hpp"
#include "sim/kafka_assigned_member.hpp"
#include "sim/kafka_consumer.hpp"
#include "sim/kafka_loop.hpp"
#include "sim/kafka_member.hpp"
#include "sim/kafka_producer.hpp"
#include "sim/kafka_transactor.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

void KafkaSide::declare() {
    peer_ = std::make_shared<KafkaPeer>(
        world_, around_.node,
        KafkaPeer::Owner{[this] { make_topics(); }, [this] { world_.fail("no topics are made"); }});
    if (!peer_->open(random_)) world_.fail("topics: nobody listens");
}

void KafkaSide::make_topics() {
    std::vector<std::vector<std::pair<std::string, std::string>>> settings;
    settings.reserve(topology_.topics.size());
    CreateTopicsRequest request;
    for (const TopicSpec& topic : topology_.topics) {
        auto& out = request.topics.emplace_back();
        out.name = topic.name;
        out.num_partitions = topic.partitions;
        out.replication_factor = 1;
        for (const auto& [name, value] : settings.emplace_back(topic.settings())) out.configs.push_back({name, value});
    }
    peer_->ask<CreateTopicsResponse>(request, 4, [this](const CreateTopicsResponse& response) {
        for (const auto& topic : response.topics)
            if (topic.error_code != ApiError::none)
                world_.fail("topic " + std::string(topic.name) +
                            " is refused: " + std::string(topic.error_message.value_or("")));
        declared_ = true;
        peer_->drop();
    });
}

void KafkaSide::start_clients(Random random, std::size_t most) {
    if (idle()) return;
    random_ = random;
    std::uint64_t number = 0;
    const auto some = [&](std::uint64_t least, std::uint64_t last) {
        return std::min<std::uint64_t>(random_.between(least, last), most);
    };
    for (std::uint64_t n = some(1, 3); n > 0; --n)
        clients_.push_back(std::make_unique<KafkaProducer>(around_, ++number));
    for (std::uint64_t n = some(0, 2); n > 0; --n)
        clients_.push_back(std::make_unique<KafkaConsumer>(around_, ++number));
    for (const GroupSpec& group : topology_.groups)
        for (std::uint64_t n = group.assigned ? 0 : some(1, 4); n > 0; --n)
            clients_.push_back(std::make_unique<KafkaMember>(around_, groups_, group, ++number));
    start_transactors(most);
    for (std::uint64_t n = some(0, 2); n > 0; --n)
        bridges_.push_back(std::make_unique<StreamBridge>(around_, ++number));
    number = 200;  // of a mind that is no other client's
    for (const GroupSpec& group : topology_.groups)
        for (std::uint64_t n = group.assigned ? some(1, 4) : 0; n > 0; --n)
            clients_.push_back(std::make_unique<KafkaAssignedMember>(around_, groups_, group, ++number));
    for (auto& client : clients_) client->start();
    for (auto& bridge : bridges_) bridge->start();
}

/// Two of each name now and then, and they fence each other.
void KafkaSide::start_transactors(std::size_t most) {
    std::uint64_t number = 100;  // of a mind that is no other client's
    const auto both = [&] { return random_.one_in(3) && most > 1 ? 2 : 1; };
    for (std::uint64_t name = 0; name < std::min<std::uint64_t>(topology_.named_producers, most); ++name) {
        const std::string id = "x" + std::to_string(name);
        for (int n = both(); n > 0; --n, ++number)
            clients_.push_back(
                std::make_unique<KafkaTransactor>(around_, id + "." + std::to_string(number), id, number));
    }
    for (const LoopSpec& loop : topology_.loops)
        for (int n = both(); n > 0; --n) clients_.push_back(std::make_unique<KafkaLoop>(around_, loop, number++));
}

void KafkaSide::rest() {
    for (auto& client : clients_) client->rest();
    for (auto& bridge : bridges_) bridge->rest();
}

void KafkaSide::leave() {
    for (auto& client : clients_) client->leave();
    for (auto& bridge : bridges_) bridge->leave();
}

std::string KafkaSide::unanswered() const {
    for (const auto& client : clients_)
        if (std::string what = client->unanswered(); !what.empty()) return what;
    return {};
}

void KafkaSide::judge_rest() {
    std::set<const GroupSpec*> groups;
    for (const auto& client : clients_)
        if (const GroupSpec* group = client->given_by()) groups.insert(group);
    for (const GroupSpec* group : groups) groups_.judge_rest(*group, topology_);
}

void KafkaSide::audit() {
    if (idle()) return;
    audited_at_ = world_.time();
    peer_ = std::make_shared<KafkaPeer>(
        world_, around_.node,
        KafkaPeer::Owner{[this] { read_logs(false); }, [this] { world_.fail("the auditor of logs is cut off"); }});
    if (!peer_->open(random_)) world_.fail("auditor of logs: nobody listens");
}

/// All of them, and then once more what is committed.
void KafkaSide::read_logs(bool committed_only) {
    FetchHabits habits;
    habits.wait_max_ms = 0;
    habits.committed_only = committed_only;
    fetcher_ = std::make_unique<Fetcher>(world_, model_, topology_, "auditor of logs", habits);
    if (!committed_only)
        fetcher_->on_batch = [this](const auto& partition, const auto& batch) { look_at(partition, batch); };
    for (const PartitionSpec& partition : topology_.partitions) fetcher_->add(partition, Fetcher::from_start);
    read_on(committed_only);
}

void KafkaSide::read_on(bool committed_only) {
    fetcher_->fetch(peer_, [this, committed_only](std::size_t) {
        if (world_.ended()) return;
        const bool all = std::ranges::all_of(fetcher_->places(), [](const auto& each) {
            return each.second.at_end && each.second.reader->next >= each.second.bounds.high_watermark;
        });
        if (!all) return read_on(committed_only);
        for (const auto& [partition, place] : fetcher_->places()) model_.judge_log(*place.reader, place.bounds);
        if (committed_only) return read_loops();
        world_.after(0, [this] { read_logs(true); });
    });
}

/// Each transaction in a log is ended there once, and by a marker that says what all others say.
void KafkaSide::look_at(const PartitionSpec& partition, const FetchedBatch& batch) {
    const auto open = open_.find({&partition, batch.producer});
    if (batch.commits) {
        if (open != open_.end()) transactions_.marked(*open->second, *batch.commits);
        else if (!partition.topic->forgets())
            world_.fail(partition.queue() + ": a marker at " + std::to_string(batch.base) + " ends no transaction");
        if (open != open_.end()) open_.erase(open);
        return;
    }
    for (const FetchedRecord& record : batch.records) {
        Transaction* transaction = transactions_.of(record.id);
        if (transaction == nullptr) continue;
        const auto [at, fresh] = open_.emplace(Writer{&partition, batch.producer}, transaction);
        if (at->second != transaction)
            world_.fail(partition.queue() + ": no marker stands before message " + std::to_string(record.id));
    }
}

/// Where their groups are in the end.
void KafkaSide::read_loops() {
    for (const LoopSpec& loop : topology_.loops) {
        OffsetFetchRequest request;
        request.group_id = loop.group;
        request.require_stable = true;
        request.topics.emplace();
        request.topics->push_back({loop.input->topic->name, {loop.input->index}});
        constexpr std::int16_t version = 7;
        peer_->ask<OffsetFetchResponse>(request, version, [this, &loop](const OffsetFetchResponse& response) {
            const auto& answer = response.topics.at(0).partitions.at(0);
            if (answer.error_code != ApiError::none)
                return world_.fail(loop.group + ": what it committed is never decided, error " +
                                   std::to_string(static_cast<int>(answer.error_code)));
            transactions_.judge_loop(loop, answer.committed_offset);
        });
    }
    // Answers come in turn: with the last one all is seen.
    peer_->ask<MetadataResponse>(MetadataRequest{}, 5, [this](const MetadataResponse&) {
        groups_left_ = topology_.groups.size();
        look_at_groups();
    });
}

/// All members are gone: their groups have noticed, or do in time.
void KafkaSide::look_at_groups() {
    if (groups_left_ == 0) {
        audited_ = true;
        peer_->drop();
        return;
    }
    const GroupSpec& group = topology_.groups[groups_left_ - 1];
    if (group.assigned) look_at_assigned(group);
    else look_at_classic(group);
}

void KafkaSide::look_at_classic(const GroupSpec& group) {
    DescribeGroupsRequest request;
    request.groups.push_back(group.name);
    constexpr std::int16_t version = 5;
    peer_->ask<DescribeGroupsResponse>(request, version, [this, &group](const DescribeGroupsResponse& response) {
        found_members(group, response.groups.at(0).members.size());
    });
}

void KafkaSide::look_at_assigned(const GroupSpec& group) {
    ConsumerGroupDescribeRequest request;
    request.group_ids.push_back(group.name);
    peer_->ask<ConsumerGroupDescribeResponse>(request, 0,
                                              [this, &group](const ConsumerGroupDescribeResponse& response) {
                                                  found_members(group, response.groups.at(0).members.size());
                                              });
}

void KafkaSide::found_members(const GroupSpec& group, std::size_t members) {
    constexpr std::int64_t wait_max = 60 * second;
    if (members == 0) --groups_left_;
    else if (world_.time() - audited_at_ > wait_max)
        return world_.fail(group.name + " has " + std::to_string(members) + " members though all are gone");
    world_.after(members == 0 ? 0 : 2 * second, [this] {
        if (!world_.ended()) look_at_groups();
    });
}

}  // namespace fantail::sim
