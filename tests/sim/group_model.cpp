// SPDX-License-Identifier: Apache-2.0
//! Judges consumer groups.
#include "sim/group_model.hpp"

#include <algorithm>

namespace fantail::sim {

namespace {
/// Members let go of what others are to have within it.
constexpr std::int64_t moves_within = 20 * second;
}  // namespace

// ---- generations

void GroupModel::shared(const GroupSpec& group, std::int32_t generation, Shares shares) {
    groups_[&group][generation].said.push_back(std::move(shares));
}

void GroupModel::joined(const GroupSpec& group, std::int32_t generation, const std::string& member,
                        const Share& share) {
    Generation& now = groups_[&group][generation];
    const std::string who = group.name + ", generation " + std::to_string(generation) + ": " + member;
    const bool said = std::ranges::any_of(now.said, [&](const Shares& shares) {
        const auto at = shares.find(member);
        return at == shares.end() ? share.empty() : at->second == share;
    });
    if (!said) world_.fail(who + " is told a share that no leader gave it");
    ++world_.counts.generations;
    const auto [own, fresh] = now.told.emplace(member, share);
    if (!fresh && own->second != share) world_.fail(who + " is told two shares");
    for (const auto& [other, has] : now.told) {
        if (other == member) continue;
        for (const PartitionSpec* partition : share)
            if (has.contains(partition)) world_.fail(who + " and " + other + " both have " + partition->queue());
    }
}

std::int32_t GroupModel::newest(const GroupSpec& group) const {
    const auto at = groups_.find(&group);
    if (at == groups_.end()) return 0;
    for (auto generation = at->second.rbegin(); generation != at->second.rend(); ++generation)
        if (!generation->second.told.empty()) return generation->first;
    return 0;
}

void GroupModel::served(const GroupSpec& group, std::int32_t generation, std::int32_t newest, const char* what) {
    if (generation < newest)
        world_.fail(group.name + ": " + what + " of generation " + std::to_string(generation) +
                    " is taken though there was " + std::to_string(newest));
}

// ---- partitions that groups give

void GroupModel::takes(const GroupSpec& group, const PartitionSpec& partition, const std::string& member) {
    moved_at_[&group] = world_.time();
    const auto [at, fresh] = users_.emplace(Place{&group, &partition}, member);
    if (!fresh) world_.fail(member + " is given " + partition.queue() + ", which " + at->second + " still has");
}

void GroupModel::lets_go(const GroupSpec& group, const PartitionSpec& partition) {
    moved_at_[&group] = world_.time();
    users_.erase({&group, &partition});
}

void GroupModel::judge_rest(const GroupSpec& group, const LogTopology& topology) {
    // Members may have come back late from connections that were dead.
    if (world_.time() - moved_at_[&group] < moves_within) return;
    for (const PartitionSpec& partition : topology.partitions) {
        const bool read = std::ranges::find(group.topics, partition.topic) != group.topics.end();
        if (read && !users_.contains({&group, &partition}))
            world_.fail(group.name + ": nobody is given " + partition.queue() + " though members have rested for long");
    }
}

// ---- offsets

std::uint64_t GroupModel::committing(const GroupSpec& group, const PartitionSpec& partition, std::int64_t offset,
                                     const std::shared_ptr<Link>& link) {
    commits_[{&group, &partition}].push_back({++numbers_, offset, world_.time(), 0, link});
    return numbers_;
}

/// Whether it was over, one way or another, when the other was sent.
bool GroupModel::is_before(const Commit& one, const Commit& other) {
    if (one.done_at > 0 && one.done_at < other.sent_at) return true;
    return one.link == other.link ? one.number < other.number : one.link->server_gone_at() < other.sent_at;
}

void GroupModel::committed(const GroupSpec& group, const PartitionSpec& partition, std::uint64_t number) {
    auto& commits = commits_[{&group, &partition}];
    const auto at = std::ranges::find(commits, number, &Commit::number);
    if (at == commits.end()) return;  // a later one is known to have replaced it
    ++world_.counts.commits;
    at->done_at = world_.time();
    const Commit done = *at;
    std::erase_if(commits, [&](const Commit& each) { return is_before(each, done); });
}

void GroupModel::refused(const GroupSpec& group, const PartitionSpec& partition, std::uint64_t number) {
    std::erase_if(commits_[{&group, &partition}], [&](const Commit& each) { return each.number == number; });
}

void GroupModel::fetched(const GroupSpec& group, const PartitionSpec& partition, std::int64_t offset,
                         std::int64_t asked_at) {
    const auto& commits = commits_[{&group, &partition}];
    // One that was replaced while this was under way is gone from the list: what is left may only be newer.
    const auto since = [&](const Commit& each) { return each.done_at == 0 || each.done_at >= asked_at; };
    const bool all_since = std::ranges::all_of(commits, since);
    if (std::ranges::any_of(commits, [&](const Commit& each) { return each.offset == offset; })) return;
    const std::string has =
        group.name + ": offset " + std::to_string(offset) + " is committed for " + partition.queue();
    if (all_since && (offset < 0 || !commits.empty())) return;
    std::string known;
    for (const Commit& each : commits) known += (known.empty() ? "" : ", ") + std::to_string(each.offset);
    world_.fail(has + " instead of " + (known.empty() ? "none" : known));
}

}  // namespace fantail::sim
