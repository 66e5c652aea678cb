// SPDX-License-Identifier: Apache-2.0
//! Topics made and deleted: CreateTopics, DeleteTopics, CreatePartitions, ListPartitionReassignments.
#include "protocols/kafka/topics_messages.hpp"

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/topic_settings.hpp"

namespace fantail::kafka {

namespace {

/// What happened to one topic of a request.
struct Fate {
    ApiError error = ApiError::none;
    std::string reason;
    TopicId topic;
};

ApiError error_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::already_exists: return ApiError::topic_already_exists;
        case ErrorCode::precondition_failed: return ApiError::invalid_partitions;
        case ErrorCode::not_found: return ApiError::unknown_topic_or_partition;
        case ErrorCode::malformed: return ApiError::invalid_topic_exception;
        case ErrorCode::no_space: return ApiError::policy_violation;
        default: return api_error(error.code);
    }
}

void note(Fate& fate, const broker::Event& event) {
    const auto& reply = std::get<broker::AdminReply>(event);
    fate.topic = reply.topic;
    if (reply.outcome) return;
    fate.error = error_of(reply.outcome.error());
    fate.reason = reply.outcome.error().message;
}

class CreateTopicsExchange final : public GatheringExchange<CreateTopicsRequest> {
    using GatheringExchange::GatheringExchange;
    using Topic = CreateTopicsRequest::Topic;

    void start() override {
        fates_.resize(request().topics.size());
        for (std::size_t i = 0; i < fates_.size(); ++i) create(i);
        asked_all();
    }

    void create(std::size_t place) {
        const Topic& topic = request().topics[place];
        Fate& fate = fates_[place];
        const auto same_name = [&](const Topic& other) { return other.name == topic.name; };
        if (!is_valid_topic_name(topic.name))
            return refuse(fate, ApiError::invalid_topic_exception, "Topic name is illegal");
        if (std::ranges::count_if(request().topics, same_name) > 1)
            return refuse(fate, ApiError::invalid_request, "Duplicate topic name.");
        if (!link().may(broker::Operation::configure, topic.name))
            return refuse(fate, ApiError::topic_authorization_failed, "Topic authorization failed.");
        if (link().catalog().topic(link().vhost(), topic.name) != nullptr)
            return refuse(fate, ApiError::topic_already_exists,
                          "Topic '" + std::string(topic.name) + "' already exists.");
        const std::int32_t count = partition_count(topic);
        if (count <= 0)
            return refuse(fate, ApiError::invalid_partitions, "Number of partitions must be larger than 0.");
        if (topic.assignments.empty() && topic.replication_factor != -1 && topic.replication_factor != 1)
            return refuse(fate, ApiError::invalid_replication_factor,
                          "There is one broker: the replication factor is 1.");
        if (!topic.assignments.empty() && !are_ours(topic))
            return refuse(fate, ApiError::invalid_replica_assignment,
                          "Partitions from 0 without gaps, on this broker alone.");
        send(place, topic, static_cast<std::uint32_t>(count));
    }

    void send(std::size_t place, const Topic& topic, std::uint32_t count) {
        broker::CreateTopic command;
        command.definition.vhost = link().vhost();
        command.definition.name = topic.name;
        for (const auto& config : topic.configs) {
            if (config.value) command.definition.settings.emplace_back(config.name, *config.value);
        }
        const auto options = topic_options(command.definition.settings);
        if (!options) return refuse(fates_[place], ApiError::invalid_config, options.error().message);
        command.definition.options = *options;
        command.partition_count = count;
        command.only_check = request().validate_only;
        ask(place, std::move(command));
    }

    static void refuse(Fate& fate, ApiError error, std::string reason) {
        fate.error = error;
        fate.reason = std::move(reason);
    }

    [[nodiscard]] std::int32_t partition_count(const Topic& topic) const {
        if (!topic.assignments.empty()) return static_cast<std::int32_t>(topic.assignments.size());
        return topic.num_partitions == -1 ? static_cast<std::int32_t>(link().options().partitions_default)
                                          : topic.num_partitions;
    }

    [[nodiscard]] bool are_ours(const Topic& topic) const {
        std::vector<bool> seen(topic.assignments.size());
        for (const auto& each : topic.assignments) {
            if (each.broker_ids != std::vector{link().options().node_id}) return false;
            const auto index = static_cast<std::size_t>(each.partition_index);
            if (each.partition_index < 0 || index >= seen.size() || seen[index]) return false;
            seen[index] = true;
        }
        return true;
    }

    void take(std::size_t place, broker::Event& event) override { note(fates_[place], event); }

    void finish() override {
        CreateTopicsResponse response;
        for (std::size_t i = 0; i < fates_.size(); ++i) {
            const Topic& topic = request().topics[i];
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            out.error_code = fates_[i].error;
            if (out.error_code != ApiError::none) {
                out.error_message = fates_[i].reason;
                continue;
            }
            out.topic_id = to_uuid(fates_[i].topic);
            out.num_partitions = partition_count(topic);
            out.replication_factor = 1;
            out.configs = settings_of(topic);
        }
        respond(response);
    }

    [[nodiscard]] static std::vector<CreateTopicsResponse::Config> settings_of(const Topic& topic) {
        constexpr std::int8_t from_default = 5;
        constexpr std::int8_t from_topic = 1;
        std::vector<CreateTopicsResponse::Config> out;
        for (const TopicSetting& setting : topic_settings()) {
            const auto at = std::ranges::find(topic.configs, setting.name, &CreateTopicsRequest::Config::name);
            const bool set = at != topic.configs.end() && at->value;
            out.push_back(
                {setting.name, set ? *at->value : setting.fallback, false, set ? from_topic : from_default, false});
        }
        return out;
    }

    std::vector<Fate> fates_;
};

class DeleteTopicsExchange final : public GatheringExchange<DeleteTopicsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (const std::string_view name : request().topic_names) remove(name, {});
        for (const auto& topic : request().topics) remove(topic.name, topic.topic_id);
        asked_all();
    }

    void remove(std::optional<std::string_view> name, const Uuid& id) {
        const broker::TopicDefinition* topic =
            name ? link().catalog().topic(link().vhost(), *name) : link().catalog().topic(to_topic_id(id));
        Wanted& wanted = wanted_.emplace_back();
        wanted.name = name;
        wanted.id = topic != nullptr ? to_uuid(topic->id) : id;
        if (topic != nullptr && !name) wanted.found_name = topic->name;
        if (topic == nullptr) {
            wanted.fate.error = name ? ApiError::unknown_topic_or_partition : ApiError::unknown_topic_id;
        } else if (!link().may(broker::Operation::configure, topic->name)) {
            wanted.fate.error = ApiError::topic_authorization_failed;
        } else {
            ask(wanted_.size() - 1, broker::DeleteTopic{topic->id});
        }
    }

    void take(std::size_t place, broker::Event& event) override { note(wanted_[place].fate, event); }

    void finish() override {
        DeleteTopicsResponse response;
        for (const Wanted& wanted : wanted_) {
            auto& out = response.responses.emplace_back();
            out.name = wanted.name;
            if (!wanted.found_name.empty()) out.name = wanted.found_name;
            out.topic_id = wanted.id;
            out.error_code = wanted.fate.error;
            if (!wanted.fate.reason.empty()) out.error_message = wanted.fate.reason;
        }
        respond(response);
    }

    struct Wanted {
        std::optional<std::string_view> name;
        std::string found_name;
        Uuid id;
        Fate fate;
    };
    std::vector<Wanted> wanted_;
};

class CreatePartitionsExchange final : public GatheringExchange<CreatePartitionsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        fates_.resize(request().topics.size());
        for (std::size_t i = 0; i < fates_.size(); ++i) {
            const auto& wanted = request().topics[i];
            const broker::TopicDefinition* topic = link().catalog().topic(link().vhost(), wanted.name);
            if (topic == nullptr) fates_[i].error = ApiError::unknown_topic_or_partition;
            else if (!link().may(broker::Operation::configure, wanted.name))
                fates_[i].error = ApiError::topic_authorization_failed;
            else if (wanted.count < 0) fates_[i].error = ApiError::invalid_partitions;
            else
                ask(i, broker::AddPartitions{topic->id, static_cast<std::uint32_t>(wanted.count),
                                             request().validate_only});
        }
        asked_all();
    }
    void take(std::size_t place, broker::Event& event) override { note(fates_[place], event); }
    void finish() override {
        CreatePartitionsResponse response;
        for (std::size_t i = 0; i < fates_.size(); ++i) {
            auto& out = response.results.emplace_back();
            out.name = request().topics[i].name;
            out.error_code = fates_[i].error;
            if (!fates_[i].reason.empty()) out.error_message = fates_[i].reason;
        }
        respond(response);
    }
    std::vector<Fate> fates_;
};

/// One broker has nothing to reassign.
class ListPartitionReassignmentsExchange final : public ExchangeOf<ListPartitionReassignmentsRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override { respond(ListPartitionReassignmentsResponse{}); }
};

}  // namespace

std::unique_ptr<Exchange> make_create_topics(Link& link, const RequestHeader& header) {
    return std::make_unique<CreateTopicsExchange>(link, header);
}
std::unique_ptr<Exchange> make_delete_topics(Link& link, const RequestHeader& header) {
    return std::make_unique<DeleteTopicsExchange>(link, header);
}
std::unique_ptr<Exchange> make_create_partitions(Link& link, const RequestHeader& header) {
    return std::make_unique<CreatePartitionsExchange>(link, header);
}
std::unique_ptr<Exchange> make_list_partition_reassignments(Link& link, const RequestHeader& header) {
    return std::make_unique<ListPartitionReassignmentsExchange>(link, header);
}

}  // namespace fantail::kafka
