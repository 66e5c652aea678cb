// SPDX-License-Identifier: Apache-2.0
//! A simulated member of a consumer group: joins, shares, reads, commits, and leaves in every way.
#pragma once

#include "protocols/kafka/groups_client.hpp"
#include "sim/group_model.hpp"
#include "sim/group_reader.hpp"
#include "sim/kafka_client.hpp"

namespace fantail::sim {

/// Its first connection is to the coordinator; a second one fetches, as with Kafka's own clients.
class KafkaMember final : public KafkaClient {
public:
    KafkaMember(const KafkaSurroundings& around, GroupModel& groups, const GroupSpec& group, std::uint64_t number);
    [[nodiscard]] std::string unanswered() const override;

private:
    enum class State : std::uint8_t { out, joining, sharing, stable };

    void on_open() override;
    void on_gone() override;
    void act() override;
    void say_good_bye() override;

    void join();
    void on_joined(const kafka::JoinGroupResponse& response);
    [[nodiscard]] Shares share_out(const kafka::JoinGroupResponse& response) const;
    [[nodiscard]] static Shares by_name(const kafka::JoinGroupResponse& response, const Shares& shares);
    void sync(const Shares& shares);
    void on_synced(const kafka::SyncGroupResponse& response);
    void fetch_offsets(const Share& share);
    void on_offsets(const kafka::OffsetFetchResponse& response, std::int64_t asked_at);
    void heartbeat();
    void tell_old(std::int32_t generation);
    void commit();
    void on_committed(const kafka::OffsetCommitResponse& response,
                      const std::map<const PartitionSpec*, std::uint64_t>& numbers, std::int32_t newest);
    void depart();
    /// What an error means for it. \return whether there is one
    bool heed(kafka::ApiError error, const char* what);
    void join_later();
    void stop_reading();

    GroupModel& groups_;
    const GroupSpec& group_;
    GroupReader reader_;
    std::int32_t session_timeout_ms_;
    std::int32_t rebalance_timeout_ms_;
    std::string instance_;  ///< empty: not a static member
    std::string member_;
    std::int32_t generation_ = -1;
    State state_ = State::out;
    std::uint64_t epoch_ = 0;  ///< of what it has
    std::int64_t next_heartbeat_ = 0;
    bool heartbeat_under_way_ = false;
    bool commit_under_way_ = false;
};

}  // namespace fantail::sim
