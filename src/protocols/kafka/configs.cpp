// SPDX-License-Identifier: Apache-2.0
//! The settings of topics and of the broker, shown and changed: DescribeConfigs, AlterConfigs, IncrementalAlterConfigs,
//! ListConfigResources.
#include <charconv>
#include <map>
#include <set>

#include "protocols/kafka/admin_messages.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/topic_settings.hpp"

namespace fantail::kafka {

namespace {

enum ResourceType : std::int8_t {
    topic_resource = 2,
    broker_resource = 4,
    broker_logger_resource = 8,
    client_metrics_resource = 16,
    group_resource = 32
};
enum Source : std::int8_t { from_topic = 1, from_static_broker = 4, from_default = 5 };

/// A setting of the broker that clients look at.
struct BrokerSetting {
    std::string_view name;
    SettingType type;
    std::string value;
};

std::vector<BrokerSetting> broker_settings(const KafkaOptions& options) {
    const std::string node = std::to_string(options.node_id);
    const auto truth = [](bool v) { return v ? "true" : "false"; };
    return {
        {"auto.create.topics.enable", SettingType::boolean, truth(options.auto_create_topics)},
        {"broker.id", SettingType::int32, node},
        {"default.replication.factor", SettingType::int32, "1"},
        {"delete.topic.enable", SettingType::boolean, "true"},
        {"log.cleanup.policy", SettingType::list, "delete"},
        {"log.retention.ms", SettingType::int64, "604800000"},
        {"message.max.bytes", SettingType::int32, "1048588"},
        {"min.insync.replicas", SettingType::int32, "1"},
        {"node.id", SettingType::int32, node},
        {"num.partitions", SettingType::int32, std::to_string(options.partitions_default)},
        {"offsets.topic.replication.factor", SettingType::int16, "1"},
        {"socket.request.max.bytes", SettingType::int32, std::to_string(options.request_size_max)},
        {"transaction.max.timeout.ms", SettingType::int32, std::to_string(options.transaction_timeout_max_ms)},
        {"transactional.id.expiration.ms", SettingType::int64, std::to_string(options.transactional_id_expiration_ms)},
        {"transaction.state.log.replication.factor", SettingType::int16, "1"}};
}

class DescribeConfigsExchange final : public ExchangeOf<DescribeConfigsRequest> {
    using ExchangeOf::ExchangeOf;
    using Answer = DescribeConfigsResponse::Resource;
    using Resource = DescribeConfigsRequest::Resource;

    void start() override {
        broker_settings_ = broker_settings(link().options());
        DescribeConfigsResponse response;
        for (const Resource& resource : request().resources) {
            Answer& out = response.results.emplace_back();
            out.resource_type = resource.resource_type;
            out.resource_name = resource.resource_name;
            switch (resource.resource_type) {
                case topic_resource: describe_topic(resource, out); break;
                case broker_resource: describe_broker(resource, out); break;
                case broker_logger_resource:
                case group_resource: break;  // none can be set
                default: refuse(out, ApiError::invalid_request, "Unsupported resource type");
            }
        }
        respond(response);
    }

    static void refuse(Answer& out, ApiError error, std::string_view reason) {
        out.error_code = error;
        out.error_message = reason;
    }

    [[nodiscard]] static bool is_wanted(const Resource& resource, std::string_view name) {
        return !resource.configuration_keys ||
               std::ranges::find(*resource.configuration_keys, name) != resource.configuration_keys->end();
    }

    void describe_topic(const Resource& resource, Answer& out) {
        const broker::TopicDefinition* topic = link().catalog().topic(link().vhost(), resource.resource_name);
        if (!is_valid_topic_name(resource.resource_name))
            return refuse(out, ApiError::invalid_topic_exception, "Topic name is illegal");
        if (topic == nullptr)
            return refuse(out, ApiError::unknown_topic_or_partition, "This server does not host this topic.");
        if (!link().may(broker::Operation::read, topic->name))
            return refuse(out, ApiError::topic_authorization_failed, "Topic authorization failed.");
        for (const TopicSetting& setting : topic_settings()) {
            if (!is_wanted(resource, setting.name)) continue;
            const std::string* set = find_value(topic->settings, setting.name);
            auto& config = out.configs.emplace_back();
            config.name = setting.name;
            config.value = set != nullptr ? std::string_view(*set) : setting.fallback;
            config.is_default = set == nullptr;
            config.config_source = set != nullptr ? from_topic : from_default;
            config.config_type = static_cast<std::int8_t>(setting.type);
            if (request().include_documentation) config.documentation = setting.meaning;
            if (!request().include_synonyms) continue;
            if (set != nullptr) config.synonyms.push_back({setting.name, *set, from_topic});
            config.synonyms.push_back({setting.name, setting.fallback, from_default});
        }
    }

    void describe_broker(const Resource& resource, Answer& out) {
        const std::string node = std::to_string(link().options().node_id);
        if (!resource.resource_name.empty() && resource.resource_name != node)
            return refuse(out, ApiError::invalid_request, "There is no such broker");
        for (const BrokerSetting& setting : broker_settings_) {
            if (!is_wanted(resource, setting.name)) continue;
            auto& config = out.configs.emplace_back();
            config.name = setting.name;
            config.value = setting.value;
            config.read_only = true;
            config.config_source = from_static_broker;
            config.config_type = static_cast<std::int8_t>(setting.type);
            if (request().include_synonyms)
                config.synonyms.push_back({setting.name, setting.value, from_static_broker});
        }
    }

    std::vector<BrokerSetting> broker_settings_;
};

/// What changes the settings of topics, whatever the form of the request.
template <class Request, class Response>
class AlterExchange : public GatheringExchange<Request> {
public:
    using GatheringExchange<Request>::GatheringExchange;
    using Resource = typename Request::Resource;
    using Config = typename Request::Config;

protected:
    /// The settings after the change. Errors: malformed.
    [[nodiscard]] virtual Result<Settings> changed(const Settings& now, const Resource& resource) const = 0;
    [[nodiscard]] virtual bool needs_value(const Config& config) const = 0;

    void start() final {
        const auto& resources = this->request().resources;
        fates_.resize(resources.size());
        std::map<std::pair<std::int8_t, std::string_view>, std::size_t> times;
        for (const Resource& each : resources) ++times[{each.resource_type, each.resource_name}];
        for (std::size_t i = 0; i < fates_.size(); ++i) {
            const bool once = times[{resources[i].resource_type, resources[i].resource_name}] == 1;
            const std::string_view fault =
                once ? fault_in(resources[i].configs) : "Each resource must appear at most once";
            if (fault.empty()) alter(i);
            else refuse(i, ApiError::invalid_request, std::string(fault));
        }
        this->asked_all();
    }

    /// Why it is no request at all, whatever it is about; empty: it is one.
    [[nodiscard]] std::string_view fault_in(const std::vector<Config>& configs) const {
        std::set<std::string_view> names;
        for (const Config& config : configs) {
            if (!names.insert(config.name).second) return "Each setting must appear at most once";
            if (!config.value && needs_value(config)) return "A setting has no value";
        }
        return {};
    }

    void alter(std::size_t place) {
        const Resource& resource = this->request().resources[place];
        Link& link = this->link();
        if (resource.resource_type != topic_resource)
            return refuse(place, ApiError::invalid_request, "Only the settings of topics can be changed");
        const broker::TopicDefinition* topic = link.catalog().topic(link.vhost(), resource.resource_name);
        if (topic == nullptr)
            return refuse(place, ApiError::unknown_topic_or_partition, "This server does not host this topic.");
        if (!link.may(broker::Operation::configure, topic->name))
            return refuse(place, ApiError::topic_authorization_failed, "Topic authorization failed.");
        const auto settings = changed(topic->settings, resource);
        if (!settings) return refuse(place, ApiError::invalid_config, settings.error().message);
        const auto options = topic_options(*settings);
        if (!options) return refuse(place, ApiError::invalid_config, options.error().message);
        if (!this->request().validate_only) this->ask(place, broker::AlterTopic{topic->id, *options, *settings});
    }

    void refuse(std::size_t place, ApiError error, std::string reason) { fates_[place] = {error, std::move(reason)}; }

    void take(std::size_t place, broker::Event& event) final {
        const auto& reply = std::get<broker::AdminReply>(event);
        if (!reply.outcome) refuse(place, api_error(reply.outcome.error().code), reply.outcome.error().message);
    }

    void finish() final {
        Response response;
        for (std::size_t i = 0; i < fates_.size(); ++i) {
            auto& out = response.responses.emplace_back();
            out.error_code = fates_[i].first;
            if (!fates_[i].second.empty()) out.error_message = fates_[i].second;
            out.resource_type = this->request().resources[i].resource_type;
            out.resource_name = this->request().resources[i].resource_name;
        }
        this->respond(response);
    }

private:
    std::vector<std::pair<ApiError, std::string>> fates_;
};

/// Replaces all settings.
class AlterConfigsExchange final : public AlterExchange<AlterConfigsRequest, AlterConfigsResponse> {
    using AlterExchange::AlterExchange;
    [[nodiscard]] Result<Settings> changed(const Settings&, const Resource& resource) const override {
        Settings out;
        for (const Config& config : resource.configs) out.emplace_back(config.name, *config.value);
        return out;
    }
    [[nodiscard]] bool needs_value(const Config&) const override { return true; }
};

class IncrementalAlterConfigsExchange final
    : public AlterExchange<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse> {
    using AlterExchange::AlterExchange;
    enum Operation : std::int8_t { set = 0, remove = 1, append_to_list = 2, subtract_from_list = 3 };

    [[nodiscard]] Result<Settings> changed(const Settings& now, const Resource& resource) const override {
        Settings out = now;
        for (const Config& config : resource.configs) FANTAIL_CHECK(change(out, config));
        return out;
    }
    [[nodiscard]] bool needs_value(const Config& config) const override { return config.config_operation != remove; }

    static Result<void> change(Settings& settings, const Config& config) {
        const TopicSetting* setting = find_topic_setting(config.name);
        if (setting == nullptr)
            return fail(ErrorCode::malformed, "Unknown topic config name: " + std::string(config.name));
        const auto at = std::ranges::find(settings, config.name, &std::pair<std::string, std::string>::first);
        const std::string now = at != settings.end() ? at->second : std::string(setting->fallback);
        if (at != settings.end()) settings.erase(at);
        if (config.config_operation == remove) return {};
        if (config.config_operation == set) {
            settings.emplace_back(config.name, *config.value);
            return {};
        }
        if (setting->type != SettingType::list || config.config_operation > subtract_from_list ||
            config.config_operation < 0)
            return fail(ErrorCode::malformed,
                        "Config value append is not allowed for config key: " + std::string(config.name));
        settings.emplace_back(config.name, edit_list(now, *config.value, config.config_operation == append_to_list));
        return {};
    }

    static std::vector<std::string> split(std::string_view list) {
        std::vector<std::string> out;
        while (!list.empty()) {
            const std::size_t comma = std::min(list.find(','), list.size());
            if (comma > 0) out.emplace_back(list.substr(0, comma));
            list.remove_prefix(std::min(comma + 1, list.size()));
        }
        return out;
    }

    static std::string edit_list(std::string_view now, std::string_view words, bool add) {
        std::vector<std::string> all = split(now);
        for (const std::string& word : split(words)) {
            std::erase(all, word);
            if (add) all.push_back(word);
        }
        std::string out;
        for (const std::string& word : all) out += (out.empty() ? "" : ",") + word;
        return out;
    }
};

/// Of clients' metrics and of groups there are no settings, and so no resources.
class ListConfigResourcesExchange final : public ExchangeOf<ListConfigResourcesRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        ListConfigResourcesResponse response;
        const std::string node = std::to_string(link().options().node_id);
        if (version() == 0) return respond(response);  // which is about clients' metrics alone
        if (!std::ranges::all_of(request().resource_types, is_known)) {
            response.error_code = ApiError::unsupported_version;
            return respond(response);
        }
        for (const ResourceType type : {broker_logger_resource, broker_resource})
            if (is_wanted(type)) response.config_resources.push_back({node, type});
        if (is_wanted(topic_resource)) add_topics(response);
        respond(response);
    }

    [[nodiscard]] static bool is_known(std::int8_t type) {
        return type == topic_resource || type == broker_resource || type == broker_logger_resource ||
               type == client_metrics_resource || type == group_resource;
    }

    [[nodiscard]] bool is_wanted(std::int8_t type) const {
        const auto& wanted = request().resource_types;
        return wanted.empty() || std::ranges::find(wanted, type) != wanted.end();
    }

    void add_topics(ListConfigResourcesResponse& response) const {
        link().catalog().for_each_topic(link().vhost(), [&](const broker::TopicDefinition& topic) {
            if (link().may(broker::Operation::read, topic.name))
                response.config_resources.push_back({topic.name, topic_resource});
        });
    }
};

}  // namespace

std::unique_ptr<Exchange> make_describe_configs(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeConfigsExchange>(link, header);
}
std::unique_ptr<Exchange> make_alter_configs(Link& link, const RequestHeader& header) {
    return std::make_unique<AlterConfigsExchange>(link, header);
}
std::unique_ptr<Exchange> make_incremental_alter_configs(Link& link, const RequestHeader& header) {
    return std::make_unique<IncrementalAlterConfigsExchange>(link, header);
}
std::unique_ptr<Exchange> make_list_config_resources(Link& link, const RequestHeader& header) {
    return std::make_unique<ListConfigResourcesExchange>(link, header);
}

}  // namespace fantail::kafka
