// SPDX-License-Identifier: Apache-2.0
//! What a run has of Kafka: topics, clients, and the look at all logs in the end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/group_model.hpp"
#include "sim/kafka_client.hpp"
#include "sim/kafka_fetcher.hpp"
#include "sim/stream_bridge.hpp"

namespace fantail::sim {

class KafkaSide {
public:
    KafkaSide(World& world, SimulatedNode& node, const LogTopology& topology)
        : world_(world),
          topology_(topology),
          transactions_(world),
          model_(world, transactions_),
          groups_(world),
          around_{world, node, model_, transactions_, topology} {}

    /// Without topics there is nothing to do, and everything is done.
    [[nodiscard]] bool idle() const { return topology_.topics.empty(); }
    /// Makes the topics.
    void declare();
    [[nodiscard]] bool declared() const { return idle() || declared_; }
    void start_clients(Random random, std::size_t most);
    void rest();
    void leave();
    /// Whether clients wait for nothing; else what for.
    [[nodiscard]] std::string unanswered() const;
    /// Clients have rested for long, and nothing was broken.
    void judge_rest();
    /// Reads all logs and judges them.
    void audit();
    [[nodiscard]] bool audited() const { return idle() || audited_; }
    [[nodiscard]] LogModel& model() { return model_; }
    /// The node is down.
    void restarted() {
        model_.restarted();
        transactions_.restarted();
    }

private:
    void make_topics();
    void start_transactors(std::size_t most);
    void read_logs(bool committed_only);
    void read_on(bool committed_only);
    void look_at(const PartitionSpec& partition, const FetchedBatch& batch);
    void read_loops();
    void look_at_groups();
    void look_at_assigned(const GroupSpec& group);
    void look_at_classic(const GroupSpec& group);
    void found_members(const GroupSpec& group, std::size_t members);

    World& world_;
    const LogTopology& topology_;
    TransactionModel transactions_;
    LogModel model_;
    GroupModel groups_;
    KafkaSurroundings around_;
    std::shared_ptr<KafkaPeer> peer_;
    std::unique_ptr<Fetcher> fetcher_;
    using Writer = std::pair<const PartitionSpec*, std::int64_t>;
    std::map<Writer, Transaction*> open_;  ///< as the auditor finds them, by producer
    std::vector<std::unique_ptr<KafkaClient>> clients_;
    std::vector<std::unique_ptr<StreamBridge>> bridges_;
    Random random_{0};
    std::int64_t audited_at_ = 0;
    std::size_t groups_left_ = 0;  ///< to be looked at
    bool declared_ = false;
    bool audited_ = false;
};

}  // namespace fantail::sim
