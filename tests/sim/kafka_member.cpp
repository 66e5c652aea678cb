// SPDX-License-Identifier: Apache-2.0
//! The classic protocol of consumer groups, from the side of a member.
#include "sim/kafka_member.hpp"

#include "protocols/kafka/consumer_protocol.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

constexpr std::int16_t join_version = 5;
constexpr std::int16_t sync_version = 3;
constexpr std::int16_t heartbeat_version = 3;
constexpr std::int16_t leave_version = 3;
constexpr std::int16_t commit_version = 7;
constexpr std::int16_t offsets_version = 7;

template <class M>
Bytes versioned(const M& message) {
    Bytes out(2, 0);  // version 0
    encode(out, message, 0);
    return out;
}

Bytes assignment_of(const Share& share) {
    ConsumerProtocolAssignment assignment;
    for (const auto& [topic, partitions] : by_topic(share)) {
        auto& out = assignment.assigned_partitions.emplace_back();
        out.topic = topic->name;
        for (const PartitionSpec* partition : partitions) out.partitions.push_back(partition->index);
    }
    return versioned(assignment);
}

}  // namespace

KafkaMember::KafkaMember(const KafkaSurroundings& around, GroupModel& groups, const GroupSpec& group,
                         std::uint64_t number)
    : KafkaClient(around, "member " + std::to_string(number) + " of " + group.name, number),
      groups_(groups),
      group_(group),
      reader_(around, name_, {random_, think_ns_, resting_}),
      session_timeout_ms_(static_cast<std::int32_t>(random_.between(6'000, 20'000))),
      rebalance_timeout_ms_(static_cast<std::int32_t>(random_.between(3'000, 20'000))) {
    if (random_.one_in(4)) instance_ = "i" + std::to_string(number);
    think_ns_ = std::min(think_ns_, session_timeout_ms_ * ms / 4);
}

// ---- coming and going

void KafkaMember::on_open() {
    if (random_.one_in(2)) member_.clear();  // a process that starts anew, with the name of an instance if it has one
    if (!resting_) join();
}

void KafkaMember::on_gone() {
    state_ = State::out;
    heartbeat_under_way_ = false;
    commit_under_way_ = false;
    stop_reading();
}

void KafkaMember::stop_reading() {
    ++epoch_;
    reader_.stop();
}

void KafkaMember::say_good_bye() {
    if (state_ == State::stable && !commit_under_way_) commit();
    if (state_ == State::stable) depart();
}

void KafkaMember::depart() {
    note([] { return std::string("leaves"); });
    LeaveGroupRequest request;
    request.group_id = group_.name;
    request.members.push_back({member_, std::nullopt, std::nullopt});
    if (!instance_.empty()) request.members.back().group_instance_id = instance_;
    peer_->ask<LeaveGroupResponse>(request, leave_version, [](const auto&) {});
    member_.clear();
    state_ = State::out;
    stop_reading();
    join_later();
}

void KafkaMember::join_later() {
    state_ = State::out;
    around_.world.after(static_cast<std::int64_t>(random_.between(1, 3'000)) * ms, [this, epoch = epoch_] {
        if (connected() && state_ == State::out && epoch == epoch_ && !resting_) join();
    });
}

void KafkaMember::join() {
    state_ = State::joining;
    ConsumerProtocolSubscription subscription;
    for (const TopicSpec* topic : group_.topics) subscription.topics.push_back(topic->name);
    const Bytes metadata = versioned(subscription);
    JoinGroupRequest request;
    request.group_id = group_.name;
    request.session_timeout_ms = session_timeout_ms_;
    request.rebalance_timeout_ms = rebalance_timeout_ms_;
    request.member_id = member_;
    if (!instance_.empty()) request.group_instance_id = instance_;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", metadata});
    // Others have as long as they ask for.
    constexpr std::int64_t wait_max = 60 * second;
    peer_->ask<JoinGroupResponse>(
        request, join_version, [this](const JoinGroupResponse& response) { on_joined(response); }, wait_max);
}

/// What every error of a group asks of its members.
bool KafkaMember::heed(ApiError error, const char* what) {
    if (error == ApiError::none) return false;
    note([&] { return std::string(what) + ": error " + std::to_string(static_cast<int>(error)); });
    const bool known = error == ApiError::unknown_member_id || error == ApiError::illegal_generation ||
                       error == ApiError::rebalance_in_progress || error == ApiError::fenced_instance_id ||
                       error == ApiError::coordinator_load_in_progress;
    if (!known) {
        around_.world.fail(name_ + ": " + what + " ends in error " + std::to_string(static_cast<int>(error)));
        return true;
    }
    if (error == ApiError::unknown_member_id || error == ApiError::fenced_instance_id) member_.clear();
    stop_reading();
    if (error == ApiError::coordinator_load_in_progress || resting_) join_later();
    else join();
    return true;
}

void KafkaMember::on_joined(const JoinGroupResponse& response) {
    if (response.error_code == ApiError::member_id_required) {
        member_ = response.member_id;
        return join();
    }
    if (heed(response.error_code, "join")) return;
    const std::int32_t former = response.member_id == member_ ? generation_ : -1;
    member_ = response.member_id;
    generation_ = response.generation_id;
    if (former >= 0 && former < generation_ && random_.one_in(3)) tell_old(former);
    state_ = State::sharing;
    note([&] {
        return "joins generation " + std::to_string(generation_) + " as " + member_ +
               (response.leader == response.member_id ? ", leading " + std::to_string(response.members.size()) : "");
    });
    Shares shares;
    if (response.leader == response.member_id) {
        shares = share_out(response);
        groups_.shared(group_, generation_, by_name(response, shares));
    }
    sync(shares);
}

Shares KafkaMember::share_out(const JoinGroupResponse& response) const {
    Shares shares;
    std::size_t next = 0;
    for (const PartitionSpec& partition : around_.topology.partitions) {
        if (std::ranges::find(group_.topics, partition.topic) == group_.topics.end()) continue;
        shares[std::string(response.members.at(next++ % response.members.size()).member_id)].insert(&partition);
    }
    return shares;
}

/// A static member keeps its name, and its share, under another id.
Shares KafkaMember::by_name(const JoinGroupResponse& response, const Shares& shares) {
    Shares named;
    for (const auto& member : response.members) {
        const auto at = shares.find(std::string(member.member_id));
        if (at != shares.end()) named[std::string(member.group_instance_id.value_or(member.member_id))] = at->second;
    }
    return named;
}

void KafkaMember::sync(const Shares& shares) {
    std::vector<Bytes> kept;
    kept.reserve(shares.size());
    SyncGroupRequest request;
    request.group_id = group_.name;
    request.generation_id = generation_;
    request.member_id = member_;
    if (!instance_.empty()) request.group_instance_id = instance_;
    for (const auto& [member, share] : shares)
        request.assignments.push_back({member, kept.emplace_back(assignment_of(share))});
    constexpr std::int64_t wait_max = 60 * second;
    peer_->ask<SyncGroupResponse>(
        request, sync_version, [this](const SyncGroupResponse& response) { on_synced(response); }, wait_max);
}

void KafkaMember::on_synced(const SyncGroupResponse& response) {
    if (heed(response.error_code, "sync")) return;
    const auto assignment = decode_assignment(response.assignment);
    if (!assignment)
        return around_.world.fail(name_ + ": an assignment that cannot be read: " + assignment.error().message);
    Share share;
    for (const auto& topic : assignment->assigned_partitions)
        for (const std::int32_t index : topic.partitions)
            share.insert(find_partition(around_.topology, topic.topic, index));
    groups_.joined(group_, generation_, instance_.empty() ? member_ : instance_, share);
    state_ = State::stable;
    next_heartbeat_ = 0;
    if (!share.empty()) fetch_offsets(share);
}

// ---- offsets

void KafkaMember::fetch_offsets(const Share& share) {
    OffsetFetchRequest request;
    request.group_id = group_.name;
    request.require_stable = true;
    request.topics.emplace();
    for (const auto& [topic, partitions] : by_topic(share)) {
        auto& out = request.topics->emplace_back();
        out.name = topic->name;
        for (const PartitionSpec* partition : partitions) out.partition_indexes.push_back(partition->index);
    }
    peer_->ask<OffsetFetchResponse>(request, offsets_version,
                                    [this, epoch = epoch_, at = around_.world.time()](const auto& response) {
                                        if (epoch == epoch_) on_offsets(response, at);
                                    });
}

void KafkaMember::on_offsets(const OffsetFetchResponse& response, std::int64_t asked_at) {
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            const PartitionSpec& spec = *find_partition(around_.topology, topic.name, partition.partition_index);
            if (partition.error_code != ApiError::none)
                return around_.world.fail(name_ + ": OffsetFetch ends in error " +
                                          std::to_string(static_cast<int>(partition.error_code)));
            groups_.fetched(group_, spec, partition.committed_offset, asked_at);
            reader_.add(spec, partition.committed_offset);
        }
    }
    reader_.start();
}

void KafkaMember::commit() {
    auto [request, numbers] = reader_.commit(groups_, group_, peer_->link());
    if (numbers.empty()) return;
    request.generation_id_or_member_epoch = generation_;
    request.member_id = member_;
    if (!instance_.empty()) request.group_instance_id = instance_;
    commit_under_way_ = true;
    peer_->ask<OffsetCommitResponse>(
        request, commit_version,
        [this, numbers = std::move(numbers), newest = groups_.newest(group_)](const OffsetCommitResponse& response) {
            on_committed(response, numbers, newest);
        });
}

void KafkaMember::on_committed(const OffsetCommitResponse& response,
                               const std::map<const PartitionSpec*, std::uint64_t>& numbers, std::int32_t newest) {
    commit_under_way_ = false;
    ApiError error = ApiError::none;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            const PartitionSpec& spec = *find_partition(around_.topology, topic.name, partition.partition_index);
            if (partition.error_code == ApiError::none) {
                groups_.committed(group_, spec, numbers.at(&spec));
                groups_.served(group_, generation_, newest, "a commit");
            } else {
                groups_.refused(group_, spec, numbers.at(&spec));
                error = partition.error_code;
            }
        }
    }
    if (state_ == State::stable) heed(error, "commit");
}

// ---- being there

void KafkaMember::act() {
    if (state_ != State::stable) return;
    if (around_.world.time() >= next_heartbeat_ && !heartbeat_under_way_) return heartbeat();
    const std::uint64_t die = random_.below(100);
    if (die < 30 && !commit_under_way_) commit();
    else if (die == 30) depart();
    else if (die == 31) {  // as one that found new partitions, or was slow
        stop_reading();
        join();
    }
}

void KafkaMember::heartbeat() {
    next_heartbeat_ = around_.world.time() + session_timeout_ms_ * ms / 4;
    heartbeat_under_way_ = true;
    HeartbeatRequest request{group_.name, generation_, member_, std::nullopt};
    if (!instance_.empty()) request.group_instance_id = instance_;
    peer_->ask<HeartbeatResponse>(
        request, heartbeat_version,
        [this, generation = generation_, newest = groups_.newest(group_)](const HeartbeatResponse& response) {
            heartbeat_under_way_ = false;
            if (response.error_code == ApiError::none) groups_.served(group_, generation, newest, "a heartbeat");
            if (state_ != State::stable || generation != generation_) return;
            // It says how far it got before it gives its partitions up, as long as it may.
            if (response.error_code == ApiError::rebalance_in_progress && !commit_under_way_) commit();
            heed(response.error_code, "heartbeat");
        });
}

/// Parts of a client that have not heard of the new generation: nobody may listen to them.
void KafkaMember::tell_old(std::int32_t generation) {
    HeartbeatRequest beat{group_.name, generation, member_, std::nullopt};
    OffsetCommitRequest commit;
    commit.group_id = group_.name;
    commit.generation_id_or_member_epoch = generation;
    commit.member_id = member_;
    if (!instance_.empty()) beat.group_instance_id = commit.group_instance_id = instance_;
    const PartitionSpec& partition = random_.pick(around_.topology.partitions);
    auto& topic = commit.topics.emplace_back();
    topic.name = partition.topic->name;
    topic.partitions.push_back({partition.index, 0, -1, -1, std::nullopt});
    peer_->ask<HeartbeatResponse>(beat, heartbeat_version,
                                  [this, generation, newest = generation_](const HeartbeatResponse& response) {
                                      if (response.error_code == ApiError::none)
                                          groups_.served(group_, generation, newest, "a heartbeat");
                                  });
    peer_->ask<OffsetCommitResponse>(commit, commit_version,
                                     [this, generation, newest = generation_](const OffsetCommitResponse& response) {
                                         if (response.topics.at(0).partitions.at(0).error_code == ApiError::none)
                                             groups_.served(group_, generation, newest, "a commit");
                                     });
}

std::string KafkaMember::unanswered() const {
    if (reader_.owes()) return name_ + " waits for a fetch";
    return KafkaClient::unanswered();
}

}  // namespace fantail::sim
