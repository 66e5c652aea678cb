// SPDX-License-Identifier: Apache-2.0
//! The newer protocol of consumer groups, from the side of a member: who it is, and its heartbeats.
#include "sim/kafka_assigned_member.hpp"

#include <algorithm>

#include "protocols/kafka/metadata_client.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

constexpr std::int64_t tick_time = 100 * ms;
/// Of its deadlines, so that it is never late.
constexpr std::int64_t margin = 500 * ms;
/// The least that the broker gives members (run.cpp).
constexpr std::int64_t session_timeout = 6 * second;
constexpr std::int32_t epoch_leaves = -1;
constexpr std::int32_t epoch_pauses = -2;

}  // namespace

KafkaAssignedMember::KafkaAssignedMember(const KafkaSurroundings& around, GroupModel& groups, const GroupSpec& group,
                                         std::uint64_t number)
    : KafkaClient(around, "member " + std::to_string(number) + " of " + group.name, number),
      groups_(groups),
      group_(group),
      reader_(around, name_, {random_, think_ns_, resting_}),
      version_(static_cast<std::int16_t>(random_.below(2))),
      rebalance_timeout_ms_(static_cast<std::int32_t>(random_.between(5'000, 10'000))),
      topics_(group.topics.begin(), group.topics.end()) {
    if (random_.one_in(3)) instance_ = "i" + std::to_string(number);
    if (version_ == 1 && random_.one_in(4))
        for (const TopicSpec* topic : group.topics) pattern_ += (pattern_.empty() ? "" : "|") + topic->name;
    think_ns_ = std::min(think_ns_, second);
    rename();
}

// ---- who it is

void KafkaAssignedMember::on_open() {
    if (!std::exchange(ticking_, true)) tick();
    if (random_.one_in(8)) {
        lose();
        rename();
    }
    if (ids_.empty()) learn_topics();
}

void KafkaAssignedMember::on_gone() {
    // Should that arrive late, it must not make another begin anew.
    if (epoch_ == 0 && beat_under_way_) rename();
    beat_under_way_ = false;
    finding_ = false;
    commit_under_way_ = false;
    tell_all_ = true;
    if (left_) lose();
}

void KafkaAssignedMember::learn_topics() {
    MetadataRequest request;
    request.topics.emplace();
    for (const TopicSpec* topic : group_.topics) request.topics->push_back({{}, topic->name});
    constexpr std::int16_t version = 12;
    peer_->ask<MetadataResponse>(request, version, [this](const MetadataResponse& response) {
        for (const auto& topic : response.topics)
            for (const TopicSpec* spec : group_.topics)
                if (spec->name == topic.name) ids_[spec] = topic.topic_id;
    });
}

/// Older versions let the group give the id.
void KafkaAssignedMember::rename() {
    member_.clear();
    if (version_ == 1 || random_.one_in(2)) member_ = "m" + std::to_string(number_) + "." + std::to_string(++names_);
}

void KafkaAssignedMember::choose() {
    if (!pattern_.empty()) return;
    topics_.clear();
    for (const TopicSpec* topic : group_.topics)
        if (topics_.empty() || random_.one_in(2)) topics_.insert(topic);
    tell_all_ = true;
    next_beat_ = 0;
}

/// Its process dies unheard.
void KafkaAssignedMember::become_another() {
    note([] { return std::string("dies"); });
    lose();
    rename();
    reconnect();
}

void KafkaAssignedMember::say_good_bye() {
    if (epoch_ == 0) return;
    if (!commit_under_way_) commit();
    depart();
}

void KafkaAssignedMember::depart() {
    const bool pauses = !instance_.empty() && random_.one_in(2);
    note([&] { return std::string(pauses ? "pauses" : "leaves"); });
    ConsumerGroupHeartbeatRequest request;
    request.group_id = group_.name;
    request.member_id = member_;
    request.member_epoch = pauses ? epoch_pauses : epoch_leaves;
    if (!instance_.empty()) request.instance_id = instance_;
    peer_->ask<ConsumerGroupHeartbeatResponse>(request, version_, [this](const auto& response) {
        // What it was may have timed out meanwhile.
        if (response.error_code != ApiError::unknown_member_id && response.error_code != ApiError::fenced_instance_id)
            check(response.error_code, "its last heartbeat");
    });
    lose();
    rename();
    next_beat_ = around_.world.time() + static_cast<std::int64_t>(random_.between(1, 3'000)) * ms;
}

void KafkaAssignedMember::lose() {
    ++life_;
    for (const PartitionSpec* partition : uses_) groups_.lets_go(group_, *partition);
    uses_.clear();
    told_.clear();
    reader_.stop();
    epoch_ = 0;
    unheard_since_ = slow_since_ = -1;
    beat_under_way_ = finding_ = false;
    next_beat_ = around_.world.time() + static_cast<std::int64_t>(random_.below(1'000)) * ms;
}

// ---- heartbeats

void KafkaAssignedMember::tick() {
    around_.world.after(tick_time, [this] {
        if (left_ || around_.world.ended()) return;
        keep_time();
        if (resting_ && topics_.size() < group_.topics.size()) {
            topics_.insert(group_.topics.begin(), group_.topics.end());
            tell_all_ = true;
        }
        if (connected() && !ids_.empty() && !beat_under_way_ && around_.world.time() >= next_beat_) beat();
        tick();
    });
}

std::int64_t KafkaAssignedMember::patience() const {
    return std::min(session_timeout, rebalance_timeout_ms_ * ms) - margin;
}

/// The group may have given up who is silent, or slow to let go.
void KafkaAssignedMember::keep_time() {
    if (epoch_ == 0) return;
    const std::int64_t now = around_.world.time();
    const bool silent = heard_at_ + patience() <= now;
    const bool slow = slow_since_ >= 0 && slow_since_ + rebalance_timeout_ms_ * ms - margin <= now;
    if (!silent && !slow) return;
    note([&] { return std::string(silent ? "was not heard" : "was slow") + " for long, and begins anew"; });
    lose();
}

void KafkaAssignedMember::introduce(ConsumerGroupHeartbeatRequest& request) const {
    request.rebalance_timeout_ms = rebalance_timeout_ms_;
    if (!pattern_.empty()) {
        request.subscribed_topic_regex = pattern_;
        return;
    }
    request.subscribed_topic_names.emplace();
    for (const TopicSpec* topic : topics_) request.subscribed_topic_names->push_back(topic->name);
}

std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> KafkaAssignedMember::owned() const {
    std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> all;
    for (const auto& [topic, partitions] : by_topic(uses_)) {
        auto& out = all.emplace_back();
        out.topic_id = ids_.at(topic);
        for (const PartitionSpec* partition : partitions) out.partitions.push_back(partition->index);
    }
    return all;
}

/// What has not changed is mostly left out.
void KafkaAssignedMember::beat() {
    const bool all = epoch_ == 0 || tell_all_ || random_.one_in(8);
    const bool says = all || changed_ || random_.one_in(3);
    ConsumerGroupHeartbeatRequest request;
    request.group_id = group_.name;
    request.member_id = member_;
    request.member_epoch = epoch_;
    if (!instance_.empty()) request.instance_id = instance_;
    if (all) introduce(request);
    if (says) request.topic_partitions = owned();
    const Beat sent{around_.world.time(), life_, epoch_, says && uses_ == told_};
    if (unheard_since_ < 0) unheard_since_ = sent.at;
    beat_under_way_ = true;
    tell_all_ = changed_ = false;
    peer_->ask<ConsumerGroupHeartbeatResponse>(request, version_,
                                               [this, sent](const ConsumerGroupHeartbeatResponse& response) {
                                                   if (sent.life == life_) heard(response, sent);
                                               });
}

void KafkaAssignedMember::heard(const ConsumerGroupHeartbeatResponse& response, const Beat& sent) {
    beat_under_way_ = false;
    if (response.error_code != ApiError::none) return heed(response.error_code);
    if (sent.at + patience() <= around_.world.time()) return lose();  // what this says may not be so any more
    if (response.member_epoch < std::max(sent.epoch, 1))
        return around_.world.fail(name_ + " is given epoch " + std::to_string(response.member_epoch) + ", and had " +
                                  std::to_string(sent.epoch));
    const std::int64_t since = std::exchange(unheard_since_, -1);
    heard_at_ = sent.at;
    if (sent.let_go) slow_since_ = -1;
    member_ = response.member_id.value_or(member_);
    epoch_ = response.member_epoch;
    next_beat_ = around_.world.time() + response.heartbeat_interval_ms * ms;
    if (response.assignment) told(*response.assignment, since);
    if (sent.epoch > 0 && sent.epoch < epoch_ && random_.one_in(3)) tell_old(sent.epoch);
    find_places();
}

void KafkaAssignedMember::heed(ApiError error) {
    note([&] { return "heartbeat: error " + std::to_string(static_cast<int>(error)); });
    tell_all_ = true;
    next_beat_ = around_.world.time() + static_cast<std::int64_t>(random_.between(100, 1'000)) * ms;
    if (error == ApiError::coordinator_load_in_progress) return;
    const bool joins = epoch_ == 0;
    lose();
    if (error == ApiError::unreleased_instance_id && joins && !instance_.empty()) return;
    if (error == ApiError::fenced_instance_id && !instance_.empty()) return rename();
    if (error == ApiError::unknown_member_id || error == ApiError::fenced_member_epoch) return;
    check(error, "a heartbeat");
}

void KafkaAssignedMember::told(const ConsumerGroupHeartbeatResponse::Assignment& assignment, std::int64_t since) {
    told_.clear();
    for (const auto& topic : assignment.topic_partitions) {
        const auto known = std::ranges::find_if(ids_, [&](const auto& each) { return each.second == topic.topic_id; });
        if (known == ids_.end()) return around_.world.fail(name_ + " is given a topic that it did not choose");
        for (const std::int32_t index : topic.partitions)
            told_.insert(find_partition(around_.topology, known->first->name, index));
    }
    ++around_.world.counts.generations;
    note([&] {
        std::string text = "has, in epoch " + std::to_string(epoch_) + ":";
        for (const PartitionSpec* partition : told_) text += " " + partition->queue();
        return text;
    });
    for (const PartitionSpec* partition : told_)
        if (uses_.insert(partition).second) groups_.takes(group_, *partition, name_);
    if (uses_ == told_) return;
    if (slow_since_ < 0) slow_since_ = since;
    // Mostly at once; at times it is slow, or slower than it may be.
    const auto time = random_.one_in(6) && !resting_ ? static_cast<std::uint64_t>(rebalance_timeout_ms_) : 50;
    around_.world.after(static_cast<std::int64_t>(random_.below(time)) * ms, [this, life = life_] {
        if (life == life_) let_go();
    });
}

/// It says how far it got, as long as it may.
void KafkaAssignedMember::let_go() {
    if (connected() && !commit_under_way_) commit();
    std::erase_if(uses_, [this](const PartitionSpec* partition) {
        if (told_.contains(partition)) return false;
        reader_.remove(*partition);
        groups_.lets_go(group_, *partition);
        changed_ = true;
        return true;
    });
    if (changed_) next_beat_ = around_.world.time();
}

// ---- being there

void KafkaAssignedMember::act() {
    if (epoch_ == 0) return;
    const std::uint64_t die = random_.below(200);
    if (die < 60 && !commit_under_way_) commit();
    else if (die == 60) depart();
    else if (die == 61) become_another();
    else if (die == 62) choose();
}

const GroupSpec* KafkaAssignedMember::given_by() const { return epoch_ > 0 && connected() ? &group_ : nullptr; }

std::string KafkaAssignedMember::unanswered() const {
    if (reader_.owes()) return name_ + " waits for a fetch";
    return KafkaClient::unanswered();
}

void KafkaAssignedMember::check(ApiError error, const char* what) const {
    if (error != ApiError::none && error != ApiError::coordinator_load_in_progress)
        around_.world.fail(name_ + ": " + what + " ends in error " + std::to_string(static_cast<int>(error)));
}

}  // namespace fantail::sim
