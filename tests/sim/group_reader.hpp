// SPDX-License-Identifier: Apache-2.0
//! Reads what a member of a group has, on a connection of its own, as with Kafka's own clients, and knows how far it got.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "protocols/kafka/groups_client.hpp"
#include "sim/group_model.hpp"
#include "sim/kafka_client.hpp"
#include "sim/kafka_fetcher.hpp"

namespace fantail::sim {

class GroupReader final {
public:
    /// What it shares with its member.
    struct Member {
        Random& random;
        const std::int64_t& think_ns;
        const bool& resting;
    };
    /// How far it got, as the group is to be told, and the judge's numbers of that.
    struct Commit {
        kafka::OffsetCommitRequest request;  ///< without who commits
        std::map<const PartitionSpec*, std::uint64_t> numbers;
    };
    GroupReader(const KafkaSurroundings& around, const std::string& name, Member member)
        : around_(around),
          name_(name),
          member_(member),
          fetcher_(around.world, around.model, around.topology, name, draw_fetch_habits(member.random)) {}

    [[nodiscard]] Fetcher& fetcher() { return fetcher_; }
    /// From the offset that the group has committed; below 0, which is none, from the start.
    void add(const PartitionSpec& partition, std::int64_t committed);
    void remove(const PartitionSpec& partition);
    /// Where it has got further than was committed: from now on that counts as committed. Empty numbers: nowhere.
    [[nodiscard]] Commit commit(GroupModel& groups, const GroupSpec& group, const std::shared_ptr<Link>& link);
    /// It was refused: once more.
    void commit_again(const PartitionSpec& partition) { committed_.erase(&partition); }
    /// Reads what the fetcher has, if it is not at it.
    void start();
    /// Forgets all of it.
    void stop();
    [[nodiscard]] bool owes() const { return peer_ && peer_->owes(); }

private:
    void start_later();
    void fetch();

    KafkaSurroundings around_;
    std::string name_;
    Member member_;
    Fetcher fetcher_;
    std::map<const PartitionSpec*, std::int64_t> committed_;
    std::shared_ptr<KafkaPeer> peer_;
    std::uint64_t epoch_ = 0;
    bool fetching_ = false;
};

}  // namespace fantail::sim
