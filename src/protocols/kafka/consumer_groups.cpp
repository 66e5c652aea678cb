// SPDX-License-Identifier: Apache-2.0
//! Groups that assign by themselves (KIP-848): ConsumerGroupHeartbeat, ConsumerGroupDescribe.
#include <map>

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/group_exchange.hpp"
#include "protocols/kafka/groups_messages.hpp"

namespace fantail::kafka {

namespace {

constexpr std::string_view uniform_name = "uniform", range_name = "range";

std::optional<broker::Assignor> assignor_of(std::string_view name) {
    if (name == uniform_name) return broker::Assignor::uniform;
    if (name == range_name) return broker::Assignor::range;
    return std::nullopt;
}

std::string_view name_of(broker::Assignor assignor) {
    switch (assignor) {
        case broker::Assignor::uniform: return uniform_name;
        case broker::Assignor::range: return range_name;
        case broker::Assignor::none: break;
    }
    return "";
}

/// A request that the broker does not even look at, and why.
struct Refusal {
    ApiError error = ApiError::none;
    std::string_view message{};
};

/// What is wrong with the request by itself, whatever the group is; as Kafka checks it.
Refusal check_request(const ConsumerGroupHeartbeatRequest& request, std::int16_t version) {
    const auto invalid = [](std::string_view why) { return Refusal{ApiError::invalid_request, why}; };
    const bool names_itself = version >= 1 || request.member_epoch > 0 || request.member_epoch == broker::epoch_leaves;
    if (names_itself && request.member_id.empty()) return invalid("MemberId can't be empty.");
    if (request.group_id.empty()) return invalid("GroupId can't be empty.");
    if (request.instance_id && request.instance_id->empty()) return invalid("InstanceId can't be empty.");
    if (request.rack_id && request.rack_id->empty()) return invalid("RackId can't be empty.");
    if (request.member_epoch < broker::epoch_pauses) return invalid("MemberEpoch is invalid.");
    if (request.member_epoch == broker::epoch_pauses && !request.instance_id)
        return invalid("InstanceId can't be null.");
    if (request.member_epoch == broker::epoch_joins) {
        if (request.rebalance_timeout_ms == -1) return invalid("RebalanceTimeoutMs must be provided in first request.");
        if (!request.topic_partitions || !request.topic_partitions->empty())
            return invalid("TopicPartitions must be empty when (re-)joining.");
        if (!request.subscribed_topic_names && !request.subscribed_topic_regex)
            return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
    }
    if (request.server_assignor && !assignor_of(*request.server_assignor))
        return {ApiError::unsupported_assignor,
                "ServerAssignor is not supported. Supported assignors: uniform, range."};
    return {};
}

std::string_view message_of(broker::GroupOutcome outcome) {
    switch (outcome) {
        case broker::GroupOutcome::not_found: return "The group is not found, or is not a consumer group.";
        case broker::GroupOutcome::unknown_member: return "The member is not a member of the group.";
        case broker::GroupOutcome::fenced_epoch: return "The member's epoch is not the one that the group gave it.";
        case broker::GroupOutcome::fenced_instance: return "Another member has the instance id.";
        case broker::GroupOutcome::unreleased_instance: return "The instance id is still owned by another member.";
        case broker::GroupOutcome::invalid_pattern: return "SubscribedTopicRegex is not a valid regular expression.";
        case broker::GroupOutcome::full: return "The group has reached its maximum capacity.";
        default: return "";
    }
}

/// A member's partitions, a topic at a time.
template <class Topic>
std::vector<Topic> by_topic(const broker::Partitions& partitions) {
    std::vector<Topic> out;
    for (const broker::TopicPartition& each : partitions) {
        const Uuid topic = to_uuid(each.topic);
        if (out.empty() || out.back().topic_id != topic) out.emplace_back().topic_id = topic;
        out.back().partitions.push_back(static_cast<std::int32_t>(each.index));
    }
    return out;
}

class ConsumerGroupHeartbeatExchange final : public GroupExchange<ConsumerGroupHeartbeatRequest> {
    using GroupExchange::GroupExchange;

    void start() override {
        const auto& r = request();
        const Refusal refusal = check_request(r, version());
        if (refusal.error != ApiError::none) return refuse(refusal.error, refusal.message);
        if (!may(r.group_id)) return refuse(ApiError::group_authorization_failed, "");
        for (const std::string_view topic : r.subscribed_topic_names.value_or(std::vector<std::string_view>{}))
            if (!link().may(broker::Operation::read, topic)) return refuse(ApiError::topic_authorization_failed, "");
        ask(r.group_id, beat());
    }

    [[nodiscard]] broker::AssignedHeartbeat beat() const {
        const auto& r = request();
        broker::AssignedHeartbeat beat;
        beat.member = r.member_id;
        beat.epoch = r.member_epoch;
        beat.instance = owned(r.instance_id);
        beat.rack = owned(r.rack_id);
        beat.client_id = link().client_id();
        beat.client_host = link().client_host();
        beat.user = link().user();
        beat.vhost = link().vhost();
        if (r.rebalance_timeout_ms >= 0) beat.rebalance_timeout_ms = r.rebalance_timeout_ms;
        if (r.subscribed_topic_names)
            beat.topics.emplace(r.subscribed_topic_names->begin(), r.subscribed_topic_names->end());
        beat.pattern = owned(r.subscribed_topic_regex);
        if (r.server_assignor) beat.assignor = assignor_of(*r.server_assignor);
        if (r.topic_partitions) beat.owned = owned_partitions();
        return beat;
    }
    [[nodiscard]] broker::Partitions owned_partitions() const {
        broker::Partitions out;
        for (const auto& topic : *request().topic_partitions)
            for (const std::int32_t index : topic.partitions)
                out.push_back({to_topic_id(topic.topic_id), static_cast<std::uint32_t>(index)});
        std::ranges::sort(out);
        const auto twice = std::ranges::unique(out);
        out.erase(twice.begin(), twice.end());
        return out;
    }

    void answered(broker::GroupAnswer& answer) override {
        const auto& heard = std::get<broker::AssignedHeard>(answer);
        if (heard.outcome != broker::GroupOutcome::ok)
            return refuse(group_error(heard.outcome), message_of(heard.outcome));
        ConsumerGroupHeartbeatResponse response;
        response.member_id = heard.member;
        response.member_epoch = heard.epoch;
        response.heartbeat_interval_ms = heard.heartbeat_ms;
        if (heard.partitions) {
            using Topic = ConsumerGroupHeartbeatResponse::TopicPartitions;
            response.assignment.emplace().topic_partitions = by_topic<Topic>(*heard.partitions);
        }
        respond(response);
    }
    void refuse(ApiError error, std::string_view message) {
        ConsumerGroupHeartbeatResponse response;
        response.error_code = error;
        if (!message.empty()) response.error_message = message;
        respond(response);
    }
};

class ConsumerGroupDescribeExchange final : public GatheringExchange<ConsumerGroupDescribeRequest> {
    using GatheringExchange::GatheringExchange;
    using Response = ConsumerGroupDescribeResponse;

    void start() override {
        const auto& ids = request().group_ids;
        answers_.resize(ids.size());
        errors_.resize(ids.size(), ApiError::none);
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (ids[i].empty()) errors_[i] = ApiError::invalid_group_id;
            else if (!link().may(broker::Operation::read, ids[i])) errors_[i] = ApiError::group_authorization_failed;
            else ask(i, link().shard_of_group(ids[i]), group_command(ids[i], broker::DescribeAssigned{}));
        }
        asked_all();
    }
    void take(std::size_t place, broker::Event& event) override {
        answers_[place] =
            std::move(std::get<broker::AssignedDescribed>(*std::get<broker::GroupAnswered>(event).answer));
        errors_[place] = group_error(answers_[place].outcome);
        if (errors_[place] == ApiError::none && !may_see(answers_[place]))
            errors_[place] = ApiError::topic_authorization_failed;
    }
    /// Who may not see one of the topics is not shown the group.
    [[nodiscard]] bool may_see(const broker::AssignedDescribed& group) const {
        const auto may = [this](const broker::Partitions& partitions) {
            return std::ranges::all_of(partitions, [this](const broker::TopicPartition& each) {
                const broker::TopicDefinition* topic = link().catalog().topic(each.topic);
                return topic == nullptr || link().may(broker::Operation::read, topic->name);
            });
        };
        return std::ranges::all_of(group.members, [&](const auto& each) {
            return may(each.partitions) && may(each.target) &&
                   std::ranges::all_of(each.topics, [this](const std::string& name) {
                       return link().may(broker::Operation::read, name);
                   });
        });
    }
    void finish() override {
        Response response;
        for (std::size_t i = 0; i < answers_.size(); ++i) {
            auto& out = response.groups.emplace_back();
            out.group_id = request().group_ids[i];
            out.error_code = errors_[i];
            if (errors_[i] == ApiError::group_id_not_found)
                out.error_message = "The group is not found, or is not a consumer group.";
            if (errors_[i] == ApiError::none) fill(answers_[i], out);
        }
        respond(response);
    }
    void fill(const broker::AssignedDescribed& group, Response::Group& out) const {
        out.group_state = group_state_name(group.state);
        out.group_epoch = group.epoch;
        out.assignment_epoch = group.assignment_epoch;
        out.assignor_name = name_of(group.assignor);
        for (const broker::AssignedMemberFigures& each : group.members) {
            auto& member = out.members.emplace_back();
            member.member_id = each.member;
            if (each.instance) member.instance_id = *each.instance;
            if (each.rack) member.rack_id = *each.rack;
            member.member_epoch = each.epoch;
            member.client_id = each.client_id;
            member.client_host = each.client_host;
            member.subscribed_topic_names = {each.topics.begin(), each.topics.end()};
            member.subscribed_topic_regex = each.pattern;
            member.assignment.topic_partitions = named(each.partitions);
            member.target_assignment.topic_partitions = named(each.target);
            member.member_type = 1;  // of the consumer protocol, not of the classic one
        }
    }
    /// Topics that are gone have no name: what members still have of them is not told.
    [[nodiscard]] std::vector<Response::TopicPartitions> named(const broker::Partitions& partitions) const {
        auto out = by_topic<Response::TopicPartitions>(partitions);
        std::erase_if(out, [this](auto& each) {
            const broker::TopicDefinition* topic = link().catalog().topic(to_topic_id(each.topic_id));
            if (topic != nullptr) each.topic_name = topic->name;
            return topic == nullptr;
        });
        return out;
    }
    std::vector<broker::AssignedDescribed> answers_;
    std::vector<ApiError> errors_;
};

}  // namespace

std::unique_ptr<Exchange> make_consumer_group_heartbeat(Link& link, const RequestHeader& header) {
    return std::make_unique<ConsumerGroupHeartbeatExchange>(link, header);
}
std::unique_ptr<Exchange> make_consumer_group_describe(Link& link, const RequestHeader& header) {
    return std::make_unique<ConsumerGroupDescribeExchange>(link, header);
}

}  // namespace fantail::kafka
