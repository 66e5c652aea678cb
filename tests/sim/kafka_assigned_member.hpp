// SPDX-License-Identifier: Apache-2.0
//! A simulated member of a group that assigns by itself (KIP-848): heartbeats, lets go, reads, commits, and leaves in every way.
#pragma once

#include "protocols/kafka/groups_client.hpp"
#include "sim/group_model.hpp"
#include "sim/group_reader.hpp"
#include "sim/kafka_client.hpp"

namespace fantail::sim {

/// It uses a partition from the heartbeat that gives it until it lets go of it, is told that it is out, or must take itself for
/// out, by its own clock. It goes on with its heartbeats while it rests.
class KafkaAssignedMember final : public KafkaClient {
public:
    KafkaAssignedMember(const KafkaSurroundings& around, GroupModel& groups, const GroupSpec& group,
                        std::uint64_t number);
    [[nodiscard]] std::string unanswered() const override;
    [[nodiscard]] const GroupSpec* given_by() const override;

private:
    /// A heartbeat that is under way.
    struct Beat {
        std::int64_t at = 0;
        std::uint64_t life = 0;
        std::int32_t epoch = 0;
        bool let_go = false;  ///< it says that the member uses no more than it may
    };

    void on_open() override;
    void on_gone() override;
    void act() override;
    void say_good_bye() override;

    // Who it is.
    void learn_topics();
    void rename();
    void choose();
    void become_another();
    void depart();
    /// It has nothing any more, and joins anew.
    void lose();

    // Heartbeats.
    void tick();
    void keep_time();
    void beat();
    void introduce(kafka::ConsumerGroupHeartbeatRequest& request) const;
    [[nodiscard]] std::vector<kafka::ConsumerGroupHeartbeatRequest::TopicPartitions> owned() const;
    void heard(const kafka::ConsumerGroupHeartbeatResponse& response, const Beat& sent);
    void heed(kafka::ApiError error);
    void told(const kafka::ConsumerGroupHeartbeatResponse::Assignment& assignment, std::int64_t since);
    void let_go();
    void tell_old(std::int32_t epoch);
    /// For how long it may go unheard.
    [[nodiscard]] std::int64_t patience() const;

    // Offsets.
    void find_places();
    void on_places(const kafka::OffsetFetchResponse& response, std::int64_t asked_at);
    void commit();
    void on_committed(const kafka::OffsetCommitResponse& response,
                      const std::map<const PartitionSpec*, std::uint64_t>& numbers);
    void check(kafka::ApiError error, const char* what) const;

    GroupModel& groups_;
    const GroupSpec& group_;
    GroupReader reader_;
    std::int16_t version_;
    std::int32_t rebalance_timeout_ms_;
    std::string instance_;  ///< empty: not a static member
    std::string pattern_;   ///< by which it chooses all topics; empty: by names
    std::set<const TopicSpec*> topics_;
    std::map<const TopicSpec*, kafka::Uuid> ids_;
    std::string member_;
    std::uint64_t names_ = 0;
    std::int32_t epoch_ = 0;  ///< 0: it is to join
    std::uint64_t life_ = 0;  ///< what was asked in another is not heard
    Share told_;              ///< what it may use
    Share uses_;
    std::int64_t next_beat_ = 0;
    std::int64_t heard_at_ = 0;        ///< when it sent what was answered last
    std::int64_t unheard_since_ = -1;  ///< when it sent the first that was not; -1: none
    std::int64_t slow_since_ = -1;     ///< since when it is to let go of something; -1: of nothing
    bool ticking_ = false;
    bool beat_under_way_ = false;
    bool tell_all_ = true;  ///< of itself: something may have been lost
    bool changed_ = false;  ///< what it uses, and the group does not know it
    bool finding_ = false;
    bool commit_under_way_ = false;
};

}  // namespace fantail::sim
