// SPDX-License-Identifier: Apache-2.0
//! Connects, fetches, and fetches again.
#include "sim/group_reader.hpp"

namespace fantail::sim {

void GroupReader::start() {
    if (peer_) {
        if (peer_->ready()) fetch();
        return;
    }
    fetching_ = false;
    peer_ = std::make_shared<KafkaPeer>(around_.world, around_.node,
                                        KafkaPeer::Owner{[this] { fetch(); },
                                                         [this] {
                                                             peer_.reset();
                                                             start_later();
                                                         }});
    if (peer_->open(member_.random)) return;
    peer_.reset();
    start_later();
}

void GroupReader::start_later() {
    const auto pause = static_cast<std::int64_t>(member_.random.between(20, 1500)) * ms;
    around_.world.after(pause, [this, epoch = epoch_] {
        if (epoch == epoch_ && !peer_) start();
    });
}

void GroupReader::add(const PartitionSpec& partition, std::int64_t committed) {
    committed_[&partition] = committed;
    fetcher_.add(partition, committed < 0 ? Fetcher::from_start : committed);
}

void GroupReader::remove(const PartitionSpec& partition) {
    fetcher_.remove(partition);
    committed_.erase(&partition);
}

GroupReader::Commit GroupReader::commit(GroupModel& groups, const GroupSpec& group, const std::shared_ptr<Link>& link) {
    std::vector<const PartitionSpec*> moved;
    for (const auto& [partition, place] : fetcher_.places())
        if (place.reader->next > committed_[partition]) moved.push_back(partition);
    Commit out;
    out.request.group_id = group.name;
    for (const auto& [topic, partitions] : by_topic(moved)) {
        auto& named = out.request.topics.emplace_back();
        named.name = topic->name;
        for (const PartitionSpec* partition : partitions) {
            const std::int64_t offset = fetcher_.places().at(partition).reader->next;
            named.partitions.push_back({partition->index, offset, -1, -1, std::nullopt});
            out.numbers[partition] = groups.committing(group, *partition, offset, link);
            committed_[partition] = offset;
            around_.world.note(
                [&] { return name_ + ": commits " + std::to_string(offset) + " of " + partition->queue(); });
        }
    }
    return out;
}

void GroupReader::stop() {
    ++epoch_;
    fetcher_.clear();
    committed_.clear();
    fetching_ = false;
    if (!peer_) return;
    peer_->drop();
    peer_.reset();
}

void GroupReader::fetch() {
    if (fetching_ || fetcher_.places().empty()) return;
    fetching_ = true;
    fetcher_.fetch(peer_, [this, epoch = epoch_](std::size_t) {
        if (epoch != epoch_) return;
        fetching_ = false;
        if (member_.resting || around_.world.ended()) return;
        around_.world.after(member_.random.one_in(4) ? member_.think_ns : 0, [this, epoch] {
            if (epoch == epoch_ && peer_ && peer_->ready() && !member_.resting) fetch();
        });
    });
}

}  // namespace fantail::sim
