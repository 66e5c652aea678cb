// SPDX-License-Identifier: Apache-2.0
//! Where logs begin and end: ListOffsets, DeleteRecords, OffsetForLeaderEpoch.
#include "protocols/kafka/data_messages.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/topic_names.hpp"

namespace fantail::kafka {

namespace {

/// Times that stand for a place (ListOffsets).
enum SpecialTime : std::int64_t {
    latest = -1,
    earliest = -2,
    max_timestamp = -3,
    earliest_local = -4,
    latest_tiered = -5
};

class ListOffsetsExchange final : public GatheringExchange<ListOffsetsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            const bool may = link().may(broker::Operation::read, topic.name);
            for (const auto& partition : topic.partitions) {
                auto& out = answers_.emplace_back();
                out.partition_index = partition.partition_index;
                const QueueId log = partition_of(found, partition.partition_index);
                if (!may) out.error_code = ApiError::topic_authorization_failed;
                else if (log == QueueId()) out.error_code = ApiError::unknown_topic_or_partition;
                else look_up(answers_.size() - 1, log, partition.timestamp);
            }
        }
        asked_all();
    }

    void look_up(std::size_t place, QueueId log, std::int64_t timestamp) {
        using broker::OffsetQuery;
        broker::FindOffset question{log, OffsetQuery::at_time, {timestamp}, request().isolation_level == 1};
        switch (timestamp) {
            case latest:
                question.query = request().isolation_level == 1 ? OffsetQuery::stable_end : OffsetQuery::end;
                break;
            case earliest:
            case earliest_local: question.query = OffsetQuery::start; break;
            case max_timestamp: question.query = OffsetQuery::newest_time; break;
            case latest_tiered: return;  // there is no other tier: no offset
            default:
                if (timestamp < 0) {
                    answers_[place].error_code = ApiError::invalid_request;
                    return;
                }
        }
        ask(place, shard_of(log), question);
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& found = std::get<broker::OffsetFound>(event);
        auto& out = answers_[place];
        out.error_code = api_error(found.outcome);
        if (!found.offset) return;
        out.offset = static_cast<std::int64_t>(found.offset->value);
        out.leader_epoch = 0;
        if (found.time) out.timestamp = found.time->ms;
    }

    void finish() override {
        ListOffsetsResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (std::size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(answers_[at++]);
        }
        respond(response);
    }

    std::vector<ListOffsetsResponse::Partition> answers_;
};

class DeleteRecordsExchange final : public GatheringExchange<DeleteRecordsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            const bool may = link().may(broker::Operation::configure, topic.name);
            for (const auto& partition : topic.partitions) {
                auto& out = answers_.emplace_back();
                out.partition_index = partition.partition_index;
                out.low_watermark = -1;
                const QueueId log = partition_of(found, partition.partition_index);
                if (!may) out.error_code = ApiError::topic_authorization_failed;
                else if (log == QueueId()) out.error_code = ApiError::unknown_topic_or_partition;
                else if (found->options.log.compact) out.error_code = ApiError::policy_violation;
                else if (partition.offset < -1) out.error_code = ApiError::offset_out_of_range;
                else trim(answers_.size() - 1, log, partition.offset);
            }
        }
        asked_all();
    }

    void trim(std::size_t place, QueueId log, std::int64_t before) {
        broker::TrimLog command{log, std::nullopt};
        if (before >= 0) command.before = Offset(static_cast<std::uint64_t>(before));
        ask(place, shard_of(log), command);
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& trimmed = std::get<broker::LogTrimmed>(event);
        answers_[place].error_code = api_error(trimmed.outcome);
        if (trimmed.outcome == broker::LogOutcome::ok)
            answers_[place].low_watermark = static_cast<std::int64_t>(trimmed.start.value);
    }

    void finish() override {
        DeleteRecordsResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (std::size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(answers_[at++]);
        }
        respond(response);
    }

    std::vector<DeleteRecordsResponse::Partition> answers_;
};

/// There was never another epoch than 0, so that its end is the log's.
class OffsetForLeaderEpochExchange final : public GatheringExchange<OffsetForLeaderEpochRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.topic);
            const bool may = link().may(broker::Operation::read, topic.topic);
            for (const auto& partition : topic.partitions) {
                auto& out = answers_.emplace_back();
                out.partition = partition.partition;
                const QueueId log = partition_of(found, partition.partition);
                if (!may) out.error_code = ApiError::topic_authorization_failed;
                else if (log == QueueId()) out.error_code = ApiError::unknown_topic_or_partition;
                else if (partition.current_leader_epoch > 0) out.error_code = ApiError::unknown_leader_epoch;
                else if (partition.leader_epoch == 0)
                    ask(answers_.size() - 1, shard_of(log),
                        broker::FindOffset{log, broker::OffsetQuery::end, {}, false});
            }
        }
        asked_all();
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& found = std::get<broker::OffsetFound>(event);
        answers_[place].error_code = api_error(found.outcome);
        if (!found.offset) return;
        answers_[place].leader_epoch = 0;
        answers_[place].end_offset = static_cast<std::int64_t>(found.offset->value);
    }

    void finish() override {
        OffsetForLeaderEpochResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.topic = topic.topic;
            for (std::size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(answers_[at++]);
        }
        respond(response);
    }

    std::vector<OffsetForLeaderEpochResponse::Partition> answers_;
};

}  // namespace

std::unique_ptr<Exchange> make_list_offsets(Link& link, const RequestHeader& header) {
    return std::make_unique<ListOffsetsExchange>(link, header);
}
std::unique_ptr<Exchange> make_delete_records(Link& link, const RequestHeader& header) {
    return std::make_unique<DeleteRecordsExchange>(link, header);
}
std::unique_ptr<Exchange> make_offset_for_leader_epoch(Link& link, const RequestHeader& header) {
    return std::make_unique<OffsetForLeaderEpochExchange>(link, header);
}

}  // namespace fantail::kafka
