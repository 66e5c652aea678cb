// SPDX-License-Identifier: Apache-2.0
//! The offsets of a member to whom its group assigns: asked for and committed in the member's epoch.
#include <algorithm>

#include "sim/kafka_assigned_member.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

constexpr std::int16_t offsets_version = 9;
constexpr std::int16_t commit_version = 9;

/// Of a member that has been given a new epoch, or is out, and will hear of it.
bool is_late(ApiError error) { return error == ApiError::stale_member_epoch || error == ApiError::unknown_member_id; }

}  // namespace

/// Where to go on with what it has not begun to read.
void KafkaAssignedMember::find_places() {
    Share fresh;
    for (const PartitionSpec* partition : told_)
        if (!reader_.fetcher().places().contains(partition)) fresh.insert(partition);
    if (finding_ || fresh.empty() || !connected()) return;
    finding_ = true;
    OffsetFetchRequest request;
    request.require_stable = true;
    auto& group = request.groups.emplace_back();
    group.group_id = group_.name;
    group.member_id = member_;
    group.member_epoch = epoch_;
    group.topics.emplace();
    for (const auto& [topic, partitions] : by_topic(fresh)) {
        auto& out = group.topics->emplace_back();
        out.name = topic->name;
        for (const PartitionSpec* partition : partitions) out.partition_indexes.push_back(partition->index);
    }
    peer_->ask<OffsetFetchResponse>(request, offsets_version,
                                    [this, life = life_, at = around_.world.time()](const auto& response) {
                                        if (life == life_) on_places(response, at);
                                    });
}

void KafkaAssignedMember::on_places(const OffsetFetchResponse& response, std::int64_t asked_at) {
    finding_ = false;
    const auto& group = response.groups.at(0);
    if (is_late(group.error_code)) {
        next_beat_ = around_.world.time();
        return;
    }
    check(group.error_code, "OffsetFetch");
    for (const auto& topic : group.topics) {
        for (const auto& partition : topic.partitions) {
            const PartitionSpec& spec = *find_partition(around_.topology, topic.name, partition.partition_index);
            check(partition.error_code, "OffsetFetch of a partition");
            if (partition.error_code != ApiError::none) continue;
            groups_.fetched(group_, spec, partition.committed_offset, asked_at);
            if (!told_.contains(&spec)) continue;  // not any more
            reader_.add(spec, partition.committed_offset);
        }
    }
    reader_.start();
}

void KafkaAssignedMember::commit() {
    auto [request, numbers] = reader_.commit(groups_, group_, peer_->link());
    if (numbers.empty()) return;
    request.generation_id_or_member_epoch = epoch_;
    request.member_id = member_;
    if (!instance_.empty()) request.group_instance_id = instance_;
    commit_under_way_ = true;
    peer_->ask<OffsetCommitResponse>(request, commit_version,
                                     [this, numbers = std::move(numbers)](const OffsetCommitResponse& response) {
                                         on_committed(response, numbers);
                                     });
}

void KafkaAssignedMember::on_committed(const OffsetCommitResponse& response,
                                       const std::map<const PartitionSpec*, std::uint64_t>& numbers) {
    commit_under_way_ = false;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            const PartitionSpec& spec = *find_partition(around_.topology, topic.name, partition.partition_index);
            if (partition.error_code == ApiError::none) {
                groups_.committed(group_, spec, numbers.at(&spec));
                continue;
            }
            groups_.refused(group_, spec, numbers.at(&spec));
            reader_.commit_again(spec);  // in another epoch
            if (!is_late(partition.error_code)) check(partition.error_code, "OffsetCommit");
        }
    }
}

/// Parts of a client that have not heard of the new epoch: nobody may listen to them.
void KafkaAssignedMember::tell_old(std::int32_t epoch) {
    const PartitionSpec& partition = random_.pick(around_.topology.partitions);
    OffsetCommitRequest commit;
    commit.group_id = group_.name;
    commit.generation_id_or_member_epoch = epoch;
    commit.member_id = member_;
    auto& topic = commit.topics.emplace_back();
    topic.name = partition.topic->name;
    topic.partitions.push_back({partition.index, 0, -1, -1, std::nullopt});
    peer_->ask<OffsetCommitResponse>(commit, commit_version,
                                     [this, epoch, newest = epoch_](const OffsetCommitResponse& response) {
                                         if (response.topics.at(0).partitions.at(0).error_code == ApiError::none)
                                             groups_.served(group_, epoch, newest, "a commit");
                                     });
}

}  // namespace fantail::sim
