// SPDX-License-Identifier: Apache-2.0
//! The offsets that groups commit: OffsetCommit, OffsetFetch, OffsetDelete.
#include <list>
#include <map>

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/group_errors.hpp"
#include "protocols/kafka/groups_messages.hpp"
#include "protocols/kafka/topic_names.hpp"

namespace fantail::kafka {

namespace {

class OffsetCommitExchange final : public ExchangeOf<OffsetCommitRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        broker::CommitOffsets commit;
        commit.generation = request().generation_id_or_member_epoch;
        commit.member = request().member_id;
        if (request().group_instance_id) commit.instance = *request().group_instance_id;
        const ApiError group_refused = check_group();
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = find(topic);
            for (const auto& partition : topic.partitions) {
                const QueueId log = partition_of(found, partition.partition_index);
                ApiError error = group_refused;
                if (error == ApiError::none) error = check(topic, found, log);
                errors_.push_back(error);
                if (error != ApiError::none) continue;
                places_.push_back(errors_.size() - 1);
                // A negative one goes through as it is: kafkajs resets a group by committing -1 or -2.
                commit.offsets.push_back({log, Offset(static_cast<std::uint64_t>(partition.committed_offset)),
                                          partition.committed_leader_epoch,
                                          std::string(partition.committed_metadata.value_or(""))});
            }
        }
        // A commit of nothing is still asked: it says whether the member is one.
        if (group_refused != ApiError::none || (commit.offsets.empty() && !errors_.empty())) return finish();
        link().send(*this, link().shard_of_group(request().group_id),
                    group_command(request().group_id, std::move(commit)));
    }

    [[nodiscard]] ApiError check_group() const {
        if (request().group_id.empty()) return ApiError::invalid_group_id;
        return link().may(broker::Operation::read, request().group_id) ? ApiError::none
                                                                       : ApiError::group_authorization_failed;
    }

    [[nodiscard]] const broker::TopicDefinition* find(const OffsetCommitRequest::Topic& topic) const {
        return version() < 10 ? link().catalog().topic(link().vhost(), topic.name)
                              : link().catalog().topic(to_topic_id(topic.topic_id));
    }

    [[nodiscard]] ApiError check(const OffsetCommitRequest::Topic& wanted, const broker::TopicDefinition* topic,
                                 QueueId log) const {
        if (topic == nullptr && version() >= 10) return ApiError::unknown_topic_id;
        const std::string_view name = topic != nullptr ? std::string_view(topic->name) : wanted.name;
        if (!link().may(broker::Operation::read, name)) return ApiError::topic_authorization_failed;
        return log == QueueId() ? ApiError::unknown_topic_or_partition : ApiError::none;
    }

    void on_event(broker::Event& event) override {
        const auto& committed = std::get<broker::OffsetsCommitted>(*std::get<broker::GroupAnswered>(event).answer);
        for (std::size_t i = 0; i < places_.size(); ++i) {
            const bool each = committed.outcome == broker::GroupOutcome::ok && i < committed.logs.size();
            errors_[places_[i]] = error_of(each ? committed.logs[i] : committed.outcome);
        }
        finish();
    }

    /// A group that is not there is, to who commits as its member, one that does not know the member.
    [[nodiscard]] ApiError error_of(broker::GroupOutcome outcome) const {
        if (outcome == broker::GroupOutcome::not_found)
            return version() >= 9 ? ApiError::group_id_not_found : ApiError::illegal_generation;
        return group_error(outcome);
    }

    void finish() {
        OffsetCommitResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            out.topic_id = topic.topic_id;
            for (const auto& partition : topic.partitions)
                out.partitions.push_back({partition.partition_index, errors_[at++]});
        }
        respond(response);
    }

    std::vector<ApiError> errors_;     ///< a partition
    std::vector<std::size_t> places_;  ///< of those that were sent to the group
};

/// One topic of a group as both forms of the request know it.
struct WantedTopic {
    std::string_view name;
    Uuid id;
    std::vector<std::int32_t> partitions;
};
struct WantedGroup {
    std::string_view name;
    std::optional<std::string> member{};
    std::int32_t epoch = -1;
    std::optional<std::vector<WantedTopic>> topics{};
    ApiError error = ApiError::none;
    std::map<QueueId, broker::CommittedOffset> found;
};

/// Up to version 7 of one group, then of several: both are answered from the same list of groups.
class OffsetFetchExchange final : public GatheringExchange<OffsetFetchRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        if (version() < 8) read_single();
        for (const auto& group : request().groups) read(group);
        for (std::size_t i = 0; i < groups_.size(); ++i) ask_group(i);
        asked_all();
    }

    void read_single() {
        WantedGroup& group = groups_.emplace_back();
        group.name = request().group_id;
        if (!request().topics) return;
        group.topics.emplace();
        for (const auto& topic : *request().topics) group.topics->push_back({topic.name, {}, topic.partition_indexes});
    }

    void read(const OffsetFetchRequest::Group& wanted) {
        WantedGroup& group = groups_.emplace_back();
        group.name = wanted.group_id;
        if (wanted.member_id) group.member = *wanted.member_id;
        group.epoch = wanted.member_epoch;
        if (!wanted.topics) return;
        group.topics.emplace();
        for (const auto& topic : *wanted.topics)
            group.topics->push_back({topic.name, topic.topic_id, topic.partition_indexes});
    }

    void ask_group(std::size_t place) {
        WantedGroup& group = groups_[place];
        if (group.name.empty()) group.error = ApiError::invalid_group_id;
        else if (!link().may(broker::Operation::read, group.name)) group.error = ApiError::group_authorization_failed;
        if (group.error != ApiError::none) return;
        broker::FetchOffsets fetch;
        fetch.require_stable = request().require_stable;
        fetch.member = group.member;
        fetch.epoch = group.epoch;
        if (group.topics) {
            auto& logs = fetch.logs.emplace();
            for (const WantedTopic& topic : *group.topics)
                for (const std::int32_t index : topic.partitions)
                    if (const QueueId log = partition_of(find(topic), index); log != QueueId()) logs.push_back(log);
        }
        ask(place, link().shard_of_group(group.name), group_command(group.name, std::move(fetch)));
    }

    [[nodiscard]] const broker::TopicDefinition* find(const WantedTopic& topic) const {
        return version() < 10 ? link().catalog().topic(link().vhost(), topic.name)
                              : link().catalog().topic(to_topic_id(topic.id));
    }

    void take(std::size_t place, broker::Event& event) override {
        auto& fetched = std::get<broker::OffsetsFetched>(*std::get<broker::GroupAnswered>(event).answer);
        WantedGroup& group = groups_[place];
        group.error = group_error(fetched.outcome);
        for (broker::CommittedOffset& each : fetched.offsets) group.found[each.log] = std::move(each);
        if (!group.topics) list_all(group);
    }

    /// The topics that the group has offsets of, as if they had been asked for.
    void list_all(WantedGroup& group) {
        std::map<TopicId, std::vector<std::int32_t>> partitions;
        for (const auto& [log, offset] : group.found) {
            const broker::QueueDefinition* queue = link().catalog().queue(log);
            const broker::TopicDefinition* topic = queue == nullptr ? nullptr : link().catalog().topic(queue->topic);
            if (topic == nullptr || !link().may(broker::Operation::read, topic->name)) continue;
            const auto at = std::ranges::find(topic->partitions, log);
            partitions[topic->id].push_back(static_cast<std::int32_t>(at - topic->partitions.begin()));
        }
        group.topics.emplace();
        for (auto& [id, indexes] : partitions)
            group.topics->push_back(
                {names_.emplace_back(link().catalog().topic(id)->name), to_uuid(id), std::move(indexes)});
    }

    struct Answer {
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;
        std::string_view metadata{};
        ApiError error = ApiError::none;
    };
    [[nodiscard]] Answer answer_of(const WantedGroup& group, const WantedTopic& topic, std::int32_t index) const {
        Answer out;
        const broker::TopicDefinition* found = find(topic);
        const std::string_view name = found != nullptr ? std::string_view(found->name) : topic.name;
        if (group.error != ApiError::none) out.error = group.error;
        else if (found == nullptr && version() >= 10) out.error = ApiError::unknown_topic_id;
        else if (!link().may(broker::Operation::read, name)) out.error = ApiError::topic_authorization_failed;
        const auto at = group.found.find(partition_of(found, index));
        if (out.error != ApiError::none || at == group.found.end()) return out;
        out.error = group_error(at->second.outcome);
        if (!at->second.offset) return out;
        out.offset = static_cast<std::int64_t>(at->second.offset->value);
        out.leader_epoch = at->second.leader_epoch;
        out.metadata = at->second.metadata;
        return out;
    }

    void finish() override {
        OffsetFetchResponse response;
        if (version() < 8) {
            const WantedGroup& group = groups_.front();
            if (version() >= 2) response.error_code = group.error;
            if (group.topics) fill_single(group, response);
        } else {
            for (const WantedGroup& group : groups_) fill(group, response.groups.emplace_back());
        }
        respond(response);
    }

    void fill_single(const WantedGroup& group, OffsetFetchResponse& response) const {
        for (const WantedTopic& topic : *group.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const std::int32_t index : topic.partitions) {
                const Answer answer = answer_of(group, topic, index);
                out.partitions.push_back({index, answer.offset, answer.leader_epoch, answer.metadata, answer.error});
            }
        }
    }

    void fill(const WantedGroup& group, OffsetFetchResponse::Group& out) const {
        out.group_id = group.name;
        out.error_code = group.error;
        if (group.error != ApiError::none || !group.topics) return;
        for (const WantedTopic& topic : *group.topics) {
            auto& to = out.topics.emplace_back();
            to.name = topic.name;
            to.topic_id = topic.id;
            for (const std::int32_t index : topic.partitions) {
                const Answer answer = answer_of(group, topic, index);
                to.partitions.push_back({index, answer.offset, answer.leader_epoch, answer.metadata, answer.error});
            }
        }
    }

    std::vector<WantedGroup> groups_;
    std::list<std::string> names_;  ///< of topics that the request did not name
};

class OffsetDeleteExchange final : public ExchangeOf<OffsetDeleteRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        ApiError refused = ApiError::none;
        if (request().group_id.empty()) refused = ApiError::invalid_group_id;
        else if (!link().may(broker::Operation::configure, request().group_id))
            refused = ApiError::group_authorization_failed;
        if (refused != ApiError::none) return finish(refused);
        broker::DeleteOffsets command;
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            for (const auto& partition : topic.partitions) {
                const QueueId log = partition_of(found, partition.partition_index);
                errors_.push_back(log == QueueId() ? ApiError::unknown_topic_or_partition : ApiError::none);
                if (log == QueueId()) continue;
                places_.push_back(errors_.size() - 1);
                command.offsets.push_back({log, std::string(topic.name)});
            }
        }
        link().send(*this, link().shard_of_group(request().group_id),
                    group_command(request().group_id, std::move(command)));
    }

    void on_event(broker::Event& event) override {
        const auto& deleted = std::get<broker::OffsetsCommitted>(*std::get<broker::GroupAnswered>(event).answer);
        for (std::size_t i = 0; i < places_.size() && i < deleted.logs.size(); ++i)
            errors_[places_[i]] = group_error(deleted.logs[i]);
        finish(group_error(deleted.outcome));
    }

    void finish(ApiError error) {
        OffsetDeleteResponse response;
        response.error_code = error;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            if (error != ApiError::none) break;
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions)
                out.partitions.push_back({partition.partition_index, errors_[at++]});
        }
        respond(response);
    }

    std::vector<ApiError> errors_;
    std::vector<std::size_t> places_;
};

}  // namespace

std::unique_ptr<Exchange> make_offset_commit(Link& link, const RequestHeader& header) {
    return std::make_unique<OffsetCommitExchange>(link, header);
}
std::unique_ptr<Exchange> make_offset_fetch(Link& link, const RequestHeader& header) {
    return std::make_unique<OffsetFetchExchange>(link, header);
}
std::unique_ptr<Exchange> make_offset_delete(Link& link, const RequestHeader& header) {
    return std::make_unique<OffsetDeleteExchange>(link, header);
}

}  // namespace fantail::kafka
