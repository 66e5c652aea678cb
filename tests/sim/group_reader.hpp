// SPDX-License-Identifier: Apache-2.0
//! Reads what a member of a group has, on a connection of its own, as with Kafka's own clients.
#pragma once

#include <memory>
#include <string>

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
    GroupReader(const KafkaSurroundings& around, const std::string& name, Member member)
        : around_(around),
          member_(member),
          fetcher_(around.world, around.model, around.topology, name, draw_fetch_habits(member.random)) {}

    [[nodiscard]] Fetcher& fetcher() { return fetcher_; }
    /// Reads what the fetcher has, if it is not at it.
    void start();
    /// Forgets all of it.
    void stop();
    [[nodiscard]] bool owes() const { return peer_ && peer_->owes(); }

private:
    void start_later();
    void fetch();

    KafkaSurroundings around_;
    Member member_;
    Fetcher fetcher_;
    std::shared_ptr<KafkaPeer> peer_;
    std::uint64_t epoch_ = 0;
    bool fetching_ = false;
};

}  // namespace fantail::sim
